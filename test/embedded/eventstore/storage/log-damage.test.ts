import { describe, expect, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import { verifyLog } from '../../../../src/embedded/eventstore/storage/log-verification.ts'
import {
  encodeMark,
  FRAME_HEADER_BYTES,
  MARK_BYTES,
} from '../../../../src/embedded/eventstore/storage/record-format.ts'
import { isStorageFault } from '../../../../src/embedded/eventstore/storage/storage-fault.ts'
import { allRecords, nextRecords } from './log-records.ts'
import { type DiskState, RecordedDisk } from './recorded-disk.ts'

const directory = '/store'
const FIRST = '00000001-00000001.0.log'
const HEADER_BYTES = 4096

/** The file's bytes at one moment, by way of a change. */
function changed(state: DiskState, file: string, change: (bytes: Buffer) => Buffer): DiskState {
  const path = `${directory}/${file}`
  return new Map([...state, [path, change(Buffer.from(state.get(path) as Buffer))]])
}

/** Three groups: one record, then two, then a transaction of three. Sizes are those of the file after each. */
async function threeGroups() {
  const disk = new RecordedDisk()
  const log = await openDurableLog({ directory, files: disk })
  const size = () => (disk.state().get(`${directory}/${FIRST}`) as Buffer).byteLength
  const sizes = [HEADER_BYTES]
  for (const [i, stream] of ['a', 'b', 'c'].entries()) {
    await log.append(nextRecords(log, stream, i + 1))
    sizes.push(size())
  }
  const killed = disk.state()
  await log.close()
  return { killed, closed: disk.state(), sizes: sizes as [number, number, number, number] }
}

async function opened(state: DiskState) {
  const disk = new RecordedDisk(state)
  return { disk, log: await openDurableLog({ directory, files: disk }) }
}

describe('a write that a crash cut short', () => {
  test('goes as a whole, wherever it was cut, and the log goes on from there', async () => {
    const { killed, sizes } = await threeGroups()
    const [, , before, after] = sizes
    expect(after - before).toBeGreaterThan(250)
    for (let cut = before; cut < after; cut += 1) {
      const torn = [
        changed(killed, FIRST, (bytes) => bytes.subarray(0, cut)),
        changed(killed, FIRST, (bytes) => bytes.fill(0, cut)),
        changed(killed, FIRST, (bytes) => bytes.fill(0xa5, cut)),
      ]
      for (const state of torn) {
        const { disk, log } = await opened(state)
        expect(log.durableEnd).toBe(3)
        await log.append(nextRecords(log, 'c', 2))
        await log.close()
        const again = await opened(disk.state())
        expect(allRecords(again.log).map(({ stream, revision }) => `${stream}${revision}`)).toEqual([
          'a0',
          'b0',
          'b1',
          'c0',
          'c1',
        ])
        await again.log.close()
      }
    }
  })

  test('goes as a whole, too, when only its middle is missing', async () => {
    const { killed, sizes } = await threeGroups()
    const [, , before, after] = sizes
    for (let at = before; at < after; at += 1) {
      const { log } = await opened(
        changed(killed, FIRST, (bytes) => bytes.fill(bytes.readUInt8(at) ^ 0xff, at, at + 1)),
      )
      expect(log.durableEnd).toBe(3)
      await log.close()
    }
  })

  test('is reported by a verification, which changes nothing', async () => {
    const { killed } = await threeGroups()
    const torn = changed(killed, FIRST, (bytes) => bytes.subarray(0, bytes.byteLength - 5))
    const disk = new RecordedDisk(torn)
    const { tornBytes, ...rest } = await verifyLog({ directory, files: disk })
    expect(rest).toMatchObject({ isSound: true, records: 3, streams: 2, segments: 1 })
    expect(tornBytes).toBeGreaterThan(200)
    expect(disk.operations).toEqual([])
  })
})

describe('damage to what was durable', () => {
  test('stops the opening at every byte of every earlier group, names the place, and changes nothing', async () => {
    const { killed, sizes } = await threeGroups()
    const [start, , end] = sizes
    for (let at = start; at < end; at += 1) {
      const damaged = changed(killed, FIRST, (bytes) => bytes.fill(bytes.readUInt8(at) ^ 0x01, at, at + 1))
      const disk = new RecordedDisk(damaged)
      const error = await openDurableLog({ directory, files: disk }).catch((cause: unknown) => cause)
      if (!isStorageFault(error, 'log-damaged')) throw new Error(`byte ${at}: ${String(error)}`)
      const { file, offset, position } = error.details as { file: string; offset: number; position: number }
      expect(file).toBe(FIRST)
      expect(offset).toBeLessThanOrEqual(at)
      expect(offset).toBeGreaterThan(at - 160) // The record that holds the byte, or its group's mark.
      expect([0, 1, 2]).toContain(position)
      expect(disk.state()).toEqual(damaged)
      const { firstBad } = await verifyLog({ directory, files: disk })
      expect(firstBad).toMatchObject({ file, offset, position })
    }
  })

  test('is noticed in the very last record, too, once the log was closed', async () => {
    const { closed, sizes } = await threeGroups()
    const [, , start, end] = sizes
    for (let at = start; at < end; at += 1) {
      const damaged = changed(closed, FIRST, (bytes) => bytes.fill(bytes.readUInt8(at) ^ 0x80, at, at + 1))
      await expect(openDurableLog({ directory, files: new RecordedDisk(damaged) })).rejects.toMatchObject({
        code: 'log-damaged',
      })
    }
  })

  test('is not mistaken for a torn write when bytes are missing from the middle', async () => {
    const { killed, sizes } = await threeGroups()
    const without = changed(killed, FIRST, (bytes) => bytes.fill(0, sizes[0], sizes[1]))
    await expect(openDurableLog({ directory, files: new RecordedDisk(without) })).rejects.toMatchObject({
      code: 'log-damaged',
    })
  })

  test('stops the opening in a header', async () => {
    const { killed } = await threeGroups()
    const damaged = changed(killed, FIRST, (bytes) => bytes.fill(0xff, 40, 41))
    await expect(openDurableLog({ directory, files: new RecordedDisk(damaged) })).rejects.toThrow(
      'header of the segment',
    )
  })

  test('does not follow from frames that somebody stored as an event', async () => {
    const { killed, sizes } = await threeGroups()
    const frames = (killed.get(`${directory}/${FIRST}`) as Buffer).subarray(HEADER_BYTES, sizes[3])
    // A body of real frames, after a mark made for the very place where it will lie: all but the segment's secret salt.
    const bodyAt = sizes[3] + MARK_BYTES + FRAME_HEADER_BYTES + 'd'.length + 'noted'.length
    const body = Buffer.concat([encodeMark(bodyAt, 7, 0), frames])
    const { disk, log } = await opened(killed)
    await log.append(nextRecords(log, 'd', 1, { body }))
    // Then that very append is torn, before the body.
    const torn = changed(disk.state(), FIRST, (bytes) => bytes.fill(0xff, sizes[3] + 60, sizes[3] + 61))
    expect(torn.get(`${directory}/${FIRST}`)?.subarray(bodyAt, bodyAt + body.byteLength)).toEqual(body)
    const again = await opened(torn)
    expect(again.log.durableEnd).toBe(6)
    await Promise.all([log.close(), again.log.close()])
  })
})

describe('a log of several segments', () => {
  const SMALL = { directory, segmentBytesMax: 5_000 }

  async function segments(): Promise<DiskState> {
    const disk = new RecordedDisk()
    const log = await openDurableLog({ ...SMALL, files: disk })
    for (let i = 0; i < 30; i += 1) await log.append(nextRecords(log, `s-${i % 4}`, 2))
    expect(log.stats().segments).toBeGreaterThan(3)
    await log.close()
    return disk.state()
  }

  test('stops the opening when a sealed one is damaged anywhere', async () => {
    const state = await segments()
    const size = (state.get(`${directory}/${FIRST}`) as Buffer).byteLength
    for (let at = HEADER_BYTES; at < size; at += 7) {
      const damaged = changed(state, FIRST, (bytes) => bytes.fill(bytes.readUInt8(at) ^ 0x10, at, at + 1))
      const error = await openDurableLog({ ...SMALL, files: new RecordedDisk(damaged) }).catch(
        (cause: unknown) => cause,
      )
      expect(error).toMatchObject({ code: 'log-damaged', details: { file: FIRST } })
      const { offset } = (error as { details: { offset: number } }).details
      expect(at - offset).toBeGreaterThanOrEqual(0)
      expect(at - offset).toBeLessThan(160)
    }
  })

  test('names the place when damage beyond what the opening checks is read', async () => {
    const state = await segments()
    const damaged = changed(state, FIRST, (bytes) => bytes.fill(0xff, HEADER_BYTES + 150, HEADER_BYTES + 151))
    const log = await openDurableLog({ ...SMALL, files: new RecordedDisk(damaged), checkedBytesMax: 0 })
    expect(() => allRecords(log)).toThrow(/file=00000001-00000001\.0\.log, offset=\d+, position=1,/)
    await log.close()
  })

  test('builds an index again that is missing, damaged or of another segment', async () => {
    const state = await segments()
    const index = FIRST.replace('log', 'index')
    const other = state.get(`${directory}/00000002-00000002.0.index`) as Buffer
    const size = (state.get(`${directory}/${index}`) as Buffer).byteLength
    const damages: ((bytes: Buffer) => Buffer)[] = [
      () => Buffer.alloc(0),
      () => other,
      (bytes) => bytes.subarray(0, 100),
    ]
    for (let at = 0; at < size; at += 97) damages.push((bytes) => bytes.fill(bytes.readUInt8(at) ^ 0x04, at, at + 1))
    const { log: sound } = await opened(state)
    const expected = allRecords(sound)
    for (const damage of damages) {
      const disk = new RecordedDisk(changed(state, index, damage))
      expect((await verifyLog({ directory, files: disk })).staleIndexes).toEqual([index])
      const log = await openDurableLog({ ...SMALL, files: disk })
      expect(allRecords(log)).toEqual(expected)
      expect(log.readStream('s-1', { from: 0, direction: 'forwards', countMax: 99, bytesMax: 1e9 })).toHaveLength(16)
      await log.close()
      expect(await verifyLog({ directory, files: disk })).toMatchObject({ isSound: true, staleIndexes: [] })
    }
  })

  test('does not open when one of them is missing, and says which', async () => {
    const state = await segments()
    const names = [...state.keys()].filter((name) => name.endsWith('.log'))
    for (const missing of names) {
      const rest = new Map([...state].filter(([name]) => name !== missing))
      const number = Number(missing.slice(-14, -6))
      const open = openDurableLog({ ...SMALL, files: new RecordedDisk(rest) })
      await expect(open).rejects.toThrow(`segment ${number} is missing`)
    }
  })

  test('does not open with a segment of another store among them', async () => {
    const [state, other] = [await segments(), await segments()]
    const name = `${directory}/00000002-00000002.0.log`
    const mixed = new Map([...state, [name, other.get(name) as Buffer]])
    await expect(openDurableLog({ ...SMALL, files: new RecordedDisk(mixed) })).rejects.toThrow(
      'belongs to another store',
    )
  })
})
