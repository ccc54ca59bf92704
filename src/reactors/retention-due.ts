/** Finds what rules of retention are due for: the vault says what has keys, the read models what it is, the record how old. */
import { envelopeSchema } from '../events/envelope.ts'
import {
  attachmentRule,
  dueBefore,
  type RetentionRule,
  type RetentionRules,
  ruleFor,
  shortestConversationRule,
} from '../events/retention-rules.ts'
import {
  attachmentScope,
  attachmentStream,
  conversationIdFromStream,
  conversationStream,
} from '../events/stream-names.ts'
import type { ConversationAge, ConversationAges } from '../projections/conversation-ages.ts'
import type { EventReader } from '../store/event-store.ts'
import type { AgedKey, RetentionItem, RetentionStore } from '../vault/retention-store.ts'

export interface DueItem extends RetentionItem {
  readonly rule: RetentionRule
  readonly isHeld: boolean
}

export interface RetentionDueParts {
  readonly retention: Pick<RetentionStore, 'agedKeys' | 'withKeys'>
  readonly ages: ConversationAges
  readonly reader: Pick<EventReader, 'readStreamBackwards'>
}

const PAGE_ROWS = 500
const READS_AT_ONCE = 20

/** Yields after each page of keys what of it is due, held or not; a page may have nothing. */
export async function* findDue(
  parts: RetentionDueParts,
  rules: RetentionRules,
  now: Date,
): AsyncGenerator<readonly DueItem[]> {
  const shortest = shortestConversationRule(rules)
  if (shortest !== undefined) {
    for await (const page of agedPages(parts, 'conversations', dueBefore(shortest, now))) {
      yield await dueConversations(parts, page, { rules, now })
    }
  }
  const rule = attachmentRule(rules)
  if (rule !== undefined) {
    for await (const page of agedPages(parts, 'attachments', dueBefore(rule, now))) {
      yield page.map(({ scope, person, isHeld }) => ({ scope, person, revision: null, rule, isHeld }))
    }
  }
}

/**
 * Yields, page by page, how many conversations or attachments by rule are old enough and have no key of their own: they were stored
 * before there were such keys. Only erasing the person, where it was sealed at all, takes their text away.
 */
export async function* findOutOfReach(
  parts: RetentionDueParts,
  rules: RetentionRules,
  now: Date,
): AsyncGenerator<readonly RetentionRule[]> {
  const shortest = shortestConversationRule(rules)
  let after: string | undefined
  while (shortest !== undefined) {
    const page = await parts.ages.quietSince(dueBefore(shortest, now), after)
    const due = page.conversations.flatMap((age) => {
      const rule = ruleFor(rules, age)
      return rule !== undefined && age.saidAt < dueBefore(rule, now)
        ? [{ scope: conversationStream(age.conversationId), rule }]
        : []
    })
    yield await withoutKeys(parts, due)
    after = page.next
    if (after === undefined) break
  }
  const rule = attachmentRule(rules)
  let place: Awaited<ReturnType<ConversationAges['attachmentsBefore']>>['next']
  while (rule !== undefined) {
    const page = await parts.ages.attachmentsBefore(dueBefore(rule, now), place)
    const due = page.attachments.map(({ conversationId, ownerId, attachmentId }) => ({
      scope: attachmentScope(conversationId, attachmentStream(ownerId, attachmentId)),
      rule,
    }))
    yield await withoutKeys(parts, due)
    place = page.next
    if (place === undefined) break
  }
}

async function withoutKeys(
  { retention }: RetentionDueParts,
  due: readonly { readonly scope: string; readonly rule: RetentionRule }[],
): Promise<readonly RetentionRule[]> {
  const known = await retention.withKeys(due.map(({ scope }) => scope))
  return due.filter(({ scope }) => !known.has(scope)).map(({ rule }) => rule)
}

async function* agedPages(
  { retention }: RetentionDueParts,
  of: 'conversations' | 'attachments',
  madeBefore: Date,
): AsyncGenerator<readonly AgedKey[]> {
  let after: AgedKey | undefined
  do {
    const page = await retention.agedKeys({ of, madeBefore, after, limit: PAGE_ROWS })
    yield page
    after = page.length < PAGE_ROWS ? undefined : page.at(-1)
  } while (after !== undefined)
}

async function dueConversations(
  parts: RetentionDueParts,
  page: readonly AgedKey[],
  { rules, now }: { readonly rules: RetentionRules; readonly now: Date },
): Promise<readonly DueItem[]> {
  const ids = page.flatMap(({ scope }) => conversationIdFromStream(scope) ?? [])
  const ages = new Map<string, ConversationAge>(
    (await parts.ages.find(ids)).map((age) => [conversationStream(age.conversationId), age]),
  )
  const likely = page.flatMap(({ scope, person, isHeld }) => {
    const age = ages.get(scope)
    const rule = age && ruleFor(rules, age)
    if (age === undefined || rule === undefined || age.saidAt >= dueBefore(rule, now)) return []
    return [{ scope, person, revision: age.lastRevision, rule, isHeld }]
  })
  const due: DueItem[] = []
  for (let from = 0; from < likely.length; from += READS_AT_ONCE) {
    const items = likely.slice(from, from + READS_AT_ONCE)
    const isDue = await Promise.all(items.map((item) => isUntouched(parts, item, dueBefore(item.rule, now))))
    due.push(...items.filter((_item, index) => isDue[index]))
  }
  return due
}

/** What the rows do not show yet may be news to the rule: then it is looked at the next time. */
async function isUntouched(
  { reader }: RetentionDueParts,
  { scope, revision }: RetentionItem,
  since: Date,
): Promise<boolean> {
  const [last] = await reader.readStreamBackwards(scope, 1)
  if (last === undefined || last.revision !== revision) return false
  const envelope = envelopeSchema.safeParse(last.metadata)
  return envelope.success && new Date(envelope.data.occurredAt) < since
}
