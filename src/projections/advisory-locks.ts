/** The Postgres advisory locks of the read side, told apart by two numbers. */
import { PARTITIONS_MAX } from './stream-partition.ts'

/** "embe" in ASCII, so that the locks of other programs in the same database are left alone. */
const LOCK_SPACE = 0x656d6265

/** Held while migrating or while changing which generation is live. */
export const migrationLock = [LOCK_SPACE, 1] as const

/** Held by the one process that compares the read models with the record by schedule. */
export const comparisonLock = [LOCK_SPACE, 2] as const

/** Held by the process that builds or feeds this partition of this generation. */
export function writerLock(generation: number, partition: number): readonly [number, number] {
  return [LOCK_SPACE + 1 + partition, generation]
}

/** Held, shared, by every process that feeds this generation or would like to: so they know how many they are. */
export function membershipLock(generation: number): readonly [number, number] {
  return [LOCK_SPACE + 1 + PARTITIONS_MAX, generation]
}
