import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import { verifyLog } from '../../../../src/embedded/eventstore/storage/log-verification.ts'
import { allRecords, nextRecords } from './log-records.ts'
import { RecordedDisk } from './recorded-disk.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const SMALL = { segmentBytesMax: 6_000 }

describe('a backup', () => {
  test('holds exactly what was durable when it began, while appends go on', async () => {
    const [directory, target] = [temporaryDirectory(), path.join(temporaryDirectory(), 'new')]
    const log = await openDurableLog({ directory, ...SMALL })
    for (let i = 0; i < 40; i += 1) await log.append(nextRecords(log, `s-${i % 3}`, 2))
    const before = allRecords(log)
    const pending = log.append(nextRecords(log, 's-0'))
    const backup = log.backup(target)
    const later = Array.from({ length: 60 }, () => log.append(nextRecords(log, 's-1', 3)))
    const { records, bytes } = await backup
    await Promise.all([pending, ...later])
    await log.close()
    expect(records).toBe(80)
    expect(bytes).toBeGreaterThan(10_000)
    expect(await verifyLog({ directory: target })).toMatchObject({ isSound: true, records: 80, tornBytes: 0 })
    const copy = await openDurableLog({ directory: target, ...SMALL })
    expect(allRecords(copy)).toEqual(before)
    await copy.append(nextRecords(copy, 's-2'))
    await copy.close()
  })

  test('goes only into an empty directory', async () => {
    const log = await openDurableLog({ directory: temporaryDirectory() })
    const target = temporaryDirectory()
    fs.writeFileSync(path.join(target, 'somebody.else'), 'x')
    await expect(log.backup(target)).rejects.toMatchObject({ code: 'directory-not-empty' })
    expect(fs.readdirSync(target)).toEqual(['somebody.else'])
    await log.close()
  })

  test('that was cut short is never taken for a shorter log', async () => {
    const disk = new RecordedDisk()
    const log = await openDurableLog({ directory: '/store', files: disk, ...SMALL })
    for (let i = 0; i < 40; i += 1) await log.append(nextRecords(log, 'a', 2))
    const start = disk.operations.length
    await log.backup('/copy')
    const end = disk.operations.length
    await log.close()
    for (let at = start; at < end; at += 1) {
      const cut = disk.afterKill(at)
      const copy = await openDurableLog({ directory: '/copy', files: cut }).catch((error: Error) => error)
      // Nothing there yet, or all of it, or a refusal.
      if (copy instanceof Error) expect(copy.message).toMatch(/segment \d+ is missing/)
      else expect([0, 80]).toContain(copy.durableEnd)
    }
  })
})

describe('a verification', () => {
  test('counts what is there', async () => {
    const directory = temporaryDirectory()
    const log = await openDurableLog({ directory, ...SMALL })
    for (let i = 0; i < 40; i += 1) await log.append(nextRecords(log, `s-${i % 3}`, 2))
    await expect(verifyLog({ directory })).rejects.toMatchObject({ code: 'directory-in-use' })
    const { segments, bytes } = log.stats()
    await log.close()
    const told: number[] = []
    const result = await verifyLog({ directory, onProgress: ({ records }) => told.push(records) })
    expect(result).toEqual({
      isSound: true,
      records: 80,
      streams: 3,
      segments,
      bytes: bytes + 40,
      tornBytes: 0,
      staleIndexes: [],
    })
    expect(told).toHaveLength(segments)
    expect(told.at(-1)).toBe(80)
  })

  test('is refused where no log is', async () => {
    await expect(verifyLog({ directory: temporaryDirectory() })).rejects.toMatchObject({ code: 'directory-not-a-log' })
    await expect(verifyLog({ directory: '/nowhere/at/all' })).rejects.toMatchObject({ code: 'directory-not-a-log' })
  })
})

describe('a compaction', () => {
  test('frees space, joins what is small, tells its progress, and is there after a restart', async () => {
    const directory = temporaryDirectory()
    const log = await openDurableLog({ directory, ...SMALL })
    for (let i = 0; i < 90; i += 1) await log.append(nextRecords(log, `s-${i % 3}`, 2))
    const before = log.stats()
    const told: number[] = []
    const result = await log.compact({
      mayDrop: ({ revision }) => revision % 10 !== 0,
      onProgress: ({ done, total }) => told.push(done / total),
    })
    expect(result).toMatchObject({ dropped: 159, isComplete: true }) // Of 180 records, 18 stay by rule and 3 as heads.
    expect(told.at(-1)).toBe(1)
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    const after = log.stats()
    expect(after).toMatchObject({ records: 21, streams: 3 })
    expect(after.segments).toBeLessThan(before.segments / 3)
    expect(after.bytes).toBeLessThan(before.bytes / 3)
    const kept = allRecords(log)
    await log.append(nextRecords(log, 's-1'))
    await log.close()
    const again = await openDurableLog({ directory, ...SMALL })
    expect(allRecords(again).slice(0, -1)).toEqual(kept)
    expect(again.head('s-1')).toMatchObject({ revision: 60, position: 180 })
    expect(again.stats()).toMatchObject({ records: 22, streams: 3 })
    await again.close()
  })

  test('ends when told to, and what is done so far stays valid', async () => {
    const directory = temporaryDirectory()
    const log = await openDurableLog({ directory, ...SMALL })
    for (let i = 0; i < 90; i += 1) await log.append(nextRecords(log, `s-${i % 3}`, 2))
    const stop = new AbortController()
    const result = await log.compact({
      mayDrop: ({ revision }) => revision % 10 === 0,
      signal: stop.signal,
      onProgress: ({ dropped }) => dropped > 0 && stop.abort(),
    })
    expect(result.isComplete).toBe(false)
    expect(log.stats().records).toBe(180 - result.dropped)
    await log.close()
    expect(await verifyLog({ directory })).toMatchObject({ isSound: true, records: 180 - result.dropped })
  })
})
