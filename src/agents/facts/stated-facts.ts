/**
 * Finds the facts a person states about themselves in a message: only explicit first-person statements and wishes to write
 * something down, each with the words it stands in. A message that asks anything states none. Pure.
 */
import {
  attributeWrites,
  type FactKind,
  type FactPattern,
  factPatterns,
  firstPerson,
  kindOfAttribute,
  notMeant,
  writeOpening,
} from './fact-patterns.ts'
import { asks, type Clause, clausesOf } from './message-clauses.ts'

export interface StatedFact {
  readonly kind: FactKind
  /** In the person's own words, without the statement around it. */
  readonly value: string
  /** The statement it was found in: `[from, to)` in UTF-16 code units of the message. */
  readonly span: { readonly from: number; readonly to: number }
}

/** A message states no more facts than this; the first ones count. */
export const FACTS_PER_MESSAGE_MAX = 8
const VALUE_CHARACTERS_MAX = 200

const FILLER =
  /^(?:(?:hi|hello|hey|well|ok|okay|so|also|and|but|oh|yes|btw|by the way|just so you know|fyi|for context|for your information|for the record|um|please|quick note|actually|now|just|hola|buenas|bueno|oye|por favor|pues|ademas|tambien|hallo|nur zur info|also|und|bitte|ubrigens|mal|salut|bonjour|alors|au fait|s'il te plait|aussi)(?![\w'])[\s,:!–—-]*)+/
const WISH =
  /^(?:(?:can|could|would|will) (?:you|u)(?: please)? |i want you to |i'd like you to |(?:me )?(?:puedes|podrias)(?: por favor)? |(?:kannst|konntest|wurdest) du(?: dir)?(?: bitte)? |(?:peux|pourrais)-tu (?:s'il te plait )?)/
/** German and Spanish say "could you … write down" with the verb elsewhere; only the plain order is read. */
const ADDRESS = /^(?:please|bitte|por favor|s'il te plait)[\s,]+/
const QUOTED = /["“”«»„]/

/** The facts of a message, in its order; none when it asks something, speaks of what is not so, or is very long. */
export function statedFacts(text: string): readonly StatedFact[] {
  const clauses = clausesOf(text)
  if (clauses === undefined || clauses.some(({ folded }) => notMeant.test(folded))) return []
  const facts: StatedFact[] = []
  for (const clause of clauses) {
    const fact = factIn(clause, text)
    if (fact !== undefined) facts.push(fact)
    else if (asks(clause)) return []
  }
  return facts.slice(0, FACTS_PER_MESSAGE_MAX)
}

/** Whether these words, quoted from the message, may become a fact: they stand in a statement about oneself, and the message asks nothing. */
export function isStatedIn(text: string, quote: string): boolean {
  const clauses = clausesOf(text)
  const at = quote.trim() === '' ? -1 : text.indexOf(quote)
  if (clauses === undefined || at === -1) return false
  if (clauses.some((clause) => notMeant.test(clause.folded) || (asks(clause) && factIn(clause, text) === undefined)))
    return false
  return clauses.some(({ start, end, folded }) => at < end && at + quote.length > start && firstPerson.test(folded))
}

function factIn(clause: Clause, text: string): StatedFact | undefined {
  const statement = after(after(clause, FILLER), FILLER)
  const wished = after(after(statement, WISH), ADDRESS)
  const isWish = wished.start > statement.start
  const written = attributeWrite(wished, text)
  if (written !== undefined) return written
  const told = after(wished, writeOpening)
  const isWrite = told.start > wished.start
  // A question is only a fact when it asks to write one down.
  if (!isWrite && (isWish || asks(clause) || QUOTED.test(statement.folded))) return undefined
  const body = after(told, FILLER)
  for (const pattern of factPatterns) {
    const fact = matched(body, pattern, text, statement.start)
    if (fact !== undefined) return fact
  }
  return isWrite ? noteOf(body, text, statement.start) : undefined
}

function matched(
  clause: Clause,
  { kind, pattern, isAsWritten = false }: FactPattern,
  text: string,
  spanStart: number,
): StatedFact | undefined {
  const read = isAsWritten ? text.slice(clause.start, clause.end) : clause.folded
  const found = pattern.exec(read)
  const value = found?.groups?.['value']
  if (found === null || value === undefined) return undefined
  const start = clause.start + found[0].lastIndexOf(value)
  return factOf(kind, text, { start, end: start + value.length }, spanStart)
}

function attributeWrite(clause: Clause, text: string): StatedFact | undefined {
  const folded = clause.folded.replace(
    /(?:[\s.!?,]|\b(?:please|thanks|thx|por favor|gracias|bitte|danke|merci)\b)+$/,
    '',
  )
  for (const pattern of attributeWrites) {
    const found = pattern.exec(folded)
    const { attribute, value } = found?.groups ?? {}
    if (attribute === undefined || value === undefined || /^(?:that|dass|que) /.test(value)) continue
    const start = clause.start + (found as RegExpExecArray)[0].indexOf(value)
    return factOf(kindOfAttribute(attribute), text, { start, end: start + value.length }, clause.start)
  }
  return undefined
}

/** What a person wants written down, and that is of no kind we know, is kept in their words. */
function noteOf(clause: Clause, text: string, spanStart: number): StatedFact | undefined {
  const opensQuestion = asks({ ...clause, folded: clause.folded.replace(/\?+$/, '') })
  if (opensQuestion || /^to\s/.test(clause.folded) || !firstPerson.test(clause.folded) || !clause.folded.includes(' '))
    return undefined
  return factOf('note', text, { start: clause.start, end: clause.end }, spanStart)
}

function factOf(
  kind: FactKind,
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  spanStart: number,
): StatedFact | undefined {
  const value = text
    .slice(start, end)
    .replace(/^["“”«»„'\s]+|["“”«»„'\s.!?…]+$/g, '')
    .trim()
  if (!/[\p{L}\p{N}]/u.test(value) || value.length > VALUE_CHARACTERS_MAX) return undefined
  return { kind, value, span: { from: spanStart, to: end } }
}

/** The clause without an opening. */
function after(clause: Clause, opening: RegExp): Clause {
  const found = opening.exec(clause.folded)
  if (found === null || found[0].length >= clause.folded.length) return clause
  const length = found[0].length
  return { start: clause.start + length, end: clause.end, folded: clause.folded.slice(length) }
}
