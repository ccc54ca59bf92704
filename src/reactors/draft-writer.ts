/**
 * Shows an answer while it is written and keeps it as a draft: every delta gets its number once, for every node and for ever.
 *
 * written ─► cut (a delta, numbered) ─► shown ─► kept      when the same words can be written again: shown at once
 *                                   └─► kept ─► shown      when they cannot: nobody has seen what a crash could lose
 *
 * What is written within one turn of the event loop is one delta; the first words do not wait for the end of that turn. An
 * answer of one delta needs no draft: any node makes the same delta of its terminal event.
 */
import { isFault } from '../shared/failures.ts'
import { mintId } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { ExpectedRevision } from '../store/event-store.ts'
import type { Draft, DraftAddress, DraftLog } from './draft-log.ts'

/** A batch is cut here. What waits for a store that is away is bounded by the length that an answer may have. */
const BATCH_CHARACTERS_MAX = 64 * 1024
const BATCH_DELTAS_MAX = 1_000
const RETRY_DELAY_MS = 250
/** The end of a draft waits so long for a store that is away; the terminal event, which waits as long, holds every word. */
const FINISH_MS_MAX = 60_000

export interface DraftWriter {
  /** Takes the answer as far as it has come. False when it does not go on from what people have seen already. */
  readonly extend: (text: string) => boolean
  /** From here on nothing is shown before it is kept: what follows could not be written again word for word. */
  readonly keepFirst: () => void
  /** Shows and keeps the rest. After that nothing is shown any more. */
  readonly finish: () => Promise<void>
  /** Shows and keeps nothing more. */
  readonly drop: () => void
}

export interface DraftWriterParts {
  readonly log: DraftLog
  readonly address: DraftAddress
  /** What an earlier writer left; the new one goes on behind it. */
  readonly begun: Draft
  readonly isShownFirst: boolean
  /** Between two batches. */
  readonly intervalMs: number
  readonly show: (delta: number, text: string) => void
  /** Another node has taken the draft over. */
  readonly onLost: () => void
  /** Milliseconds that only go forward. */
  readonly elapsedMs: () => number
  readonly logger: Logger
}

export const emptyDraft: Draft = { deltas: [], text: '', revision: undefined }

export function createDraftWriter(parts: DraftWriterParts): DraftWriter {
  const { log, address, begun, intervalMs } = parts
  const writerId = mintId()
  const waiting: { readonly text: string; readonly isShown: boolean }[] = []
  const finishing = new AbortController()
  let expected: ExpectedRevision = begun.revision ?? 'no-stream'
  let written = begun.text
  let cutLength = begun.text.length
  let cutCount = begun.deltas.length
  let keptCount = begun.deltas.length
  let isKnownToGoOn = begun.text === ''
  let isShownFirst = parts.isShownFirst
  let keptAtMs = Number.NEGATIVE_INFINITY
  let isLost = false
  let isFinished = false
  let isFirstCutNear = false
  let cutting: NodeJS.Immediate | undefined
  let due: NodeJS.Timeout | undefined
  let keeping: Promise<void> | undefined

  return {
    extend(text) {
      if (text.length <= begun.text.length) return begun.text.startsWith(text)
      isKnownToGoOn ||= text.startsWith(begun.text)
      if (!isKnownToGoOn) return false
      written = text
      cutSoon()
      return true
    },

    keepFirst() {
      if (!isShownFirst) return
      cut()
      isShownFirst = false
    },

    async finish() {
      cut()
      isFinished = true
      clearTimeout(due)
      const isOneDelta = cutCount === 1 && keptCount === 0 && keeping === undefined
      if (isOneDelta || isLost) return
      const tooLate = setTimeout(() => finishing.abort(), FINISH_MS_MAX)
      await keeping
      await keepAll()
      clearTimeout(tooLate)
    },

    drop() {
      isFinished = true
      clearImmediate(cutting)
      clearTimeout(due)
      giveUp()
    },
  }

  /** The first words go as soon as the model pauses: in a busy process the end of the turn of the event loop may be far. */
  function cutSoon(): void {
    if (cutCount > begun.deltas.length) cutting ??= setImmediate(cut)
    else if (!isFirstCutNear) process.nextTick(cut)
    isFirstCutNear = true
  }

  function cut(): void {
    clearImmediate(cutting)
    cutting = undefined
    if (written.length === cutLength || isFinished) return
    const text = written.slice(cutLength)
    cutLength = written.length
    cutCount += 1
    waiting.push({ text, isShown: isShownFirst })
    if (isShownFirst) parts.show(cutCount, text)
    keepLater()
  }

  function keepLater(): void {
    if (keeping !== undefined || isFinished || isLost) return
    // The first words are kept at once: people on other nodes wait for them too, and some are shown only then.
    const sinceMs = parts.elapsedMs() - keptAtMs
    due ??= setTimeout(
      () => {
        due = undefined
        keptAtMs = parts.elapsedMs()
        keeping = keepBatch().finally(() => {
          keeping = undefined
          if (waiting.length > 0) keepLater()
        })
      },
      Math.max(0, intervalMs - sinceMs),
    )
  }

  async function keepAll(): Promise<void> {
    while (waiting.length > 0 && !isLost && !finishing.signal.aborted) await keepBatch()
  }

  async function keepBatch(): Promise<void> {
    const batch = nextBatch()
    const revision = await append(batch.map(({ text }) => text))
    if (revision === undefined) return
    expected = revision
    waiting.splice(0, batch.length)
    for (const { text, isShown } of batch) {
      keptCount += 1
      if (!isShown) parts.show(keptCount, text)
    }
  }

  function nextBatch() {
    let characters = 0
    const end = waiting.findIndex(({ text }, index) => {
      characters += text.length
      return index === BATCH_DELTAS_MAX || (index > 0 && characters > BATCH_CHARACTERS_MAX)
    })
    return end === -1 ? [...waiting] : waiting.slice(0, end)
  }

  /** Repeats the same batch until it is kept: whether a lost append took effect is unknown, a repeated one adds nothing. */
  async function append(deltas: readonly string[]) {
    for (;;) {
      try {
        const revision = await log.append(address, { firstDelta: keptCount + 1, deltas, expected, writerId })
        if (revision === undefined) lose()
        return revision
      } catch (error) {
        parts.logger.warn({ turnId: address.turnId, error: String(error) }, 'a draft is not kept')
        if (!isFault(error, 'store-unavailable')) return giveUp()
        await pause(RETRY_DELAY_MS, finishing.signal)
        if (finishing.signal.aborted) return undefined
      }
    }
  }

  function lose(): undefined {
    giveUp()
    parts.onLost()
  }

  /** The answer goes on without a draft; what is not shown yet comes with its end. */
  function giveUp(): undefined {
    isLost = true
    waiting.length = 0
  }
}
