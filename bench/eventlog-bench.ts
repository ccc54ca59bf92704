/** The log itself, without a server: what group commit gains over the bare disk, and how a large log opens. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openDurableLog } from '../src/embedded/eventstore/storage/durable-log.ts'
import type { DurableEventLog, NewRecord } from '../src/embedded/eventstore/storage/event-log.ts'
import { diskFiles } from '../src/embedded/eventstore/storage/file-layer.ts'
import { type Bench, type BenchResult, figureOf, interleaved, ratioTo } from './measurement.ts'

export const bench: Bench = { name: 'eventlog', run }

const WRITERS = 128
const BODY = Buffer.alloc(300, 7)

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 2 : 5
  const ms = isQuick ? 300 : 1_500
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'emberlog-bench-'))
  try {
    const samples = await interleaved(repetitions, {
      bare: () => bareSyncs(path.join(directory, 'bare'), ms),
      one: () => inFreshLog(directory, true, (log) => appends(log, 1, ms)),
      synced: () => inFreshLog(directory, true, (log) => appends(log, WRITERS, ms)),
      unsynced: () => inFreshLog(directory, false, (log) => appends(log, WRITERS, ms)),
      sqlite: () => sqliteAppends(path.join(directory, 'sqlite'), ms),
    })
    const events = isQuick ? 50_000 : 1_000_000
    const large = path.join(directory, 'large')
    await fill(large, events)
    const opened: Opened[] = []
    for (let i = 0; i < repetitions; i += 1) opened.push(await openElsewhere(large))
    const of = (name: keyof typeof samples) => figureOf(samples[name])
    const ratio = (name: keyof typeof samples, to: keyof typeof samples) => of(name).median / of(to).median
    const openMs = figureOf(opened.map((one) => one.openMs))
    const resident = figureOf(opened.map((one) => one.residentBytes / 1e6))
    const grown = figureOf(opened.map((one) => (one.residentBytes - one.residentBytesBefore) / 1e6))
    const many = `${events.toLocaleString('en')} events`
    return {
      title: 'The event log on disk, without a server',
      repetitions,
      rows: [
        { what: 'bare write and fdatasync', unit: 'syncs/s', figure: of('bare') },
        {
          what: '1 writer',
          unit: 'appends/s',
          figure: of('one'),
          ratio: ratioTo('the bare disk', ratio('one', 'bare'), { atLeast: 0.3 }),
        },
        {
          what: '128 writers',
          unit: 'appends/s',
          figure: of('synced'),
          ratio: ratioTo('the bare disk', ratio('synced', 'bare'), { atLeast: 10 }),
        },
        { what: '128 writers, without sync', unit: 'appends/s', figure: of('unsynced') },
        { what: '128 writers, node:sqlite (WAL, full sync)', unit: 'appends/s', figure: of('sqlite') },
        {
          what: `opening ${many}`,
          unit: 'ms',
          figure: openMs,
          ratio: ratioTo('of 3 s', openMs.median / 3000, { atMost: 1 }),
        },
        {
          what: `resident with ${many}`,
          unit: 'MB',
          figure: resident,
          ratio: ratioTo('of 300 MB', resident.median / 300, { atMost: 1 }),
        },
        { what: 'of which the log', unit: 'MB', figure: grown },
      ],
      notes: [`300-byte bodies; 1 in 10 events begins a stream; ${opened[0]?.segments} segments`],
    }
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** How often the disk takes 4 KiB and syncs it, one after the other: through the same file layer as the log. */
async function bareSyncs(name: string, ms: number): Promise<number> {
  const file = diskFiles.create(name)
  const bytes = Buffer.alloc(4096, 1)
  const start = performance.now()
  let count = 0
  while (performance.now() - start < ms) {
    await file.write([bytes], count * bytes.byteLength)
    await file.sync()
    count += 1
  }
  const perSecond = (count / (performance.now() - start)) * 1000
  file.close()
  return perSecond
}

async function inFreshLog(
  parent: string,
  isSynced: boolean,
  measure: (log: DurableEventLog) => Promise<number>,
): Promise<number> {
  const directory = fs.mkdtempSync(path.join(parent, 'log-'))
  const log = await openDurableLog({ directory, isSynced })
  const result = await measure(log)
  await log.close()
  fs.rmSync(directory, { recursive: true })
  return result
}

/** Appends of one record a second, by writers that each wait for their own. */
async function appends(log: DurableEventLog, writers: number, ms: number): Promise<number> {
  const start = performance.now()
  let count = 0
  const write = async (stream: string) => {
    for (let revision = 0; performance.now() - start < ms; revision += 1) {
      await log.append([recordOf(stream, revision)])
      count += 1
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, i) => write(`writer-${i}`)))
  return (count / (performance.now() - start)) * 1000
}

function recordOf(stream: string, revision: number): NewRecord {
  return { stream, revision, type: 'Measured', eventId: randomUUID(), createdMs: Date.now(), flags: 0, body: BODY }
}

/** The same with the database that is part of Node: what waits is one transaction, and the next gathers meanwhile. */
async function sqliteAppends(name: string, ms: number): Promise<number> {
  const database = new DatabaseSync(name)
  database.exec(`pragma journal_mode = wal; pragma synchronous = full;
    create table event (position integer primary key, stream text, revision integer, type text, event_id text, created integer, body blob,
      unique (stream, revision)) strict`)
  const insert = database.prepare(
    'insert into event (stream, revision, type, event_id, created, body) values (?, ?, ?, ?, ?, ?)',
  )
  let group: { records: NewRecord[]; done: PromiseWithResolvers<void> } | undefined
  const commit = () => {
    const { records, done } = group as NonNullable<typeof group>
    group = undefined
    database.exec('begin')
    for (const { stream, revision, type, eventId, createdMs, body } of records)
      insert.run(stream, revision, type, eventId, createdMs, body)
    database.exec('commit')
    done.resolve()
  }
  const append = (record: NewRecord): Promise<void> => {
    if (!group) {
      group = { records: [], done: Promise.withResolvers() }
      setImmediate(commit)
    }
    group.records.push(record)
    return group.done.promise
  }
  const perSecond = await appends(
    { append: ([record]: [NewRecord]) => append(record) } as unknown as DurableEventLog,
    WRITERS,
    ms,
  )
  database.close()
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(name + suffix, { force: true })
  return perSecond
}

async function fill(directory: string, events: number): Promise<void> {
  const log = await openDurableLog({ directory, isSynced: false })
  const streams = events / 10
  for (let n = 0; n < events; n += 1) {
    const done = log.append([
      recordOf(`conversation-${String(n % streams).padStart(36, '0')}`, Math.floor(n / streams)),
    ])
    if (n % 1000 === 999) await done
  }
  await log.close()
}

interface Opened {
  readonly openMs: number
  readonly residentBytesBefore: number
  readonly residentBytes: number
  readonly segments: number
}

/** Opens it in a process of its own, whose memory is then all the log's and Node's. */
async function openElsewhere(directory: string): Promise<Opened> {
  const program = fileURLToPath(new URL('./eventlog-open.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, directory])
  return JSON.parse(stdout) as Opened
}
