import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Verification, verifyLog } from '../../src/audit/log-verification.ts'
import type { StoredEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, draftStream, LEDGER_STREAM } from '../../src/events/stream-names.ts'
import { checkpointText } from '../../src/ledger/checkpoint.ts'
import { GrowingTree } from '../../src/ledger/growing-tree.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { LedgerWriter } from '../../src/ledger/ledger-writer.ts'
import { signNote } from '../../src/ledger/signed-note.ts'
import { isInLedger, leafHashOf } from '../../src/ledger/tree-leaf.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import {
  append,
  chat,
  codec,
  ledgerDirectoryOfTest,
  newSigner,
  published,
  signOnce,
} from '../reactors/ledger-harness.ts'
import { rated, sent, stream } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import { CopiedLog } from './copied-log.ts'

const signer = newSigner()
const TURN = '0199d0a0-0000-7000-8000-000000000001'
const otherStream = conversationStream(conversationIdOf('ada', 'other'))

let record: RecordHarness
let directory: string
let remove: () => Promise<void>
let pristine: CopiedLog
let outsideNote: string
let log: CopiedLog

beforeAll(async () => {
  record = await startRecord()
  ;({ directory, remove } = await ledgerDirectoryOfTest())
  await append(record.store, stream, chat(150))
  await append(record.store, draftStream(TURN), [sent('draft')])
  await append(record.store, otherStream, chat(150))
  await signOnce(record.store, directory, [signer])
  outsideNote = (await published(directory))?.note ?? ''
  await append(record.store, stream, [sent('later'), rated()])
  await append(record.store, otherStream, [sent('later')])
  await signOnce(record.store, directory, [signer])
  pristine = await CopiedLog.of(record.store)
})
afterAll(async () => {
  await record?.stop()
  await remove?.()
})
beforeEach(() => {
  log = new CopiedLog(pristine.events)
})

interface Given {
  readonly outside?: string
  readonly ledger?: string | 'none'
  readonly since?: bigint
  readonly keys?: Parameters<typeof verifyLog>[0]['keys']
}

async function verify({
  outside,
  ledger = directory,
  since,
  keys = [signer.verifier],
}: Given = {}): Promise<Verification> {
  return await verifyLog({
    reader: log.reader,
    codec,
    ledger: ledger === 'none' ? undefined : openLedgerReader(ledger),
    keys,
    outside: outside === undefined ? [] : [{ from: 'the safe', note: outside }],
    ...(since !== undefined && { since: toPosition(since) }),
  })
}

/** The number of the leaf that the event at this index of the copy is. */
const leafAt = (index: number) => pristine.events.slice(0, index).filter((event) => isInLedger(event.stream)).length

function withText(text: (before: string) => string): (event: StoredEvent) => StoredEvent {
  return (event) => {
    const data = event.data as { text: string }
    return { ...event, data: { ...data, text: text(data.text) } }
  }
}

const swap = (one: number, other: number) => {
  const [first, second] = [log.events[one], log.events[other]] as [StoredEvent, StoredEvent]
  log.change(one, ({ position, revision, stream: name }) => ({ ...second, position, revision, stream: name }))
  log.change(other, ({ position, revision, stream: name }) => ({ ...first, position, revision, stream: name }))
}

describe('a log that nobody touched', () => {
  it('is as it was signed, against the files, the checkpoints, and a checkpoint kept outside', async () => {
    const verification = await verify({ outside: outsideNote })
    expect(verification).toMatchObject({
      findings: [],
      findingsCount: 0,
      checkpoints: 2,
      outsideCheckpoints: 1,
      aged: 0,
    })
    expect(verification.leaves).toBe(pristine.events.filter((event) => isInLedger(event.stream)).length)
    expect(verification.unsigned).toBe(1) // The last checkpoint itself.
  })

  it('is as it was signed without the ledger’s files too, and the same bytes each time', async () => {
    expect(await verify({ ledger: 'none' })).toMatchObject({ findings: [] })
    expect(JSON.stringify(await verify({ ledger: 'none' }))).toBe(JSON.stringify(await verify({ ledger: 'none' })))
  })

  it('can be verified from a checkpoint on', async () => {
    const later = pristine.events[pristine.events.length - 3]?.position ?? 0n
    const verification = await verify({ since: later, outside: outsideNote })
    expect(verification).toMatchObject({ findings: [] })
    expect(verification.leaves).toBeLessThan(10)
  })

  it('has keys that the log itself names, when none are given, and says so', async () => {
    expect(await verify({ keys: [] })).toMatchObject({ findings: [], areKeysGiven: false })
    expect(await verify({ keys: [newSigner().verifier] })).toMatchObject({
      areKeysGiven: true,
      findings: [{ kind: 'checkpoint-unusable' }, { kind: 'checkpoint-unusable' }],
    })
  })
})

describe('verify', () => {
  it('names any event of which one character is another', async () => {
    const messages = pristine.events.flatMap((event, index) =>
      event.type === 'MessageSent' && isInLedger(event.stream) ? [index] : [],
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(messages.length - 1), fc.nat(), async (which, any) => {
        log = new CopiedLog(pristine.events)
        const index = messages[which] as number
        log.change(
          index,
          withText((text) => flipped(text, any % text.length)),
        )
        const { findings } = await verify()
        const { position, stream: name, revision } = pristine.events[index] as StoredEvent
        expect(findings).toMatchObject([
          {
            kind: 'altered',
            leaf: leafAt(index),
            position: String(position),
            stream: name,
            revision: String(revision),
          },
        ])
      }),
      { numRuns: 20 },
    )
  })

  it.each([
    ['its id', (event: StoredEvent) => ({ ...event, eventId: TURN })],
    ['its type', (event: StoredEvent) => ({ ...event, type: 'ResponseRated' })],
    ['when it was taken in', (event: StoredEvent) => ({ ...event, created: new Date(0) })],
    ['who did it', (event: StoredEvent) => ({ ...event, metadata: { ...(event.metadata as object), commandId: 'x' } })],
    ['its stream', (event: StoredEvent) => ({ ...event, stream: otherStream })],
    ['its revision', (event: StoredEvent) => ({ ...event, revision: toRevision(9_999) })],
  ])('names an event of which %s is changed', async (_what, change) => {
    const index = log.indexOf('MessageSent', 7)
    log.change(index, change)
    expect((await verify()).findings).toMatchObject([{ kind: 'altered', leaf: leafAt(index) }])
  })

  it('names an event that was dropped', async () => {
    const index = log.indexOf('MessageSent', 42)
    const { position, stream: name, revision } = log.events[index] as StoredEvent
    log.events.splice(index, 1)
    expect((await verify()).findings).toMatchObject([
      { kind: 'dropped', leaf: leafAt(index), position: String(position), stream: name, revision: String(revision) },
    ])
  })

  it('names first the event that was dropped, when the rest of the stream was numbered anew', async () => {
    const index = log.indexOf('MessageSent', 42)
    log.events.splice(index, 1)
    for (let after = index; after < log.events.length; after += 1) {
      if (log.events[after]?.stream !== stream) continue
      log.change(after, (event) => ({ ...event, revision: toRevision(event.revision - 1n) }))
    }
    const { findings } = await verify()
    expect(findings[0]).toMatchObject({ kind: 'dropped', leaf: leafAt(index) })
  })

  it('names both events that changed places', async () => {
    const [one, other] = [log.indexOf('MessageSent', 20), log.indexOf('MessageSent', 21)]
    swap(one, other)
    expect((await verify()).findings).toMatchObject([
      { kind: 'reordered', leaf: leafAt(one), detail: expect.stringContaining(`leaf ${leafAt(other)} `) },
      { kind: 'reordered', leaf: leafAt(other), detail: expect.stringContaining(`leaf ${leafAt(one)} `) },
    ])
  })

  it('names events of two streams that changed places', async () => {
    const [one, other] = [log.indexOf('MessageSent', 20), log.indexOf('MessageSent', 200)]
    swap(one, other)
    expect((await verify()).findings.map(({ kind, leaf }) => [kind, leaf])).toEqual([
      ['reordered', leafAt(one)],
      ['reordered', leafAt(other)],
    ])
  })

  it('names the first leaf that was cut off', async () => {
    const index = log.events.length - 5
    log.events.splice(index)
    const { findings } = await verify()
    expect(findings[0]).toMatchObject({
      kind: 'truncated',
      leaf: leafAt(index),
      position: String(pristine.events[index]?.position),
    })
  })

  it('names an event that was slipped in', async () => {
    const index = log.indexOf('MessageSent', 10)
    const before = log.events[index] as StoredEvent
    log.events.splice(index + 1, 0, { ...before, position: toPosition(before.position + 1n), eventId: TURN })
    expect((await verify()).findings).toMatchObject([
      { kind: 'inserted', leaf: leafAt(index) + 1, position: String(before.position + 1n) },
    ])
  })

  it('finds between which checkpoints it is, where only checkpoints are left to hold it against', async () => {
    log.change(
      log.indexOf('MessageSent', 302),
      withText(() => 'rewritten'),
    )
    const { findings } = await verify({ ledger: 'none' })
    expect(findings).toHaveLength(1)
    expect(findings[0]?.kind).toBe('checkpoint-differs')
    expect(findings[0]?.detail).toContain('what stands before leaf 303 is as it was signed')
  })

  it('does not take the word of a checkpoint that the key did not sign', async () => {
    const index = log.indexOf('CheckpointSigned')
    log.change(index, (event) => {
      const data = event.data as { signedNote: string }
      return { ...event, data: { ...data, signedNote: data.signedNote.replace(/^(.*\n\d+)/, '$11') } }
    })
    const kinds = (await verify()).findings.map(({ kind }) => kind)
    expect(kinds).toEqual(['checkpoint-unusable', 'altered'])
  })

  it('is not misled by files of the ledger that were changed to fit', async () => {
    const index = log.indexOf('MessageSent', 33)
    log.change(
      index,
      withText(() => 'rewritten'),
    )
    const forged = await forgedLedger()
    const { findings } = await verify({ ledger: forged })
    expect(findings.map(({ kind }) => kind)).toEqual(['checkpoint-differs', 'checkpoint-differs'])
    await rm(forged, { recursive: true })
  })

  it('exposes a history rewritten and signed again with the stolen key, by a checkpoint kept outside', async () => {
    log.change(
      log.indexOf('MessageSent', 33),
      withText(() => 'rewritten'),
    )
    resignCheckpoints()
    const forged = await forgedLedger()
    expect((await verify({ ledger: forged })).findings).toEqual([]) // The operator alone can do this …
    const { findings } = await verify({ ledger: forged, outside: outsideNote })
    expect(findings).toMatchObject([{ kind: 'checkpoint-differs', detail: expect.stringContaining('the safe') }])
    await rm(forged, { recursive: true })
  })

  it('exposes a log that was cut off and grown anew, by a checkpoint kept outside', async () => {
    log.events.splice(100)
    const forged = await forgedLedger()
    const { findings } = await verify({ ledger: forged, outside: outsideNote })
    expect(findings).toMatchObject([{ kind: 'truncated', leaf: leafAt(100) }])
    await rm(forged, { recursive: true })
  })
})

describe('leaves that the store let age out', () => {
  it('are counted, when they are the oldest of a stream that may age', async () => {
    const settings = { stream: `$$${otherStream}`, data: { $maxAge: 60 }, type: '$metadata' }
    const first = log.events[0] as StoredEvent
    log.events.unshift({ ...first, ...settings, position: toPosition(-1n) })
    const index = log.events.findIndex((event) => event.stream === otherStream)
    log.events.splice(index, 3)
    expect(await verify()).toMatchObject({ aged: 3, findings: [] })
    log.events.splice(index + 5, 1) // Not one of the oldest: somebody dropped it.
    expect((await verify()).findings).toMatchObject([{ kind: 'dropped', stream: otherStream, revision: '8' }])
  })

  it('are dropped, when nothing lets the stream age', async () => {
    const index = log.events.findIndex((event) => event.stream === otherStream)
    log.events.splice(index, 1)
    expect((await verify()).findings).toMatchObject([{ kind: 'dropped', revision: '0' }])
  })
})

/** Signs every checkpoint of the copy again over what the copy holds now, as a thief of the key would. */
function resignCheckpoints(): void {
  for (const [index, event] of log.events.entries()) {
    if (event.stream !== LEDGER_STREAM) continue
    const { treeSize } = event.data as { treeSize: number }
    const root = rootOfCopy(treeSize)
    const signedNote = signNote(checkpointText({ origin: signer.verifier.name, size: treeSize, root }), [signer])
    log.change(index, () => ({
      ...event,
      data: { ...(event.data as object), rootHash: root.toString('base64'), signedNote },
    }))
  }
}

function rootOfCopy(size: number): Buffer {
  const tree = GrowingTree.empty()
  const leaves = log.events.filter((event) => isInLedger(event.stream)).slice(0, size)
  for (const event of leaves) tree.add(leafHashOf(event), () => {})
  return tree.root()
}

/** Files of a ledger made from the copy as it is now, published under a note of its last checkpoint. */
async function forgedLedger(): Promise<string> {
  const { directory: forged } = await ledgerDirectoryOfTest()
  const writer = await LedgerWriter.open(forged)
  for (const event of log.events) if (isInLedger(event.stream)) writer.add(event)
  const text = checkpointText({ origin: signer.verifier.name, size: writer.size, root: writer.root() })
  await writer.publish(signNote(text, [signer]), writer.size)
  await writer.close()
  return forged
}

function flipped(text: string, at: number): string {
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1)
}
