/** What a writer expects of a stream before it writes: a revision, or one of three words in the numbers of the protocol. */

/** A revision from 0, one of EXPECT, or a bigint too large to be any stream's revision. */
export type ExpectedRevision = number | bigint

export const EXPECT = { noStream: -1, any: -2, exists: -4 } as const
