/** Writes a JSON value in the one form that everybody agrees on: RFC 8785, the JSON Canonicalization Scheme. */
import { assert } from '../shared/assert.ts'

/**
 * No white space, members sorted by the UTF-16 code units of their names, numbers and strings as ECMAScript writes them.
 * A lone surrogate, at which RFC 8785 gives up, is written as its escape (`\ud800`): whatever is in the record has a form.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return scalar(value)
  if (Array.isArray(value)) return array(value)
  return object(value as Readonly<Record<string, unknown>>)
}

/** Strings that stand as they are between quotation marks: most of them. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/
const PLAIN_TEXT_UNITS_MAX = 100

function scalar(value: unknown): string {
  if (typeof value === 'string' && value.length <= PLAIN_TEXT_UNITS_MAX && PLAIN_TEXT.test(value)) return `"${value}"`
  assert(typeof value !== 'number' || Number.isFinite(value), 'JSON has finite numbers only')
  const text = JSON.stringify(value)
  assert(text !== undefined, 'a JSON value is null, a boolean, a number, a string, an array or an object')
  return text
}

function array(values: readonly unknown[]): string {
  let text = '['
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) text += ','
    text += canonicalJson(values[index])
  }
  return `${text}]`
}

function object(value: Readonly<Record<string, unknown>>): string {
  const names = sorted(Object.keys(value))
  let text = '{'
  for (const name of names) {
    const member = value[name]
    if (member === undefined) continue
    text += `${text.length > 1 ? ',' : ''}${nameText(name)}:${canonicalJson(member)}`
  }
  return `${text}}`
}

/** From here on the sort of the language is faster. */
const FEW_NAMES_MAX = 24

/** Sorts in place by UTF-16 code units, just what the RFC asks for: `<` compares so, and so does `sort` without a comparison of its own. */
function sorted(names: string[]): string[] {
  if (names.length > FEW_NAMES_MAX) return names.sort()
  for (let index = 1; index < names.length; index += 1) {
    const name = names[index] as string
    let place = index
    while (place > 0 && name < (names[place - 1] as string)) {
      names[place] = names[place - 1] as string
      place -= 1
    }
    names[place] = name
  }
  return names
}

/** Names of members repeat from event to event; few are ever unusual, so the memory of their texts stays small. */
const knownNames = new Map<string, string>()
const KNOWN_NAMES_MAX = 2_000

function nameText(name: string): string {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const text = JSON.stringify(name)
  if (knownNames.size < KNOWN_NAMES_MAX) knownNames.set(name, text)
  return text
}
