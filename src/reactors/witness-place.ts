/**
 * A witness as a place for checkpoints: it checks that the tree only grew since the last one it saw, and signs beside us.
 *
 * Source: https://c2sp.org/tlog-witness
 */
import type { VerifierKey } from '../ledger/note-keys.ts'
import { KEY_ID_BYTES, openNote } from '../ledger/signed-note.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import type { CheckpointPlace, PublishedHead } from './checkpoint-places.ts'

const CONFLICT = 409
/** An answer holds a few signature lines; what is longer is not read. */
const ANSWER_BYTES_MAX = 20_000

const reasons: Readonly<Record<number, (text: string) => string>> = {
  403: () => 'it does not know the key that signs',
  404: () => 'it does not know this log',
  409: (size) => `it has seen ${/^\d{1,15}$/.test(size) ? size : 'other'} leaves, and not as a beginning of these`,
  422: () => 'the proof that the log only grew does not convince it',
}

export function witnessPlace(prefix: string, key: VerifierKey): CheckpointPlace {
  const url = new URL(`${prefix.replace(/\/$/, '')}/add-checkpoint`)
  let seenSize = 0

  const ask = async (head: PublishedHead, signal: AbortSignal) => {
    const proof = await head.consistencyFrom(seenSize)
    const lines = [`old ${seenSize}`, ...proof.map((hash) => hash.toString('base64')), '', head.note]
    const answer = await fetch(url, { method: 'POST', body: lines.join('\n'), signal, redirect: 'error' })
    return { status: answer.status, text: await beginningOf(answer) }
  }

  return {
    name: `witness ${key.name}`,
    async hand(head, signal) {
      if (seenSize > head.size) seenSize = 0 // No proof leads back there: it says itself what it thinks of that.
      let answer = await ask(head, signal)
      if (answer.status === CONFLICT && isSizeUpTo(answer.text, head.size)) {
        seenSize = Number(answer.text) // It has seen another checkpoint last: after a restart we do not know which.
        answer = await ask(head, signal)
      }
      const isPassed = isSizeUpTo(answer.text, head.sizeNow()) && Number(answer.text) > head.size
      if (answer.status === CONFLICT && isPassed) {
        seenSize = Number(answer.text) // Another node handed it a later one, which covers this; the next has to prove that.
        return ''
      }
      if (answer.status !== 200) {
        const { status, text } = answer
        const reason = reasons[status]?.(text.trim())
        throw new Fault('checkpoint-not-taken', { place: key.name, status, ...(reason && { reason }) })
      }
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

async function beginningOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= ANSWER_BYTES_MAX) break // Leaving the loop cancels the rest.
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8')
}

/** Signatures of keys that we do not know, also of other keys under the same name, are not passed on. */
function ownLines(text: string, key: VerifierKey): string {
  const beginning = `\u2014 ${key.name} `
  const isOurs = (line: string) =>
    line.startsWith(beginning) &&
    Buffer.from(line.slice(beginning.length), 'base64').subarray(0, KEY_ID_BYTES).toString('hex') === key.id
  const lines = text.split('\n').filter(isOurs)
  return lines.map((line) => `${line}\n`).join('')
}

function textAndBlankLine(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 2)
}
