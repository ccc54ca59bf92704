/** Tells leaves whose events the store let age out from leaves that somebody dropped. See docs/decisions/0025. */
import type { LeafPlace } from '../ledger/leaf-index.ts'
import type { EventReader } from '../store/event-store.ts'

/** Streams whose answers are remembered. */
const KNOWN_STREAMS_MAX = 10_000

/** The first revision that a stream still has; undefined for a stream from which nothing may be missing. */
type OldestRevision = bigint | undefined

export function createAgeing(reader: Pick<EventReader, 'readStream' | 'readStreamBackwards'>) {
  const known = new Map<string, OldestRevision>()

  /** True when the leaf's event is one of the oldest of a stream that the store lets age. */
  return async function hasAged({ stream, revision, isNameKept }: LeafPlace): Promise<boolean> {
    if (!isNameKept) return false
    if (!known.has(stream)) {
      if (known.size >= KNOWN_STREAMS_MAX) known.clear()
      known.set(stream, await oldestOf(stream))
    }
    const oldest = known.get(stream)
    return oldest !== undefined && revision < oldest
  }

  async function oldestOf(stream: string): Promise<OldestRevision> {
    const [settings] = await reader.readStreamBackwards(`$$${stream}`, 1)
    if (!letsAge(settings?.data)) return undefined
    for await (const event of reader.readStream(stream)) return event.revision
    return 2n ** 64n // Nothing is left of it.
  }
}

function letsAge(settings: unknown): boolean {
  const { $maxAge, $maxCount, $tb } = (settings ?? {}) as Readonly<Record<string, unknown>>
  return [$maxAge, $maxCount, $tb].some((setting) => typeof setting === 'number')
}
