/** Makes the page that explains every error code, from the catalogues that the program itself uses. */
import { answerFailures, errorCatalogue } from '../src/api/error-catalogue.ts'
import { faultExplanations } from '../src/cli/fault-explanations.ts'

export function errorsPage(): string {
  const clients = Object.entries(errorCatalogue).map(
    ([code, { status, title, explanation }]) => `| \`${code}\` | ${status} | ${title} ${explanation} |`,
  )
  const answers = Object.entries(answerFailures).map(
    ([code, { title, explanation }]) => `| \`${code}\` | ${title} ${explanation} |`,
  )
  const faults = Object.entries(faultExplanations).map(([code, explanation]) => `| \`${code}\` | ${explanation} |`)
  return [
    '# Errors',
    '',
    'Made from code by `npm run docs`; do not edit. A test holds it against the code, both ways.',
    '',
    '## Over HTTP and sockets',
    '',
    'HTTP errors are `application/problem+json` with `type`, `title`, `status`, `code` and `detail`; `type` leads here. On a socket',
    'the same codes stand in `error` and `message.refused` frames. 429 and 503 say when to try again (`Retry-After`, `retryAfterMs`).',
    '',
    '| code | status | meaning |',
    '| --- | --- | --- |',
    ...clients,
    '',
    '## Why an answer failed',
    '',
    'The `code` of a `response.failed` frame and of the event `ResponseFailed`. The message itself is safe in the record.',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...answers,
    '',
    '## For whoever runs it',
    '',
    'What the command line and the logs name. Codes of the embedded Postgres (`embedded-postgres-…`) explain themselves in their message',
    'and in [embedded-postgres.md](embedded-postgres.md).',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...faults,
    '',
  ].join('\n')
}
