/** What is asked after a self-description decides, not the self-description: "I love hiking, what is RAG?" is a question. */
import { REQUEST_WORDS } from './request-words.ts'

const BOUNDARY = new RegExp(
  `(?:[.;:!?,\\u2013\\u2014-]+ +|,? +(?:and|so|but|y|pero|und|aber|et|mais|e|ma) +)(?=(?:(?:and|so|but|now|please|then|also|now|y|pero|und|aber|et|mais|bitte) +)?[\\u00bf\\u00a1]?(?:${REQUEST_WORDS})\\b)`,
  'g',
)
const OPENING_LENGTH_MAX = 600

/** Returns the last request that follows something else in a normalized text; undefined when nothing stands before one. */
export function requestAfterStatement(normalized: string): string | undefined {
  const head = normalized.slice(0, OPENING_LENGTH_MAX)
  const boundary = [...head.matchAll(BOUNDARY)].at(-1)
  return boundary === undefined ? undefined : normalized.slice(boundary.index + boundary[0].length)
}
