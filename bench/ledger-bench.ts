/** How fast the ledger grows beside bare hashing, what a checkpoint and a proof cost in a large tree, and verifying beside reading. */

import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readLog } from '../src/audit/log-reading.ts'
import { verifyLog } from '../src/audit/log-verification.ts'
import { startEmbeddedEventStore } from '../src/embedded/eventstore/start-embedded.ts'
import { createCodec, type EncodedEvent, type StoredEvent } from '../src/events/codec.ts'
import { checkpointText } from '../src/ledger/checkpoint.ts'
import { GrowingTree } from '../src/ledger/growing-tree.ts'
import { LEAF_RECORD_BYTES } from '../src/ledger/leaf-index.ts'
import { openLedgerReader } from '../src/ledger/ledger-reader.ts'
import { LedgerWriter, UNFLUSHED_LEAVES_MAX } from '../src/ledger/ledger-writer.ts'
import { generateSignerKey, parseSignerKey, type SignerKey } from '../src/ledger/note-keys.ts'
import { signNote } from '../src/ledger/signed-note.ts'
import { partialTiles } from '../src/ledger/tile-layout.ts'
import { writeEdge } from '../src/ledger/tree-edge.ts'
import { hashLeaf } from '../src/ledger/tree-hash.ts'
import { LEDGER_STREAM_PATTERN, leafText } from '../src/ledger/tree-leaf.ts'
import { inclusionProof } from '../src/ledger/tree-proofs.ts'
import { isRefusal } from '../src/shared/failures.ts'
import { mintId, toPosition, toRevision } from '../src/shared/ids.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'
import { completed, envelope, sent, stream } from '../test/support/examples.ts'
import { type Bench, type BenchResult, figureOf, interleaved, type Row, ratioTo } from './measurement.ts'

const REPETITIONS = 5
const LARGE_TREE = 10_000_000

export const bench: Bench = { name: 'ledger', run }

async function run({ isQuick }: { readonly isQuick: boolean }): Promise<BenchResult> {
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-bench-ledger-'))
  try {
    const rows = [
      ...(await growth(directory, isQuick ? 20_000 : 100_000)),
      ...(await checkpoints(path.join(directory, 'large'))),
      ...(await proofs(path.join(directory, 'grown-0'))),
      ...(await verification(directory, isQuick ? 20_000 : 1_000_000)),
    ]
    return { title: 'ledger', repetitions: REPETITIONS, rows, notes }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const notes = [
  'Hash-only: SHA-256 of leaves that are serialised already, and of all nodes. Ledger: canonical JSON, both kinds of hashes, tiles, index, fsync.',
  'Verifying: the whole log against tiles, index and a signed checkpoint; reading: the same subscription without looking at what comes.',
]

/** Turns as they are recorded: a short message and a longer answer. */
function events(count: number): StoredEvent[] {
  const metadata = envelope()
  return Array.from({ length: count }, (_, index) => {
    const event = index % 2 === 0 ? sent(`m${index}`) : completed(`m${index}`)
    return {
      stream,
      revision: toRevision(index),
      position: toPosition(1_000_000 + index * 700),
      eventId: mintId(),
      type: event.type,
      created: new Date(1_790_000_000_000 + index),
      data: event.data,
      metadata,
    }
  })
}

async function growth(directory: string, count: number): Promise<Row[]> {
  const all = events(count)
  const texts = all.map(leafText)
  let runs = 0
  const perS = (startedAt: number) => count / ((performance.now() - startedAt) / 1_000)
  const samples = await interleaved(REPETITIONS, {
    hashOnly: async () => {
      const tree = GrowingTree.empty()
      const startedAt = performance.now()
      for (const text of texts) tree.add(hashLeaf(text), () => {})
      tree.root()
      return perS(startedAt)
    },
    ledger: async () => {
      const writer = await LedgerWriter.open(path.join(directory, `grown-${runs}`))
      runs += 1
      const startedAt = performance.now()
      for (const event of all) {
        writer.add(event)
        if (writer.unflushed >= UNFLUSHED_LEAVES_MAX) await writer.flush()
      }
      await writer.publish(noteOf(writer), writer.size)
      const rate = perS(startedAt)
      await writer.close()
      return rate
    },
  })
  const [ledger, hashOnly] = [figureOf(samples.ledger), figureOf(samples.hashOnly)]
  return [
    { what: 'hash-only limit', unit: 'leaves/s', figure: hashOnly },
    {
      what: 'ledger, on disk and synced',
      unit: 'leaves/s',
      figure: ledger,
      ratio: ratioTo('the hash-only limit', ledger.median / hashOnly.median, { atLeast: 0.3 }),
    },
    {
      what: 'ledger beside 10,000 leaves/s',
      unit: 'leaves/s',
      figure: ledger,
      ratio: ratioTo('10,000 leaves/s', ledger.median / 10_000, { atLeast: 1 }),
    },
  ]
}

const signer = newSigner()

function newSigner(): SignerKey {
  const key = parseSignerKey(generateSignerKey('emberlog.bench/log'))
  if (isRefusal(key)) throw new Error(key.detail)
  return key
}

function noteOf(writer: LedgerWriter): string {
  return signNote(checkpointText({ origin: 'emberlog.bench/log', size: writer.size, root: writer.root() }), [signer])
}

/** A tree of ten million leaves, of which only the right edge is real: nothing else is looked at. */
async function checkpoints(directory: string): Promise<Row[]> {
  await mkdir(directory, { recursive: true })
  const partial = partialTiles(LARGE_TREE).map((name) => ({ ...name, bytes: randomBytes(name.width * 32) }))
  await writeFile(path.join(directory, 'edge'), writeEdge(LARGE_TREE, partial))
  const leaves = await open(path.join(directory, 'leaves'), 'w')
  await leaves.truncate(LARGE_TREE * LEAF_RECORD_BYTES)
  await leaves.close()
  const writer = await LedgerWriter.open(directory)
  const [ms, rootMs]: [number[], number[]] = [[], []]
  for (const event of events(50)) {
    writer.add(event)
    const startedAt = performance.now()
    const note = noteOf(writer)
    rootMs.push(performance.now() - startedAt)
    await writer.publish(note, writer.size)
    ms.push(performance.now() - startedAt)
  }
  await writer.close()
  return [
    { what: 'root and signature at 10 M leaves', unit: 'ms', figure: figureOf(rootMs) },
    {
      what: 'checkpoint at 10 M leaves, published and synced',
      unit: 'ms',
      figure: figureOf(ms),
      ratio: ratioTo('100 ms', figureOf(ms).median / 100, { atMost: 1 }),
    },
  ]
}

async function proofs(directory: string): Promise<Row[]> {
  const ledger = openLedgerReader(directory)
  const { size = 0 } = (await ledger.checkpoint()) ?? {}
  const [us, kib]: [number[], number[]] = [[], []]
  const PROOFS = 500
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    const before = process.memoryUsage()
    const startedAt = performance.now()
    for (let proof = 0; proof < PROOFS; proof += 1) {
      await inclusionProof(ledger.hashes(size), Math.floor((proof * size) / PROOFS), size)
    }
    us.push(((performance.now() - startedAt) / PROOFS) * 1_000)
    kib.push((process.memoryUsage().external - before.external) / 1_024)
  }
  return [
    { what: `inclusion proof from tiles, ${size} leaves`, unit: 'µs', figure: figureOf(us) },
    { what: 'memory outside the heap after 500 proofs more', unit: 'KiB', figure: figureOf(kib) },
  ]
}

async function verification(directory: string, count: number): Promise<Row[]> {
  const embedded = await startEmbeddedEventStore({ inMemory: true })
  const store = openEventStoreDb({ connectionString: embedded.connectionString, logger: silentLogger })
  try {
    await fill(store.append, count)
    const root = path.join(directory, 'verified')
    const writer = await LedgerWriter.open(root)
    const log = () => readLog(store, { after: 'start', streamPattern: LEDGER_STREAM_PATTERN })
    for await (const event of log()) {
      writer.add(event)
      if (writer.unflushed >= UNFLUSHED_LEAVES_MAX) await writer.flush()
    }
    const note = noteOf(writer)
    await writer.publish(note, writer.size)
    await writer.close()
    const samples = await interleaved(3, {
      reading: async () => {
        const startedAt = performance.now()
        for await (const _event of log());
        return (performance.now() - startedAt) / 1_000
      },
      verifying: async () => {
        const startedAt = performance.now()
        const parts = { reader: store, codec: createCodec(), ledger: openLedgerReader(root), keys: [signer.verifier] }
        const { findingsCount, leaves } = await verifyLog({ ...parts, outside: [{ from: 'bench', note }] })
        if (findingsCount > 0 || leaves !== count) throw new Error('the log did not verify')
        return (performance.now() - startedAt) / 1_000
      },
    })
    const [reading, verifying] = [figureOf(samples.reading), figureOf(samples.verifying)]
    return [
      { what: `reading ${count} events`, unit: 's', figure: reading },
      {
        what: `verifying ${count} events`,
        unit: 's',
        figure: verifying,
        ratio: ratioTo('reading', verifying.median / reading.median, { atMost: 2 }),
      },
    ]
  } finally {
    await store.close()
    await embedded.stop()
  }
}

type Append = (stream: string, events: readonly EncodedEvent[], expected: 'any') => Promise<unknown>

async function fill(append: Append, count: number): Promise<void> {
  const BATCH = 500
  const all = events(Math.min(count, BATCH))
  for (let done = 0; done < count; done += BATCH) {
    const batch = all
      .slice(0, count - done)
      .map(({ type, data, metadata }) => ({ eventId: mintId(), type, data, metadata }))
    await append(`conversation-${done}`, batch as unknown as EncodedEvent[], 'any')
  }
}
