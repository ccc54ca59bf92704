import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type { FileLayer, LogFile } from '../../../../src/embedded/eventstore/storage/file-layer.ts'
import { verifyLog } from '../../../../src/embedded/eventstore/storage/log-verification.ts'
import { allRecords, nextRecords } from './log-records.ts'
import { RecordedDisk } from './recorded-disk.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const directory = '/store'

type Failing = 'write' | 'sync' | 'create' | 'syncDirectory'

/** The same disk, on which one kind of operation fails as long as `failing` says so. */
class FailingDisk implements FileLayer {
  failing: Failing | undefined
  readonly #disk: RecordedDisk

  constructor(disk: RecordedDisk) {
    this.#disk = disk
  }

  open(file: string): LogFile {
    return this.#guarded(this.#disk.open(file))
  }

  create(file: string): LogFile {
    this.#check('create')
    return this.#guarded(this.#disk.create(file))
  }

  async syncDirectory(): Promise<void> {
    this.#check('syncDirectory')
    return this.#disk.syncDirectory()
  }

  list = (path: string) => this.#disk.list(path)
  makeDirectory = () => {}
  rename = (from: string, to: string) => this.#disk.rename(from, to)
  remove = (file: string) => this.#disk.remove(file)
  hold = () => () => {}

  #guarded(file: LogFile): LogFile {
    return {
      ...file,
      write: async (buffers, at) => {
        // As on a full disk, some of it may be there all the same.
        if (this.failing === 'write') await file.write([Buffer.concat(buffers).subarray(0, 30)], at)
        this.#check('write')
        return file.write(buffers, at)
      },
      sync: async () => {
        this.#check('sync')
        return file.sync()
      },
    }
  }

  #check(operation: Failing): void {
    if (this.failing === operation) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
}

describe('a log whose disk fails', () => {
  test.each(['write', 'sync'] as const)(
    'acknowledges nothing after a failed %s, and opens again cleanly',
    async (failing) => {
      const inner = new RecordedDisk()
      const disk = new FailingDisk(inner)
      const log = await openDurableLog({ directory, files: disk })
      await log.append(nextRecords(log, 'a'))
      disk.failing = failing
      const lost = [log.append(nextRecords(log, 'a', 2)), log.append(nextRecords(log, 'b'))]
      for (const append of lost) await expect(append).rejects.toMatchObject({ code: 'log-not-written' })
      expect((await log.failed).message).toBe(
        'the event log could not be written; nothing of this was acknowledged (directory=/store): no space left on device',
      )
      disk.failing = undefined
      // The disk works again, but what it holds is not known: only another opening finds out.
      await expect(log.append(nextRecords(log, 'b'))).rejects.toMatchObject({ code: 'log-not-written' })
      expect(allRecords(log).map(({ stream }) => stream)).toEqual(['a'])
      await log.close()
      const again = await openDurableLog({ directory, files: inner })
      expect(again.readStream('a', { from: 0, direction: 'forwards', countMax: 1, bytesMax: 1 })).toHaveLength(1)
      expect([1, 4]).toContain(again.durableEnd) // What was not acknowledged may be there, as a whole.
      await again.append(nextRecords(again, 'a'))
      await again.close()
      expect(await verifyLog({ directory, files: inner })).toMatchObject({ isSound: true })
    },
  )

  test.each(['create', 'write', 'sync', 'syncDirectory'] as const)(
    'fails when a new segment cannot be begun by a failed %s',
    async (failing) => {
      const inner = new RecordedDisk()
      const disk = new FailingDisk(inner)
      const log = await openDurableLog({ directory, files: disk, segmentRecordsMax: 3 })
      await log.append(nextRecords(log, 'a', 3))
      disk.failing = failing
      await expect(log.append(nextRecords(log, 'a'))).rejects.toMatchObject({ code: 'log-not-written' })
      await log.failed
      await log.close()
      const again = await openDurableLog({ directory, files: inner, segmentRecordsMax: 3 })
      expect(again.durableEnd).toBe(3)
      await again.append(nextRecords(again, 'a', 2))
      await again.close()
      expect(await verifyLog({ directory, files: inner })).toMatchObject({ isSound: true, records: 5 })
    },
  )

  test('keeps everything when a compaction fails, and goes on', async () => {
    const disk = new FailingDisk(new RecordedDisk())
    const log = await openDurableLog({ directory, files: disk })
    await log.append(nextRecords(log, 'a', 9))
    const before = allRecords(log)
    const onProgress = () => {
      disk.failing = 'create' // Only after the segment was sealed.
    }
    await expect(log.compact({ mayDrop: () => true, onProgress })).rejects.toThrow('no space left')
    disk.failing = undefined
    expect(allRecords(log)).toEqual(before)
    await log.append(nextRecords(log, 'a'))
    expect(await log.compact({ mayDrop: () => true })).toMatchObject({ dropped: 9, isComplete: true })
    expect(allRecords(log).map(({ revision }) => revision)).toEqual([9])
    await log.close()
  })

  test('ends chores that waited for their turn', async () => {
    const disk = new FailingDisk(new RecordedDisk())
    const log = await openDurableLog({ directory, files: disk })
    await log.append(nextRecords(log, 'a'))
    const chores = [log.backup('/copy'), log.compact({ mayDrop: () => true })]
    disk.failing = 'sync'
    const append = log.append(nextRecords(log, 'a'))
    await expect(append).rejects.toMatchObject({ code: 'log-not-written' })
    for (const chore of chores) await expect(chore).rejects.toThrow('no space left')
    await expect(log.compact({ mayDrop: () => true })).rejects.toMatchObject({ code: 'log-not-written' })
    await log.close()
  })

  test('tells a full disk from the operating system, and loses nothing of what was acknowledged', async () => {
    const target = temporaryDirectory()
    const [storage, records] = ['durable-log', 'x'].map((name) =>
      new URL(`../../../../src/embedded/eventstore/storage/${name}.ts`, import.meta.url).href.replace(
        'src/embedded/eventstore/storage/x',
        'test/embedded/eventstore/storage/log-records',
      ),
    )
    const program = `
      import { openDurableLog } from ${JSON.stringify(storage)}
      import { nextRecords } from ${JSON.stringify(records)}
      const log = await openDurableLog({ directory: process.argv[1] })
      let acknowledged = 0
      for (;;) {
        try {
          await log.append(nextRecords(log, 'a', 3, { body: Buffer.alloc(5000, 7) }))
          acknowledged += 3
        } catch (error) {
          console.log(JSON.stringify({ acknowledged, code: error.code, cause: error.cause.code, failed: (await log.failed).code }))
          break
        }
      }
      await log.close()`
    // The shell lets no file grow beyond 200 blocks (of 512 or 1,024 bytes): writing on then fails, as on a full disk.
    const child = spawn('sh', [
      '-c',
      'ulimit -f 200; exec "$0" --input-type=module --eval "$1" "$2"',
      process.execPath,
      program,
      target,
    ])
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    expect(err).toBe('')
    const told = JSON.parse(out) as { acknowledged: number }
    expect(told).toEqual({
      acknowledged: expect.any(Number),
      code: 'log-not-written',
      cause: 'EFBIG',
      failed: 'log-not-written',
    })
    expect(told.acknowledged).toBeGreaterThan(9)
    const log = await openDurableLog({ directory: target })
    expect(log.durableEnd).toBeGreaterThanOrEqual(told.acknowledged)
    expect(log.durableEnd % 3).toBe(0)
    await log.append(nextRecords(log, 'a'))
    await log.close()
    expect(await verifyLog({ directory: target })).toMatchObject({ isSound: true })
  })
})

describe('a directory that cannot be used', () => {
  test('is refused with its name and the reason', async () => {
    const file = path.join(temporaryDirectory(), 'file')
    fs.writeFileSync(file, '')
    await expect(openDurableLog({ directory: file })).rejects.toMatchObject({
      code: 'data-directory-unusable',
      message: expect.stringContaining(file),
    })
  })

  test('is refused when its disk is full, and free for the next try', async () => {
    const inner = new RecordedDisk()
    const disk = new FailingDisk(inner)
    disk.failing = 'write'
    await expect(openDurableLog({ directory, files: disk })).rejects.toThrow('no space left on device')
    disk.failing = undefined
    const log = await openDurableLog({ directory, files: disk })
    await log.append(nextRecords(log, 'a'))
    await log.close()
    expect(await verifyLog({ directory, files: inner })).toMatchObject({ isSound: true, records: 1 })
  })

  test('is refused when a newer version wrote it', async () => {
    const disk = new RecordedDisk()
    await (await openDurableLog({ directory, files: disk })).close()
    const [[name, bytes] = ['', Buffer.alloc(0)]] = disk.state()
    bytes.writeUInt32LE(2, 8)
    await expect(
      openDurableLog({ directory, files: new RecordedDisk(new Map([[name, bytes]])) }),
    ).rejects.toMatchObject({
      code: 'directory-not-a-log',
      message: expect.stringContaining('formatVersion=2'),
    })
  })
})

describe('a log that is used wrongly', () => {
  test('refuses records that do not fit, before anything of their append is written', async () => {
    const log = await openDurableLog({ directory, files: new RecordedDisk() })
    const [record] = nextRecords(log, 'a')
    const whole = record as NonNullable<typeof record>
    expect(() => log.append([])).toThrow('at least one')
    expect(() => log.append([{ ...whole, revision: 1 }])).toThrow('does not follow')
    expect(() => log.append([whole, whole])).toThrow('does not follow')
    expect(() => log.append([whole, { ...whole, revision: 1, eventId: 'no id' }])).toThrow('not a canonical UUID')
    expect(() => log.append([whole, { ...whole, revision: 1, type: 'x'.repeat(70_000) }])).toThrow(
      'a name has more than',
    )
    expect(log.nextPosition).toBe(0)
    await log.append([whole])
    expect(allRecords(log)).toHaveLength(1)
    await log.close()
  })

  test('refuses reads, appends and chores once it is closed, and closes as often as one likes', async () => {
    const log = await openDurableLog({ directory, files: new RecordedDisk() })
    const last = log.append(nextRecords(log, 'a'))
    await Promise.all([log.close(), log.close()])
    await last // What was pending became durable first.
    expect(() => log.append(nextRecords(log, 'b'))).toThrow('the event log is closed')
    expect(() => allRecords(log)).toThrow('the event log is closed')
    expect(() => log.compact({ mayDrop: () => true })).toThrow('the event log is closed')
    await log.close()
  })

  test('takes no more than it may hold while the disk is slow', async () => {
    const log = await openDurableLog({ directory, files: new RecordedDisk() })
    const body = Buffer.alloc(30 * 1024 * 1024)
    const appends: Promise<void>[] = []
    const fill = () => {
      for (;;) appends.push(log.append(nextRecords(log, 'a', 1, { body })))
    }
    expect(fill).toThrow('too much waits to be written')
    expect(log.pendingBytes).toBeLessThan(300 * 1024 * 1024)
    await Promise.all(appends)
    expect(log.pendingBytes).toBe(0)
    await log.append(nextRecords(log, 'a'))
    await log.close()
  })
})
