/** Every signed head of the tree that there is to hold the log against: those in the log, and those kept outside it. */
import type { Codec } from '../events/codec.ts'
import { LEDGER_KEYS_STREAM, LEDGER_STREAM } from '../events/stream-names.ts'
import { openCheckpoint } from '../ledger/checkpoint.ts'
import { trustedKeys } from '../ledger/key-endorsement.ts'
import { parseVerifierKey, type VerifierKey } from '../ledger/note-keys.ts'
import { isRefusal } from '../shared/failures.ts'
import type { EventReader } from '../store/event-store.ts'

export interface SignedHead {
  readonly size: number
  readonly root: Buffer
  /** Where it was found: `log@<position>`, or the name of the place outside. */
  readonly from: string
  readonly isOutside: boolean
}

/** A checkpoint that cannot be believed, and why. */
export interface UnusableHead {
  readonly from: string
  readonly code: string
  readonly detail?: string
}

export interface OutsideNote {
  /** A file's path or an address. */
  readonly from: string
  readonly note: string
}

export interface Heads {
  /** By size. */
  readonly signed: readonly SignedHead[]
  readonly unusable: readonly UnusableHead[]
  readonly keys: readonly VerifierKey[]
  /** False when all that vouches for the keys is the log itself. */
  readonly areKeysGiven: boolean
}

type HeadReader = Pick<EventReader, 'readStream'>

/** Trusts the given keys and those that they lead to; with none given, the keys that the log itself names. */
export async function collectHeads(
  reader: HeadReader,
  codec: Codec,
  given: { readonly keys: readonly VerifierKey[]; readonly outside: readonly OutsideNote[] },
): Promise<Heads> {
  const { keys: named, endorsements } = await keysInLog(reader, codec)
  const areKeysGiven = given.keys.length > 0
  const keys = trustedKeys(areKeysGiven ? given.keys : named, endorsements)
  const signed: SignedHead[] = []
  const unusable: UnusableHead[] = []
  const take = (note: string, from: string, isOutside: boolean): SignedHead | undefined => {
    const opened = openCheckpoint(note, keys)
    if (isRefusal(opened)) {
      unusable.push({ from, code: opened.code, ...(opened.detail !== undefined && { detail: opened.detail }) })
      return undefined
    }
    const head = { size: opened.size, root: opened.root, from, isOutside }
    signed.push(head)
    return head
  }
  for (const { note, from } of given.outside) take(note, from, true)
  for await (const stored of reader.readStream(LEDGER_STREAM)) {
    const from = `log@${stored.position}`
    const event = await codec.decode(stored)
    if (event.type !== 'CheckpointSigned') continue
    const head = take(event.data.signedNote, from, false)
    if (head === undefined) continue
    if (head.size !== event.data.treeSize || head.root.toString('base64') !== event.data.rootHash) {
      unusable.push({ from, code: 'checkpoint-malformed', detail: 'its event says something else than its note' })
    }
  }
  return { signed: signed.toSorted((a, b) => a.size - b.size), unusable, keys, areKeysGiven }
}

async function keysInLog(reader: HeadReader, codec: Codec) {
  const keys: VerifierKey[] = []
  const endorsements: string[] = []
  for await (const stored of reader.readStream(LEDGER_KEYS_STREAM)) {
    const event = await codec.decode(stored)
    if (event.type !== 'LedgerKeyIntroduced') continue
    const key = parseVerifierKey(event.data.verifierKey)
    if (!isRefusal(key)) keys.push(key)
    endorsements.push(event.data.endorsement)
  }
  return { keys, endorsements }
}
