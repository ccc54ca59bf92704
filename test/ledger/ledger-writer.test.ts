import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/codec.ts'
import { LedgerWriter } from '../../src/ledger/ledger-writer.ts'
import { TILE_HASHES } from '../../src/ledger/tile-layout.ts'
import { mintId, toPosition, toRevision } from '../../src/shared/ids.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'emberlog-ledger-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const numbered = (index: number): StoredEvent => ({
  stream: 'conversation-6ad3b8b2-a6ee-5faf-965e-f21a8435f1b5',
  revision: toRevision(index),
  position: toPosition(index),
  eventId: mintId(),
  type: 'MessageSent',
  created: new Date(index),
  data: { text: `number ${index}` },
  metadata: {},
})

function grow(writer: LedgerWriter, size: number): void {
  for (let index = writer.size; index < size; index += 1) writer.add(numbered(index))
}

const tiles = async () => (await readdir(join(directory, 'public', 'tile', '0'))).sort()

test('what was published of a tile goes when the tile is full', async () => {
  const writer = await LedgerWriter.open(directory)
  grow(writer, TILE_HASHES - 6)
  await writer.publish('a note', writer.size)
  expect(await tiles()).toEqual(['000.p'])
  grow(writer, 2 * TILE_HASHES + 1)
  await writer.publish('another note', writer.size)
  expect(await tiles()).toEqual(['000', '001', '002.p'])
  await writer.close()
})

test('and also when another process published it', async () => {
  const before = await LedgerWriter.open(directory)
  grow(before, 10)
  await before.publish('a note', before.size)
  await before.close()
  const writer = await LedgerWriter.open(directory)
  grow(writer, TILE_HASHES)
  await writer.flush()
  expect(await tiles()).toEqual(['000'])
  await writer.close()
})
