/** The generation that readers see, for whoever makes its rows once more: how far it is, and what they are equal to. */
import type { StoredEvent } from '../events/codec.ts'
import { Fault } from '../shared/failures.ts'
import type { Connection } from './connection.ts'
import { digestOfGeneration, type GenerationDigest } from './generation-digest.ts'
import { findLiveGeneration, type Generation } from './generations.ts'
import { partitionOf } from './stream-partition.ts'

/** What the live generation was in one snapshot. */
export interface LiveRows {
  readonly live: Generation
  /** Of each partition. */
  readonly positions: readonly bigint[]
  readonly digest: GenerationDigest
}

/** One look at all live rows: what they are equal to, and how far they are. Throws what `requireLive` throws. */
export function digestLive(connection: Connection): Promise<LiveRows> {
  return connection.transaction(
    async () => {
      const live = await requireLive(connection)
      const positions = await positionsOf(connection, live.number)
      return { live, positions, digest: await digestOfGeneration(connection, live.schema) }
    },
    { isRepeatableRead: true, mayTakeLong: true },
  )
}

/** Throws `read-models-missing` when there is no live generation. */
export async function requireLive(connection: Pick<Connection, 'query'>): Promise<Generation> {
  const live = await findLiveGeneration(connection)
  if (live === undefined) throw new Fault('read-models-missing', { doing: 'looking for the live generation' })
  return live
}

/** How far each partition of a generation is. */
export async function positionsOf(connection: Pick<Connection, 'query'>, generation: number): Promise<bigint[]> {
  const rows = await connection.query<{ position: bigint }>(
    'select position from emberlog.checkpoint where generation = $1 order by partition',
    [generation],
  )
  return rows.map(({ position }) => position)
}

/** Partitions need not be equally far: tells events that their own partition had handled at these positions. */
export function handledAt(positions: readonly bigint[]): (event: StoredEvent) => boolean {
  return ({ stream, position }) => position <= (positions[partitionOf(stream, positions.length)] ?? -1n)
}
