import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, draftStream, LEDGER_STREAM } from '../../src/events/stream-names.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { trustedKeys } from '../../src/ledger/key-endorsement.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { isInLedger, LEDGER_STREAM_PATTERN, leafHashOf } from '../../src/ledger/tree-leaf.ts'
import { consistencyProof, inclusionProof, isConsistent, isIncluded } from '../../src/ledger/tree-proofs.ts'
import type { EventStore } from '../../src/store/event-store.ts'
import { merkleTreeHash } from '../ledger/tree-in-memory.ts'
import { completed, conversationId, sent, stream } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import { append, chat, keepLedger, ledgerDirectoryOfTest, newSigner, published, signOnce } from './ledger-harness.ts'

let record: RecordHarness
let store: EventStore
let directory: string
let remove: () => Promise<void>
beforeEach(async () => {
  record = await startRecord()
  store = record.store
  ;({ directory, remove } = await ledgerDirectoryOfTest())
})
afterEach(async () => {
  await record.stop()
  await remove()
})

/** Everything that is in the ledger, straight from the log. */
async function leavesOfLog(from: EventStore = store): Promise<StoredEvent[]> {
  const ending = new AbortController()
  const events: StoredEvent[] = []
  const deliveries = from.subscribeToAll({ after: 'start', streamPattern: '^[^$]', signal: ending.signal })
  for await (const delivery of deliveries) {
    if (delivery.kind === 'caught-up') break
    if (delivery.kind === 'event' && isInLedger(delivery.event.stream)) events.push(delivery.event)
  }
  ending.abort()
  return events
}

const signer = newSigner()
const TURN = '0199d0a0-0000-7000-8000-000000000001'

describe('the keeper of the ledger', () => {
  it('signs at a stop the tree of every event outside drafts, in the order of the log', async () => {
    await append(store, stream, chat(3))
    await append(store, draftStream(TURN), [
      { type: 'DraftExtended', data: { turnId: TURN, conversationId, firstDelta: 1, deltas: ['Re'] } },
    ])
    await append(store, stream, [completed('m1')])
    await signOnce(store, directory, [signer])

    const leaves = await leavesOfLog()
    expect(leaves.map(({ type }) => type)).toEqual([
      'ConversationStarted',
      'MessageSent',
      'MessageSent',
      'MessageSent',
      'ResponseCompleted',
      'LedgerKeyIntroduced',
      'CheckpointSigned',
    ])
    const checkpoint = await published(directory)
    expect(checkpoint?.size).toBe(6)
    expect(checkpoint?.root).toEqual(merkleTreeHash(leaves.slice(0, 6).map(leafHashOf)))
    expect(openCheckpoint(checkpoint?.note ?? '', [signer.verifier])).toMatchObject({ origin: 'emberlog.test/log' })
    expect(leaves.at(-1)?.data).toMatchObject({
      treeSize: 6,
      rootHash: checkpoint?.root.toString('base64'),
      lastPosition: String(leaves[5]?.position),
      signedNote: checkpoint?.note,
    })
  })

  it('signs at its interval while events come, and leaves a quiet log alone', async () => {
    const kept = keepLedger({ store, directory, signers: [signer], intervalMs: 20 })
    await append(store, stream, chat(1))
    await kept.reached(({ signedSize }) => signedSize >= 3)
    await append(store, stream, [sent('later')])
    const { signedSize } = await kept.reached(({ size, signedSize }) => signedSize === size - 1 && size > 5)
    await new Promise((resolve) => setTimeout(resolve, 100)) // Five intervals in which nothing may happen.
    expect(kept.keeper.status().signedSize).toBe(signedSize)
    await kept.stop()
    const sizes = (await leavesOfLog())
      .filter(({ type }) => type === 'CheckpointSigned')
      .map(({ data }) => sizeOf(data))
    expect(sizes.at(-1)).toBe(signedSize)
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b))
  })

  it('goes on after a stop with a tree that begins with what it signed', async () => {
    await append(store, stream, chat(300))
    await signOnce(store, directory, [signer])
    const first = await published(directory)
    await append(store, stream, [sent('after')])
    await signOnce(store, directory, [signer])
    const second = await published(directory)
    if (first === undefined || second === undefined) throw new Error('nothing published')
    expect(second.size).toBeGreaterThan(first.size)
    const reader = openLedgerReader(directory)
    const proof = await consistencyProof(reader.hashes(second.size), first.size, second.size)
    const trees = { from: first.size, fromRoot: first.root, to: second.size, toRoot: second.root }
    expect(isConsistent(trees, proof)).toBe(true)
    const leaves = await leavesOfLog()
    for (const index of [0, 255, 256, 299, second.size - 1]) {
      const inclusion = await inclusionProof(reader.hashes(second.size), index, second.size)
      const leafHash = leafHashOf(leaves[index] as StoredEvent)
      expect(isIncluded({ leafHash, index, size: second.size, root: second.root }, inclusion)).toBe(true)
    }
  })

  it('builds the same files anew from the log alone', async () => {
    await append(store, stream, chat(600))
    await signOnce(store, directory, [signer])
    const before = await published(directory)
    const tile = await readFile(path.join(directory, 'public/tile/0/001'))
    await rm(directory, { recursive: true })
    const kept = keepLedger({ store, directory, signers: [signer] })
    await kept.reached(({ isCaughtUp }) => isCaughtUp)
    expect((await published(directory))?.note).toBe(before?.note)
    expect(await readFile(path.join(directory, 'public/tile/0/001'))).toEqual(tile)
    expect(await readdir(path.join(directory, 'public/tile/0'))).toContain('002.p')
    await kept.stop()
  })

  it('loses nothing when it is cut short before its edge is written', async () => {
    await append(store, stream, chat(100))
    await signOnce(store, directory, [signer])
    const edge = await readFile(path.join(directory, 'edge'))
    await append(store, stream, chat(500))
    await signOnce(store, directory, [signer])
    await writeFile(path.join(directory, 'edge'), edge) // As if the rest had never been synced.
    await signOnce(store, directory, [signer])
    const checkpoint = await published(directory)
    const leaves = await leavesOfLog()
    expect(checkpoint?.root).toEqual(merkleTreeHash(leaves.slice(0, checkpoint?.size).map(leafHashOf)))
  })

  it('goes back to what it has published when its edge is torn', async () => {
    await append(store, stream, chat(100))
    await signOnce(store, directory, [signer])
    await writeFile(path.join(directory, 'edge'), 'torn')
    await append(store, stream, [sent('after')])
    await signOnce(store, directory, [signer])
    const checkpoint = await published(directory)
    expect(checkpoint?.root).toEqual(merkleTreeHash((await leavesOfLog()).slice(0, checkpoint?.size).map(leafHashOf)))
  })

  it('does not begin anew over files that do not say how far they go', async () => {
    await append(store, stream, chat(10))
    await signOnce(store, directory, [signer])
    await rm(path.join(directory, 'edge'))
    await rm(path.join(directory, 'public/checkpoint'))
    const kept = keepLedger({ store, directory, signers: [signer] })
    expect(await kept.reached(({ state }) => state === 'away')).toMatchObject({ reason: /ledger-damaged/ })
    await kept.stop()
  })

  it('leaves a directory to the keeper that has it', async () => {
    const first = keepLedger({ store, directory, signers: [signer] })
    await first.reached(({ isCaughtUp }) => isCaughtUp)
    const second = keepLedger({ store, directory, signers: [signer] })
    expect(await second.reached(({ state }) => state === 'standing by')).toMatchObject({ size: 0 })
    await second.stop()
    await first.stop()
  })

  it('is one of several: each node has the same tree, and they sign in turn', async () => {
    const other = await ledgerDirectoryOfTest()
    const nodes = [
      keepLedger({ store, directory, signers: [signer], intervalMs: 15 }),
      keepLedger({ store: record.another(), directory: other.directory, signers: [signer], intervalMs: 15 }),
    ]
    for (let round = 0; round < 20; round += 1) await append(store, stream, [sent(`r${round}`)])
    await Promise.all(nodes.map((node) => node.reached(({ signedSize }) => signedSize >= 20)))
    await Promise.all(nodes.map((node) => node.stop()))
    const checkpoints = (await leavesOfLog()).filter(({ type }) => type === 'CheckpointSigned')
    const sizes = checkpoints.map(({ data }) => sizeOf(data))
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
    const leaves = await leavesOfLog()
    for (const { data } of checkpoints) {
      const { treeSize, rootHash } = data as { treeSize: number; rootHash: string }
      expect(merkleTreeHash(leaves.slice(0, treeSize).map(leafHashOf)).toString('base64')).toBe(rootHash)
    }
    await other.remove()
  })

  it('refuses to sign on when the log does not hold what was signed', async () => {
    await append(store, stream, chat(10))
    await signOnce(store, directory, [signer])
    const elsewhere = await startRecord()
    await append(elsewhere.store, stream, chat(40))
    const kept = keepLedger({ store: elsewhere.store, directory, signers: [signer] })
    expect(await kept.reached(({ state }) => state === 'refusing')).toMatchObject({ reason: /ledger-differs/ })
    await kept.stop()
    expect((await leavesOfLog(elsewhere.store)).some(({ type }) => type === 'CheckpointSigned')).toBe(false)
    await elsewhere.stop()
  })

  it('refuses when a checkpoint of its own key in the log is of another tree', async () => {
    await append(store, stream, chat(10))
    await signOnce(store, directory, [signer])
    const [last] = await store.readStreamBackwards(LEDGER_STREAM, 1)
    const other = await startRecord()
    const others = await ledgerDirectoryOfTest()
    await append(other.store, stream, chat(12))
    const event = { type: 'CheckpointSigned', data: last?.data as never } as const
    await append(other.store, LEDGER_STREAM, [event])
    const kept = keepLedger({ store: other.store, directory: others.directory, signers: [signer] })
    expect(await kept.reached(({ state }) => state === 'refusing')).toMatchObject({ reason: /checkpoint of ours/ })
    await kept.stop()
    await others.remove()
    await other.stop()
  })

  it('takes a checkpoint that it has no key for as no reason to stop', async () => {
    await append(store, stream, chat(3))
    const data = { treeSize: 2, rootHash: Buffer.alloc(32).toString('base64'), lastPosition: '1', signedNote: 'x' }
    await append(store, LEDGER_STREAM, [{ type: 'CheckpointSigned', data }])
    await signOnce(store, directory, [signer])
    expect((await published(directory))?.size).toBe(6)
  })
})

describe('a new key', () => {
  it('is introduced once, and endorsed by the key before it', async () => {
    const next = newSigner()
    await append(store, stream, chat(1))
    await signOnce(store, directory, [signer])
    await append(store, stream, [sent('x')])
    await signOnce(store, directory, [next, signer])
    await append(store, stream, [sent('y')])
    await signOnce(store, directory, [next])
    const introduced = (await leavesOfLog()).filter(({ type }) => type === 'LedgerKeyIntroduced')
    expect(introduced).toHaveLength(2)
    const endorsements = introduced.map(({ data }) => (data as { endorsement: string }).endorsement)
    expect(trustedKeys([signer.verifier], endorsements).map(({ text }) => text)).toEqual([
      signer.verifier.text,
      next.verifier.text,
    ])
    expect(trustedKeys([newSigner().verifier], endorsements)).toHaveLength(1)
    const checkpoint = await published(directory)
    expect(openCheckpoint(checkpoint?.note ?? '', [next.verifier])).toMatchObject({ kind: 'checkpoint' })
    expect(openCheckpoint(checkpoint?.note ?? '', [signer.verifier])).toMatchObject({ code: 'note-unsigned' })
  })

  it('and the one before it sign side by side, so that both kinds of verifiers accept', async () => {
    const next = newSigner()
    await append(store, stream, chat(1))
    await signOnce(store, directory, [next, signer])
    const { note = '' } = (await published(directory)) ?? {}
    for (const { verifier } of [next, signer]) expect(openCheckpoint(note, [verifier])).toMatchObject({ size: 3 })
  })
})

describe('the filter of the event store', () => {
  it('lets through what is in the ledger', async () => {
    const names = [
      'a',
      'd',
      'dr',
      'draft',
      'drafts',
      'draft-1',
      'drift-1',
      conversationStream(conversationIdOf('a', 'b')),
    ]
    for (const name of names) await append(store, name, [sent()])
    const ending = new AbortController()
    const found: string[] = []
    const deliveries = store.subscribeToAll({
      after: 'start',
      streamPattern: LEDGER_STREAM_PATTERN,
      signal: ending.signal,
    })
    for await (const delivery of deliveries) {
      if (delivery.kind === 'event') found.push(delivery.event.stream)
      if (delivery.kind === 'caught-up') break
    }
    ending.abort()
    expect(found).toEqual(names.filter(isInLedger))
  })
})

function sizeOf(data: unknown): number {
  return (data as { treeSize: number }).treeSize
}
