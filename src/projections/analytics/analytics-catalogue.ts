/** Everything in schema `analytics`, in the order in which people meet it. */
import { type AnalyticsFunction, type AnalyticsView, columnOf } from './analytics-view.ts'
import { factViews } from './fact-views.ts'
import { summaryViews } from './summary-views.ts'

/** How far the rows are; no fact itself, and so no part of an export. */
const positionView: AnalyticsView = {
  name: 'position',
  about: 'How far in the log the rows are that the views show.',
  key: ['generation'],
  columns: {
    generation: columnOf('integer', 'The generation of read models that is live.'),
    position: columnOf('bigint', 'The last position of the log that is in the rows; -1 before the first.'),
  },
}

export const analyticsViews: readonly AnalyticsView[] = [...factViews, ...summaryViews, positionView]

/** The prices are a table, made by a migration; described here for the dictionary. */
export const modelPriceTable: AnalyticsView = {
  name: 'model_price',
  about:
    'What a model costs, kept by operators: insert a row when a price changes. A model without a row has no known cost.',
  key: ['provider', 'model_id', 'valid_from'],
  columns: {
    provider: columnOf('text', 'Who runs the model, as turns name it.'),
    model_id: columnOf(
      'text',
      'The model, as turns name it; * stands for every model of the provider that has no row of its own.',
    ),
    valid_from: columnOf('timestamptz', 'From when on the price holds, until the next one does.'),
    input_usd_per_million: columnOf('numeric', 'US dollars for a million tokens that the model reads.'),
    output_usd_per_million: columnOf('numeric', 'US dollars for a million tokens that the model writes.'),
  },
}

export const analyticsFunctions: readonly AnalyticsFunction[] = [
  {
    name: 'turns_as_of',
    argumentTypes: 'timestamptz, timestamptz',
    usage: "turns_as_of(at timestamptz, since timestamptz default '-infinity')",
    about:
      'The turns as they stood at a time: status, intent, outcome, correction and rating as known then; only turns asked from since on.',
  },
  {
    name: 'usage_as_of',
    argumentTypes: 'timestamptz, timestamptz',
    usage: "usage_as_of(at timestamptz, since timestamptz default '-infinity')",
    about: 'Daily usage as it stood at a time, counted over the turns as they stood then.',
  },
]
