/** Reads the rules of retention: which conversations and attachments lose their text, and at which age. */
import { type ConversationKind, conversationKinds } from './conversation-events.ts'

/** `project` conversations are transient: they age out of the record itself. */
const keptKinds = conversationKinds.filter((kind) => kind !== 'project')
const states = ['archived', 'deleted'] as const
const ruleNames = ['conversation', ...keptKinds, ...states, 'attachment'] as const

export interface RetentionRule {
  readonly name: string
  /** Whole days. */
  readonly ageDays: number
}

/** By name; a kind of conversations that is kept whatever `conversation` says has no age. */
export type RetentionRules = ReadonlyMap<string, number | 'keep'>

/** What a rule looks at in a conversation. */
export interface AgeingConversation {
  readonly kind: ConversationKind
  readonly isArchived: boolean
  readonly isDeleted: boolean
}

const DAYS_MAX = 36_500
const DAYS_A_YEAR = 365
const DAY_MS = 24 * 60 * 60_000
const RULE = /^([a-z_]+)\s*=\s*(?:(\d{1,6})([dy])|(keep))$/

/** Rules such as `conversation=2y, image=90d, ember_learn=keep`; empty text has none. What cannot be read is told as problems. */
export function parseRetentionRules(text: string): { readonly rules: RetentionRules; readonly problems: string[] } {
  const rules = new Map<string, number | 'keep'>()
  const problems: string[] = []
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue
    const [, name = '', count, unit, keep] = RULE.exec(part) ?? []
    const age = keep === undefined ? Number(count) * (unit === 'y' ? DAYS_A_YEAR : 1) : 'keep'
    const problem = rules.has(name) ? `${name}: has more than one rule` : problemOf(part, name, age)
    if (problem === undefined) rules.set(name, age)
    else problems.push(problem)
  }
  return { rules, problems }
}

function problemOf(part: string, name: string, age: number | 'keep'): string | undefined {
  if (name === '') return `${part}: a rule is written like image=90d, conversation=2y or ember_learn=keep`
  if (!(ruleNames as readonly string[]).includes(name)) return `${name}: there are rules for ${ruleNames.join(', ')}`
  if (age === 'keep') return isKind(name) ? undefined : `${part}: only kinds of conversations can be kept`
  return age >= 1 && age <= DAYS_MAX ? undefined : `${part}: an age is 1 to ${DAYS_MAX} days`
}

/** The rule for a conversation: that of its kind, or else `conversation`; a shorter one for archived or deleted ones goes before it. */
export function ruleFor(rules: RetentionRules, conversation: AgeingConversation): RetentionRule | undefined {
  const { kind, isArchived, isDeleted } = conversation
  const names = [
    rules.has(kind) ? kind : 'conversation',
    ...(isArchived ? ['archived'] : []),
    ...(isDeleted ? ['deleted'] : []),
  ]
  return shortest(rules, names)
}

/** The shortest age that any conversation may have; undefined when no rule is about conversations. */
export function shortestConversationRule(rules: RetentionRules): RetentionRule | undefined {
  return shortest(
    rules,
    [...rules.keys()].filter((name) => name !== 'attachment'),
  )
}

export function attachmentRule(rules: RetentionRules): RetentionRule | undefined {
  return shortest(rules, ['attachment'])
}

/** What was last added to before this moment is due. */
export function dueBefore({ ageDays }: RetentionRule, now: Date): Date {
  return new Date(now.getTime() - ageDays * DAY_MS)
}

function shortest(rules: RetentionRules, names: readonly string[]): RetentionRule | undefined {
  let found: RetentionRule | undefined
  for (const name of names) {
    const ageDays = rules.get(name)
    if (typeof ageDays !== 'number') continue
    if (found === undefined || ageDays < found.ageDays) found = { name, ageDays }
  }
  return found
}

function isKind(name: string): boolean {
  return (keptKinds as readonly string[]).includes(name)
}
