/**
 * Text under signatures that anybody can check: C2SP signed notes.
 *
 * Source: https://c2sp.org/signed-note
 */
import { assert } from '../shared/assert.ts'
import { type Refusal, refusal } from '../shared/failures.ts'
import type { SignerKey, VerifierKey } from './note-keys.ts'

export interface OpenedNote {
  readonly kind: 'note'
  readonly text: string
  /** The given keys that signed it; at least one. */
  readonly signedBy: readonly VerifierKey[]
}

const SIGNATURES_MAX = 100
export const KEY_ID_BYTES = 4
const SIGNATURE_LINE = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/u
/** Signs a text, which must end with a line feed. */
export function signNote(text: string, signers: readonly SignerKey[]): string {
  assert(text.endsWith('\n') && signers.length > 0, 'a note is lines under at least one signature')
  return `${text}\n${signers.map((signer) => signatureLine(signer.verifier, signer.sign(text))).join('')}`
}

/** One line of a note: who signed, and the signature with the key's id before it. */
export function signatureLine({ name, id }: VerifierKey, signature: Uint8Array): string {
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`
}

/**
 * Refuses with `note-malformed`, `note-signature-wrong` (a known key's signature does not fit the text) or
 * `note-unsigned` (none of the known keys signed it). Signatures of unknown keys are ignored.
 */
export function openNote(note: string, keys: readonly VerifierKey[]): OpenedNote | Refusal {
  const parts = splitNote(note)
  if (parts === undefined) return refusal('note-malformed')
  const { text, lines } = parts
  const signedBy = new Set<VerifierKey>()
  for (const line of lines) {
    const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? []
    const bytes = Buffer.from(encoded, 'base64')
    if (bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== encoded) return refusal('note-malformed')
    const id = bytes.subarray(0, KEY_ID_BYTES).toString('hex')
    const key = keys.find((one) => one.name === name && one.id === id)
    if (key === undefined || signedBy.has(key)) continue
    if (!key.verifies(text, bytes.subarray(KEY_ID_BYTES))) return refusal('note-signature-wrong', `${name}+${id}`)
    signedBy.add(key)
  }
  return signedBy.size === 0 ? refusal('note-unsigned') : { kind: 'note', text, signedBy: [...signedBy] }
}

/** The text of a note, whoever signed it; undefined when it is no note. Believe nothing in it before it is opened. */
export function textOfNote(note: string): string | undefined {
  return splitNote(note)?.text
}

function splitNote(note: string): { text: string; lines: string[] } | undefined {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n') || !note.isWellFormed() || hasControls(note)) return undefined
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX || lines[0] === '') return undefined
  return { text: note.slice(0, split + 1), lines }
}

/** Of the control characters of ASCII, a note has the line feed only. */
function hasControls(note: string): boolean {
  for (const character of note) if (character < ' ' && character !== '\n') return true
  return false
}
