/** Makes the page for analysts: how to get in, what there is, column by column, from the descriptions that Postgres got. */
import {
  analyticsFunctions,
  analyticsViews,
  modelPriceTable,
} from '../src/projections/analytics/analytics-catalogue.ts'
import type { AnalyticsView } from '../src/projections/analytics/analytics-view.ts'

const INTRODUCTION = `# For analysts

Made from code by \`npm run docs\`; do not edit. A test holds it against the code and against Postgres.

Schema \`analytics\` holds facts and figures about every turn, for SQL, notebooks and BI tools. It always shows the live
generation of read models and changes hands with it in one transaction. Days and weeks are in UTC; a day is that of the question.
Ten questions with their answers are in [analytics-queries.md](analytics-queries.md); why it is made this way, in
[decision 0010](decisions/0010-what-analysts-see.md).

## What analysts do not see

Nobody's words: no texts, titles, notes, evidence, or names that people chose. People, conversations and turns carry pseudonyms
(\`person_key\`, \`conversation_key\`, \`turn_key\`): HMAC-SHA256 under a key that is made once for each installation and kept in schema
\`emberlog\`, out of reach. They are the same in every view, so that facts can be joined, and of no use elsewhere. A corrected
intent that is none of ours is shown as \`other\`. Rows of erased people keep counting.

## How to get in

The role \`emberlog_analyst\` may read schema \`analytics\` and nothing else. It is made when Emberlog starts; where its database user may
not make roles, readiness says so, an administrator runs \`create role emberlog_analyst nologin\`, and the next start grants what it
needs. Give each analyst a login that is a member:

\`\`\`sql
create role ann login password '…' in role emberlog_analyst;
alter role ann set default_transaction_read_only = on;
alter role ann set statement_timeout = '60s';
\`\`\`

What a role can read comes with membership, settings do not: hence the two last lines. The compose file makes such a login,
\`analyst\`. A statement that reads a view for minutes keeps a rebuild from being shown for as long: heavy work belongs on a
replica, or on an export. Views of your own go into a schema of your own: when a new version of Emberlog defines its views
anew, schema \`analytics\` is made anew, and what was built upon it goes with it.

The same figures, bounded and ready to draw, are at \`/api/v1/analytics/*\` and on the page \`/analytics\`, for people with the
role \`analyst\` or \`operator\`.

## To take away

\`\`\`
npx emberlog analytics export turn --format parquet --out ./november --from 2026-11-01 --to 2026-12-01
npx emberlog analytics export all --format csv --out ./everything
\`\`\`

One file for each view, in the order of its key. Rows are read page by page, and each page is as of its own moment: for figures that agree
with each other, end the range before now. \`--from\` and \`--to\` (days or times in UTC, \`--to\` not included) are about the first column of
the key. CSV follows RFC 4180: times are ISO 8601 in UTC, null is nothing, an empty text is \`""\`. In Parquet, days are DATE, times are
TIMESTAMP_MILLIS in UTC, and amounts are double precision. A file appears when it is whole, and never in place of another without
\`--force\`. \`--json\` prints progress and result as lines.

## Cost

\`cost_usd\` is tokens times the price that held when the turn was asked. Prices are yours to keep, as an operator:

\`\`\`sql
insert into analytics.model_price (provider, model_id, valid_from, input_usd_per_million, output_usd_per_million)
values ('openai', 'some-model', '2026-11-01', 2.50, 10.00);
\`\`\`

A model without a price has no known cost: it is null, never 0, and so is every sum that it is part of; \`unpriced_turns\` says how
many are missing. The offline assistant costs nothing.

## As of a time
`

const AS_OF = `
A turn counts from its question on; it is open, and its intent unknown, until then known otherwise; corrections and ratings are the last
ones given by then. What was true at a time that the read models have passed (\`analytics.position\`) never changes.
`

export function analyticsPage(): string {
  return [
    INTRODUCTION,
    ...analyticsFunctions.map(({ usage, about }) => `- \`analytics.${usage}\`: ${about}`),
    AS_OF,
    ...[...analyticsViews, modelPriceTable].flatMap(section),
  ].join('\n')
}

function section({ name, about, key, columns }: AnalyticsView): string[] {
  return [
    `## analytics.${name}`,
    '',
    `${about} Key: ${key.map((column) => `\`${column}\``).join(', ')}.`,
    '',
    '| column | type | holds |',
    '| --- | --- | --- |',
    ...Object.entries(columns).map(
      ([column, described]) => `| \`${column}\` | ${described.type} | ${described.about} |`,
    ),
    '',
  ]
}
