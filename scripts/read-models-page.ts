/** Makes the page of all read models from the descriptions that the writer itself works from. */
import { readModels } from '../src/projections/projectors.ts'
import { columnName, type ReadModel, shownColumns } from '../src/projections/read-model.ts'

export function readModelsPage(): string {
  return [
    '# Read models',
    '',
    'Made from code by `npm run docs`; do not edit. A test holds it against the code and against Postgres.',
    '',
    'Everything here is made from the record and can be made again from it: `emberlog projections rebuild` builds a complete new',
    'set, a *generation*, beside the live one, compares both row by row, and points the views at the new one in one transaction.',
    'Query the views of schema `chat`; they always show the live generation, whose tables are in a schema of their own',
    '(`chat_g1`, `chat_g2` …). Times are from the events and in UTC. `chat.position` says how far in the log the rows are.',
    '',
    'Conversations that age out of the record (kind `project`) are in no read model. The rows of a deleted conversation stay,',
    'with `deleted_at` set in `chat.conversation`, until they are restored or erased.',
    '',
    ...readModels.flatMap(section),
  ].join('\n')
}

function section(model: ReadModel): string[] {
  return [
    `## chat.${model.name}`,
    '',
    `${model.about} Key: ${model.key.map((field) => `\`${columnName(field)}\``).join(', ')}.`,
    '',
    '| column | type | holds |',
    '| --- | --- | --- |',
    ...shownColumns(model).map(({ name, type, about }) => `| \`${name}\` | ${type} | ${about} |`),
    '',
  ]
}
