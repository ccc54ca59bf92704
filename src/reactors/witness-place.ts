/**
 * A witness as a place for checkpoints: it checks that the tree only grew since the last one it saw, and signs beside us.
 *
 * Source: https://c2sp.org/tlog-witness
 */
import type { VerifierKey } from '../ledger/note-keys.ts'
import { openNote } from '../ledger/signed-note.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import type { CheckpointPlace, PublishedHead } from './checkpoint-places.ts'

const CONFLICT = 409
/** An answer holds a few signature lines. */
const ANSWER_CHARACTERS_MAX = 20_000

export function witnessPlace(prefix: string, key: VerifierKey): CheckpointPlace {
  const url = new URL(`${prefix.replace(/\/$/, '')}/add-checkpoint`)
  let seenSize = 0

  const ask = async (head: PublishedHead, signal: AbortSignal) => {
    const proof = await head.consistencyFrom(seenSize)
    const lines = [`old ${seenSize}`, ...proof.map((hash) => hash.toString('base64')), '', head.note]
    const answer = await fetch(url, { method: 'POST', body: lines.join('\n'), signal, redirect: 'error' })
    return { status: answer.status, text: (await answer.text()).slice(0, ANSWER_CHARACTERS_MAX) }
  }

  return {
    name: `witness ${key.name}`,
    async hand(head, signal) {
      let answer = await ask(head, signal)
      if (answer.status === CONFLICT && isSizeUpTo(answer.text, head.size)) {
        seenSize = Number(answer.text) // It has seen another checkpoint last: after a restart we do not know which.
        answer = await ask(head, signal)
      }
      if (answer.status !== 200) throw new Fault('checkpoint-not-taken', { place: key.name, status: answer.status })
      const lines = ownLines(answer.text, key)
      const isSigned = !isRefusal(openNote(`${textAndBlankLine(head.note)}${lines}`, [key]))
      if (!isSigned) throw new Fault('checkpoint-not-taken', { place: key.name, reason: 'its signature does not fit' })
      seenSize = head.size
      return lines
    },
  }
}

function isSizeUpTo(text: string, size: number): boolean {
  return /^\d{1,15}\n?$/.test(text) && Number(text) <= size
}

/** Signatures of keys that we do not know are not passed on. */
function ownLines(text: string, key: VerifierKey): string {
  const lines = text.split('\n').filter((line) => line.startsWith(`\u2014 ${key.name} `))
  return lines.map((line) => `${line}\n`).join('')
}

function textAndBlankLine(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 2)
}
