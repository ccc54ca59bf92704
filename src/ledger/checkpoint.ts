/**
 * The head of the tree as a text to be signed: C2SP `tlog-checkpoint`.
 *
 * Source: https://c2sp.org/tlog-checkpoint
 */
import { isRefusal, type Refusal, refusal } from '../shared/failures.ts'
import type { VerifierKey } from './note-keys.ts'
import { openNote } from './signed-note.ts'
import { HASH_BYTES } from './tree-hash.ts'

export interface TreeHead {
  readonly size: number
  readonly root: Buffer
}

export interface Checkpoint extends TreeHead {
  /** Names the log. */
  readonly origin: string
}

/** Origin, size and root, a line each. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** Reads the text of a checkpoint; undefined when it is none. Lines after the third are allowed and not looked at. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', sizeText = '', rootText = '', ...rest] = text.split('\n')
  const root = Buffer.from(rootText, 'base64')
  const size = Number(sizeText)
  const isPlain =
    origin !== '' &&
    /^(0|[1-9]\d{0,15})$/.test(sizeText) &&
    Number.isSafeInteger(size) &&
    root.length === HASH_BYTES &&
    root.toString('base64') === rootText &&
    rest.at(-1) === '' &&
    !rest.slice(0, -1).includes('')
  return isPlain ? { origin, size, root } : undefined
}

export interface VerifiedCheckpoint extends Checkpoint {
  readonly kind: 'checkpoint'
  readonly signedBy: readonly VerifierKey[]
}

/** A checkpoint that one of the keys signed; refuses as `openNote` does, and with `checkpoint-malformed`. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): VerifiedCheckpoint | Refusal {
  const opened = openNote(note, keys)
  if (isRefusal(opened)) return opened
  const checkpoint = parseCheckpoint(opened.text)
  if (checkpoint === undefined) return refusal('checkpoint-malformed')
  return { kind: 'checkpoint', ...checkpoint, signedBy: opened.signedBy }
}
