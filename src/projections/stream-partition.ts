/** Says which partition a stream belongs to: always the same one of `count`, and about as many streams to each. */

/** More would want more connections and commits than one Postgres has to give. */
export const PARTITIONS_MAX = 64

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * FNV-1a over the name's UTF-16 code units. The partitions of a generation never change, so another hash would want a new
 * version of the projectors.
 */
export function partitionOf(stream: string, count: number): number {
  if (count === 1) return 0
  let hash = FNV_OFFSET
  for (let index = 0; index < stream.length; index += 1) {
    hash = Math.imul(hash ^ stream.charCodeAt(index), FNV_PRIME)
  }
  return (hash >>> 0) % count
}
