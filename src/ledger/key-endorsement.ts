/** How trust passes from one signing key to the next: the new key as a note, signed by itself and by its forerunners. */
import { isRefusal } from '../shared/failures.ts'
import { parseVerifierKey, type SignerKey, type VerifierKey } from './note-keys.ts'
import { openNote, signNote } from './signed-note.ts'

const TITLE = 'emberlog ledger key'

export function endorseKey(key: VerifierKey, signers: readonly SignerKey[]): string {
  return signNote(`${TITLE}\n${key.text}\n`, signers)
}

/** Adds to the trusted keys those that they lead to, however many steps it takes. */
export function trustedKeys(roots: readonly VerifierKey[], endorsements: readonly string[]): readonly VerifierKey[] {
  const trusted = [...roots]
  for (let before = -1; before !== trusted.length; ) {
    before = trusted.length
    for (const endorsement of endorsements) {
      const key = endorsedKey(endorsement, trusted)
      if (key !== undefined && trusted.every(({ text }) => text !== key.text)) trusted.push(key)
    }
  }
  return trusted
}

function endorsedKey(endorsement: string, trusted: readonly VerifierKey[]): VerifierKey | undefined {
  const opened = openNote(endorsement, trusted)
  if (isRefusal(opened)) return undefined
  const [title, text = '', end, ...rest] = opened.text.split('\n')
  if (title !== TITLE || end !== '' || rest.length > 0) return undefined
  const key = parseVerifierKey(text)
  return isRefusal(key) ? undefined : key
}
