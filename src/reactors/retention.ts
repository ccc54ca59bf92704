/** Applies rules of retention to whatever is old enough and not held: one process at a time, batch by batch, again and again. */
import { dueBefore, type RetentionRule, type RetentionRules } from '../events/retention-rules.ts'
import type { Clock } from '../shared/clock.ts'
import { mintId } from '../shared/ids.ts'
import { pause } from '../shared/waiting.ts'
import type { RetentionStore } from '../vault/retention-store.ts'
import { createBatchFinisher, ITSELF, type RetentionBatchParts } from './retention-batch.ts'
import { type DueItem, findDue, findOutOfReach, type RetentionDueParts } from './retention-due.ts'

export interface RetentionParts extends RetentionDueParts, RetentionBatchParts {
  readonly retention: RetentionStore
  readonly clock: Clock
}

/** What a rule was found to be about. */
export interface RuleFindings extends RetentionRule {
  readonly until: Date
  /** Old enough, with keys that can be destroyed. */
  readonly due: number
  /** Old enough, and held. */
  readonly held: number
}

export interface RuleOutlook extends RuleFindings {
  /** Old enough, and stored before there were keys to destroy. */
  readonly outOfReach: number
}

export interface RetentionWish {
  readonly rules: RetentionRules
  readonly requestedBy: string
  /** Left out: the rule itself is the reason. */
  readonly reason?: string
}

export interface Retention {
  /** Looks and changes nothing. */
  readonly look: (rules: RetentionRules, onProgress?: (found: number) => void) => Promise<RuleOutlook[]>
  /** Finishes what was begun, then applies the rules. Undefined when another process is at it, or was since `appliedBefore`. */
  readonly apply: (wish: RetentionWish, options?: ApplyOptions) => Promise<RuleFindings[] | undefined>
  /** Finishes what another process has begun and left behind. */
  readonly finish: () => Promise<void>
  /** Applies the rules again and again, until the signal aborts; without any it only finishes what was begun. */
  readonly follow: (rules: RetentionRules, signal: AbortSignal) => Promise<void>
}

export interface ApplyOptions {
  readonly appliedBefore?: Date
  readonly onProgress?: (done: number) => void
  readonly signal?: AbortSignal
}

/** How often the rules are applied, by all processes together. */
const APPLY_EVERY_MS = 60 * 60_000
/** How soon a process notices that it is time, or that another one left something behind. */
const LOOK_MS = 15_000
/** Conversations or attachments whose keys are destroyed at once. */
const BATCH_MAX = 100

export function createRetention(parts: RetentionParts): Retention {
  const { retention, clock, logger } = parts
  const finishBatch = createBatchFinisher(parts)
  return {
    async look(rules, onProgress = () => {}) {
      const now = clock()
      const findings = createFindings(rules, now)
      let found = 0
      for await (const items of findDue(parts, rules, now)) {
        for (const { rule, isHeld } of items) findings.add(rule.name, isHeld ? 'held' : 'due')
        found += items.length
        onProgress(found)
      }
      for await (const outOfReach of findOutOfReach(parts, rules, now)) {
        for (const { name } of outOfReach) findings.add(name, 'outOfReach')
        onProgress(found)
      }
      return findings.all()
    },

    apply,

    async finish() {
      await alone({}, finishBegun)
    },

    async follow(rules, signal) {
      while (!signal.aborted) {
        try {
          const appliedBefore = new Date(clock().getTime() - APPLY_EVERY_MS)
          if (rules.size > 0) await apply({ rules, requestedBy: ITSELF }, { appliedBefore, signal })
          else if ((await retention.underWay()) !== undefined) await alone({}, finishBegun)
        } catch (error) {
          logger.error({ error: String(error) }, 'retention is not applied yet, trying again')
        }
        await pause(LOOK_MS, signal)
      }
    },
  }

  async function apply(wish: RetentionWish, options: ApplyOptions = {}): Promise<RuleFindings[] | undefined> {
    const { appliedBefore, onProgress = () => {}, signal } = options
    return await alone(appliedBefore === undefined ? {} : { appliedBefore }, async (stay) => {
      await finishBegun(stay)
      const now = clock()
      const findings = createFindings(wish.rules, now)
      const onPage = async (items: readonly DueItem[]) => {
        await stay()
        for (const { rule, isHeld } of items) if (isHeld) findings.add(rule.name, 'held')
      }
      let done = 0
      for await (const { rule, items } of inBatches(findDue(parts, wish.rules, now), onPage)) {
        if (signal?.aborted) return undefined
        const { requestedBy, reason = `${rule.name}=${rule.ageDays}d` } = wish
        const order = { rule: rule.name, ageDays: rule.ageDays, until: dueBefore(rule, now), requestedBy, reason }
        const kept = await finishBatch(await retention.begin({ batchId: mintId(), ...order }, items), stay)
        findings.add(rule.name, 'due', kept)
        done += kept
        onProgress(done)
      }
      const all = findings.all().map(({ outOfReach: _unknown, ...found }) => found)
      for (const { name, due, held } of all) logger.info({ rule: name, due, held }, 'applied a rule of retention')
      return all
    })
  }

  /** Undefined when another process is at it. */
  async function alone<Result>(
    options: { readonly appliedBefore?: Date },
    work: (stay: () => Promise<void>) => Promise<Result>,
  ): Promise<Result | undefined> {
    const holder = mintId()
    if (!(await retention.claim(holder, options))) return undefined
    let isDone = false
    try {
      const result = await work(() => retention.renew(holder))
      isDone = options.appliedBefore !== undefined && result !== undefined
      return result
    } finally {
      await retention.release(holder, { isDone }).catch(() => {}) // Its claim ends by itself, only later.
    }
  }

  async function finishBegun(stay: () => Promise<void>): Promise<void> {
    const batch = await retention.underWay()
    if (batch !== undefined) await finishBatch(batch, stay)
  }
}

/** What is due and not held, rule by rule. */
async function* inBatches(
  pages: AsyncIterable<readonly DueItem[]>,
  onPage: (items: readonly DueItem[]) => Promise<void>,
): AsyncGenerator<{ readonly rule: RetentionRule; readonly items: readonly DueItem[] }> {
  const waiting = new Map<string, { readonly rule: RetentionRule; readonly items: DueItem[] }>()
  for await (const page of pages) {
    await onPage(page)
    for (const item of page.filter(({ isHeld }) => !isHeld)) {
      const { rule, items } = waiting.get(item.rule.name) ?? { rule: item.rule, items: [] }
      waiting.set(rule.name, { rule, items })
      items.push(item)
      if (items.length >= BATCH_MAX) yield { rule, items: items.splice(0) }
    }
  }
  for (const { rule, items } of waiting.values()) if (items.length > 0) yield { rule, items }
}

/** Counts for every rule with an age, in the order in which they were given. */
function createFindings(rules: RetentionRules, now: Date) {
  const byName = new Map<string, { due: number; held: number; outOfReach: number }>()
  for (const [name, ageDays] of rules) if (ageDays !== 'keep') byName.set(name, { due: 0, held: 0, outOfReach: 0 })
  return {
    add(name: string, what: 'due' | 'held' | 'outOfReach', count = 1): void {
      const counts = byName.get(name)
      if (counts !== undefined) counts[what] += count
    },
    all: (): RuleOutlook[] =>
      [...byName].map(([name, counts]) => {
        const ageDays = rules.get(name) as number
        return { name, ageDays, until: dueBefore({ name, ageDays }, now), ...counts }
      }),
  }
}
