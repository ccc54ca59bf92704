import { describe, expect, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type { EventLog, NewRecord } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { RecordedDisk } from './recorded-disk.ts'

const DIRECTORY = '/store'
const SMALL = { directory: DIRECTORY, segmentBytesMax: 9_000, cacheBytesMax: 64 * 1024 }

/** What was appended by one call, and when it was acknowledged: after so many operations of the disk. */
interface Append {
  readonly first: number
  readonly count: number
  acknowledgedAt: number
}

/** Numbers that look like chance and are the same at every run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Lets several writers append transactions of 1 to 7 records; in the middle of it the log is compacted. */
async function writeSome(disk: RecordedDisk): Promise<Append[]> {
  const log = await openDurableLog({ ...SMALL, files: disk })
  const random = randomNumbers(7)
  const appends: Append[] = []
  const writer = async (name: string) => {
    for (let n = 0; n < 12; n += 1) {
      const records = recordsFor(log, name, 1 + Math.floor(random() * 7), random)
      const append = { first: log.nextPosition, count: records.length, acknowledgedAt: Number.POSITIVE_INFINITY }
      appends.push(append)
      await log.append(records)
      append.acknowledgedAt = disk.operations.length
    }
  }
  const compacting = log.onDurable(() => {
    if (log.durableEnd < 60) return
    compacting()
    void log.compact({ mayDrop: ({ position, type }) => type === 'passing' && position < 40 })
  })
  await Promise.all(['a', 'b', 'c', 'd'].map(writer))
  return appends
}

function recordsFor(log: EventLog, stream: string, count: number, random: () => number): NewRecord[] {
  const revision = (log.head(stream)?.revision ?? -1) + 1
  return Array.from({ length: count }, (_, i) => ({
    stream,
    revision: revision + i,
    type: i < count - 1 ? 'passing' : 'lasting',
    eventId: `00000000-0000-4000-8000-${String(log.nextPosition + i).padStart(12, '0')}`,
    createdMs: 1,
    flags: 0,
    body: Buffer.alloc(Math.floor(random() * 200), log.nextPosition + i),
  }))
}

/** What is wrong with a disk that was left at some moment; nothing, if nothing is. */
async function faultsOf(disk: RecordedDisk, appends: readonly Append[], at: number): Promise<string[]> {
  const faults: string[] = []
  const log = await openDurableLog({ ...SMALL, files: disk }).catch((error: Error) => error)
  if (log instanceof Error) return [`does not open: ${log.message}`]
  const shown = log.durableEnd
  for (const { first, count, acknowledgedAt } of appends) {
    if (acknowledgedAt <= at && first + count > shown) faults.push(`lost position ${first}, which was acknowledged`)
    if (first < shown && first + count > shown) faults.push(`holds part of the append at ${first}`)
  }
  faults.push(...faultsOfRecords(log))
  // What readers were shown once must still be there if the power goes again at once.
  const again = new RecordedDisk(disk.stateAfterPowerLoss(disk.operations.length, () => 0))
  const later = await openDurableLog({ ...SMALL, files: again }).catch((error: Error) => error)
  if (later instanceof Error || later.durableEnd < shown) faults.push('forgets what it had shown to readers')
  for (const opened of [log, later]) if (!(opened instanceof Error)) await opened.close()
  return faults
}

function faultsOfRecords(log: EventLog): string[] {
  const faults: string[] = []
  const all = log.readAll({ from: 0, direction: 'forwards', countMax: 9999, bytesMax: 1e9, consideredMax: 9999 })
  for (const { position, body, type } of all.records) {
    if (body.some((byte) => byte !== position % 256)) faults.push(`position ${position} has another body`)
    if (type !== 'passing' && type !== 'lasting') faults.push(`position ${position} has another type`)
  }
  const positions = new Set(all.records.map(({ position }) => position))
  for (let position = 40; position < log.durableEnd; position += 1) {
    if (!positions.has(position)) faults.push(`position ${position} is missing`)
  }
  for (const stream of ['a', 'b', 'c', 'd']) {
    const read = log.readStream(stream, { from: 0, direction: 'forwards', countMax: 9999, bytesMax: 1e9 })
    if (read.some(({ revision }, i) => revision <= (read[i - 1]?.revision ?? -1)))
      faults.push(`${stream} has a revision twice`)
  }
  return faults
}

/** Takes the power away, or the process, before every operation, with several fates of what was not synced. */
async function faultsOverAllMoments(disk: RecordedDisk, appends: readonly Append[]): Promise<string[]> {
  const faults: string[] = []
  for (let at = 0; at <= disk.operations.length; at += 1) {
    const random = randomNumbers(at)
    const scattered = () => (random() < 0.5 ? random() : Math.round(random()))
    for (const survival of [() => 0, () => 1, scattered, scattered]) {
      const found = await faultsOf(new RecordedDisk(disk.stateAfterPowerLoss(at, survival)), appends, at)
      faults.push(...found.map((fault) => `before operation ${at}: ${fault}`))
    }
    const killed = await faultsOf(disk.afterKill(at), appends, at)
    faults.push(...killed.map((fault) => `killed before operation ${at}: ${fault}`))
  }
  return faults
}

describe('a loss of power at any moment', () => {
  test('loses nothing that was acknowledged and leaves no part of an append', { timeout: 120_000 }, async () => {
    const disk = new RecordedDisk()
    const appends = await writeSome(disk)
    expect(appends.every(({ acknowledgedAt }) => acknowledgedAt < Number.POSITIVE_INFINITY)).toBe(true)
    expect(disk.list(DIRECTORY).some((file) => /\.1\.log$/.test(file))).toBe(true) // It was compacted, too.
    expect(await faultsOverAllMoments(disk, appends)).toEqual([])
  })

  test('does lose acknowledged events on a disk that does not sync, so this simulation would notice', {
    timeout: 120_000,
  }, async () => {
    const disk = new RecordedDisk(new Map(), false)
    const appends = await writeSome(disk)
    const faults = await faultsOverAllMoments(disk, appends)
    expect(faults.filter((fault) => fault.includes('which was acknowledged')).length).toBeGreaterThan(100)
  })

  test('does lose acknowledged events when only the sync of a group commit is left out', {
    timeout: 120_000,
  }, async () => {
    const disk = new RecordedDisk()
    const log = await openDurableLog({ ...SMALL, files: disk, isSynced: false })
    await log.append(recordsFor(log, 'a', 1, () => 0.5))
    const acknowledged = [{ first: 0, count: 1, acknowledgedAt: disk.operations.length }]
    const state = disk.stateAfterPowerLoss(disk.operations.length, () => 0)
    expect(await faultsOf(new RecordedDisk(state), acknowledged, disk.operations.length)).toContain(
      'lost position 0, which was acknowledged',
    )
  })
})
