/** Hashes of names and ids: the same for a store at every start, and not to be guessed from outside. */

/**
 * A hash of 53 bits (a safe integer) of a name, beginning with the store's own seed, so that nobody can prepare names that fall together.
 * Two lanes of multiply-and-xor, each ended by the finaliser of MurmurHash3.
 */
export function hashName(name: string, seed: number): number {
  let a = seed ^ 0x9e37_79b9
  let b = ~seed ^ name.length
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x85eb_ca6b)
    a ^= a >>> 15
    b = Math.imul(b + unit, 0xc2b2_ae35)
    b ^= b >>> 13
  }
  return (finish(a) & 0x1f_ffff) * 2 ** 32 + finish(b)
}

/** A hash of 32 bits for an event id (sixteen bytes at `at`) in the stream with that hash. */
export function hashId(streamHash: number, bytes: Buffer, at: number): number {
  let hash = streamHash >>> 0
  for (let word = 0; word < 16; word += 4) {
    hash = Math.imul(hash ^ bytes.readInt32LE(at + word), 0x85eb_ca6b)
    hash ^= hash >>> 15
  }
  return finish(hash)
}

function finish(lane: number): number {
  let hash = lane ^ (lane >>> 16)
  hash = Math.imul(hash, 0x85eb_ca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
