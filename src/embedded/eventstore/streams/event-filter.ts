/** Decides by name which events a filtered reading is about, without letting an expression take the server's time. */
import { createContext, Script } from 'node:vm'
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'
import { LIMITS } from '../limits.ts'
import type { RecordHeader } from '../storage/event-log.ts'

/** What a client asks for: a list of beginnings, or a regular expression in .NET's spelling. */
export interface FilterExpression {
  readonly on: 'stream' | 'type'
  readonly prefixes: readonly string[]
  readonly regex: string
}

/** The filter cannot be used: not an expression, or one that takes too long. */
export class UnusableFilter extends Error {
  override readonly name = 'UnusableFilter'
}

export type EventFilter = (header: Pick<RecordHeader, 'stream' | 'type'>) => boolean

/** Without prefixes and expression nothing matches; an empty prefix matches everything. Throws UnusableFilter. */
export function createEventFilter(expression: FilterExpression): EventFilter {
  const matches = createMatcher(expression)
  return expression.on === 'stream' ? (header) => matches(header.stream) : (header) => matches(header.type)
}

function createMatcher({ prefixes, regex }: FilterExpression): (name: string) => boolean {
  if (prefixes.length > LIMITS.filterPrefixesMax)
    throw new UnusableFilter(`more than ${LIMITS.filterPrefixesMax} prefixes`)
  if (prefixes.length > 0) return (name) => prefixes.some((prefix) => name.startsWith(prefix))
  if (regex === '') return () => false
  if (regex.length > LIMITS.filterExpressionMax) throw new UnusableFilter('the expression is too long')
  const matches = linearMatcher(regex) ?? timedMatcher(regex)
  const known = new LRUCache<string, { is: boolean }>({ max: LIMITS.filterCacheMax })
  return (name) => {
    const answer = known.get(name) ?? { is: matches(name) }
    known.set(name, answer)
    return answer.is
  }
}

/** Matches in a time that grows with the name alone; undefined for what RE2 does not know, such as looking ahead. */
function linearMatcher(regex: string): ((name: string) => boolean) | undefined {
  try {
    const compiled = RE2JS.compile(inUnicode(regex))
    return (name) => compiled.test(name)
  } catch {
    return undefined
  }
}

/** The classes of .NET know all of Unicode, those of RE2 only ASCII. Negated ones inside brackets stay as they are. */
const UNICODE_CLASSES: Readonly<Record<string, string>> = {
  '\\w': '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}',
  '\\d': '\\p{Nd}',
  '\\s': '\\s\\x0b\\x85\\p{Z}',
}

function inUnicode(regex: string): string {
  let isInClass = false
  return regex.replace(/\\[\s\S]|[[\]]/g, (token) => {
    if (token === '[') isInClass = true
    else if (token === ']') isInClass = false
    const known = UNICODE_CLASSES[token.toLowerCase()]
    if (!known) return token
    if (token !== token.toLowerCase()) return isInClass ? token : `[^${known}]`
    return isInClass ? known : `[${known}]`
  })
}

/** Matches by backtracking, each name within a time of its own. */
function timedMatcher(regex: string): (name: string) => boolean {
  const [, options = '', rest = regex] = /^\(\?([im]+)\)([\s\S]*)$/.exec(regex) ?? []
  const context = createContext({ expression: compile(rest, options), name: '' })
  const script = new Script('expression.test(name)')
  return (name) => {
    context['name'] = name
    try {
      return script.runInContext(context, { timeout: LIMITS.filterMatchMs }) as boolean
    } catch {
      throw new UnusableFilter('the expression takes too long')
    }
  }
}

function compile(regex: string, options: string): RegExp {
  try {
    return new RegExp(regex, `${[...new Set(options)].join('')}u`)
  } catch (error) {
    throw new UnusableFilter(`not a regular expression: ${(error as Error).message}`)
  }
}
