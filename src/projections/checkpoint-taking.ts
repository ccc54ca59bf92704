/** How rows are changed by others than the writer: they take its checkpoint, and it has to take it up anew. */
import type { Connection } from './connection.ts'

/**
 * Inside a transaction: holds the checkpoint of a partition, and changes it, so that what a writer has decoded or loaded by now is
 * stored no more. Undefined when there is no such checkpoint.
 */
export async function takeCheckpoint(
  connection: Pick<Connection, 'query'>,
  generation: number,
  partition: number,
): Promise<{ readonly position: bigint } | undefined> {
  const [checkpoint] = await connection.query<{ position: bigint }>(
    `update emberlog.checkpoint
    set parked_version = parked_version + 1
    where generation = $1
      and partition = $2
    returning position`,
    [generation, partition],
  )
  return checkpoint
}
