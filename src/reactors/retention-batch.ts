/**
 * Works one batch of retention to its end: its keys are destroyed, the record says so, and what was made of its text is cleared. Resumes
 * after a crash at any step.
 *
 * begun ─► marked ─► keys destroyed ─► cleared ─► recorded        (each step may be repeated)
 *
 * Marked: each conversation says that its text is going, at the revision at which it was found to be old. Whoever adds something to it
 * meanwhile comes either before, and the conversation is left out, or reads that first, and seals with a key that is not in the batch.
 */
import type { RetentionRecord } from '../commands/retention-record.ts'
import type { Actor } from '../events/envelope.ts'
import type { RowsMade } from '../projections/rows-again.ts'
import type { Logger } from '../shared/logger.ts'
import { inGroups } from '../shared/slices.ts'
import type { RetentionBatch, RetentionStore } from '../vault/retention-store.ts'

export interface RetentionBatchParts {
  readonly retention: Pick<RetentionStore, 'underWay' | 'leaveOut' | 'advance' | 'destroyKeys' | 'end'>
  readonly record: RetentionRecord
  readonly makeRowsAgain: (streams: readonly string[]) => Promise<RowsMade>
  /** From now on this process reads destroyed keys as destroyed, and remembers no text. */
  readonly forget: () => void
  readonly logger: Logger
}

/** Resolves with how many of its items lost their keys. `stay` throws when another process has taken over. */
type FinishBatch = (batch: RetentionBatch, stay: () => Promise<void>) => Promise<number>

const STREAMS_AT_ONCE = 20
/** Who applies the rules of the configuration. */
export const ITSELF = 'retention'

export function createBatchFinisher(parts: RetentionBatchParts): FinishBatch {
  const { retention, record, logger } = parts
  return async (begun, stay) => {
    let batch: RetentionBatch | undefined = begun
    const { batchId } = begun
    logger.info({ batchId, rule: begun.rule, items: begun.items.length, step: begun.step }, 'applying retention')
    while (batch?.batchId === batchId) {
      await stay()
      if (batch.items.length === 0) {
        await retention.end(batch)
        return 0
      }
      if (batch.step === 'begun') await mark(batch)
      else if (batch.step === 'marked') await retention.destroyKeys(batch)
      else if (batch.step === 'keys destroyed') await clear(batch)
      else {
        await recordApplied(batch)
        await retention.end(batch)
        logger.info({ batchId, rule: batch.rule, items: batch.items.length, keys: batch.keys }, 'applied retention')
        return batch.items.length
      }
      batch = await retention.underWay()
    }
    return 0 // Another process ended it.
  }

  async function mark(batch: RetentionBatch): Promise<void> {
    const { batchId, rule, ageDays, reason } = batch
    const data = { batchId, rule, ageDays, until: batch.until.toISOString(), reason }
    const event = { type: 'ConversationExpired', data } as const
    const active: string[] = []
    await inGroups(batch.items, STREAMS_AT_ONCE, async ({ scope, revision }) => {
      if (revision === null) return // An attachment; its conversation goes on.
      const outcome = await record.expire({ stream: scope, revision, event, by: actorOf(batch) })
      if (outcome === 'active') active.push(scope)
    })
    await retention.leaveOut(batch, active)
    await retention.advance(batch, 'marked')
  }

  /** No row holds what an attachment consists of. */
  async function clear(batch: RetentionBatch): Promise<void> {
    parts.forget()
    const conversations = batch.items.filter(({ revision }) => revision !== null).map(({ scope }) => scope)
    const { rows } = conversations.length === 0 ? { rows: 0 } : await parts.makeRowsAgain(conversations)
    await retention.advance(batch, 'cleared', { rows })
  }

  async function recordApplied(batch: RetentionBatch): Promise<void> {
    const { batchId, rule, ageDays, keys, rows, requestedBy, reason, begunAt } = batch
    const streams = batch.items.map(({ scope }) => scope.slice(scope.indexOf('/') + 1))
    const data = { batchId, rule, ageDays, until: batch.until.toISOString(), streams, keys, rows, requestedBy, reason }
    await record.applied({ type: 'RetentionApplied', data }, { begunAt, by: actorOf(batch) })
  }
}

function actorOf({ requestedBy }: RetentionBatch): Actor {
  return { kind: requestedBy === ITSELF ? 'system' : 'operator', id: requestedBy }
}
