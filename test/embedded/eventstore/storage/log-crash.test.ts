import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type { EventLog, LogRecord } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { verifyLog } from '../../../../src/embedded/eventstore/storage/log-verification.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const ROUNDS = 50
/** A round ends after so many acknowledgements at most: at a moment the writer does not know. */
const ACKNOWLEDGED_MAX = 300

/** Runs the writer until it has acknowledged so much, kills it, and answers the last acknowledged revision of each stream. */
async function writeAndKill(directory: string, run: number, env: NodeJS.ProcessEnv): Promise<Map<string, number>> {
  const program = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, directory, String(run)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const errors: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  let told = ''
  let count = 0
  const until = 1 + ((run * 7919) % ACKNOWLEDGED_MAX)
  for await (const text of (child.stdio[3] as Readable).setEncoding('utf8')) {
    told += text
    count += text.split('\n').length - 1
    if (count >= until) child.kill('SIGKILL')
  }
  const [, signal] = await exited
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${errors.join('')}`)
  const lines = told.split('\n').slice(0, -1)
  return new Map(
    lines.map((line) => line.split(' ') as [string, string]).map(([stream, revision]) => [stream, Number(revision)]),
  )
}

/** What is wrong with the log from a position on. */
function faultsFrom(log: EventLog, from: number, acknowledged: ReadonlyMap<string, number>): string[] {
  const faults: string[] = []
  const { records } = log.readAll({ from, direction: 'forwards', countMax: 1e9, bytesMax: 1e12, consideredMax: 1e9 })
  for (const [stream, revision] of acknowledged) {
    if ((log.head(stream)?.revision ?? -1) < revision) faults.push(`lost ${stream} ${revision}`)
  }
  const [first = from] = records.map(({ position }) => position)
  if (first !== from) faults.push(`gap before position ${first}`)
  for (const [i, { position }] of records.entries()) {
    if (position !== from + i) faults.push(`gap or duplicate at position ${position}`)
  }
  for (const [append, { count, found }] of countAppends(records)) {
    if (count !== found) faults.push(`append ${append} has ${found} of ${count} records`)
  }
  return faults
}

function countAppends(records: readonly LogRecord[]): Map<string, { count: number; found: number }> {
  const appends = new Map<string, { count: number; found: number }>()
  for (const { body } of records) {
    const { append, count } = JSON.parse(body.toString()) as { append: string; count: number }
    appends.set(append, { count, found: (appends.get(append)?.found ?? 0) + 1 })
  }
  return appends
}

function faultsOfStreams(log: EventLog): string[] {
  const faults: string[] = []
  for (let writer = 0; writer < 64; writer += 1) {
    const stream = `writer-${writer}`
    const records = log.readStream(stream, { from: 0, direction: 'forwards', countMax: 1e9, bytesMax: 1e12 })
    if (records.some(({ revision }, i) => revision !== i)) faults.push(`${stream} has a gap or a duplicate`)
    if (records.length !== (log.head(stream)?.revision ?? -1) + 1) faults.push(`${stream} does not reach its head`)
    if (new Set(records.map(({ eventId }) => eventId)).size !== records.length)
      faults.push(`${stream} has an event twice`)
  }
  return faults
}

describe('a process that is killed while 64 writers append 1 to 100 events each', () => {
  test(`loses nothing acknowledged and leaves no gap, duplicate or part, ${ROUNDS} times over`, {
    timeout: 180_000,
  }, async () => {
    const directory = temporaryDirectory()
    const env = { ...process.env, NODE_COMPILE_CACHE: temporaryDirectory() }
    const faults: string[] = []
    let acknowledged = 0
    let end = 0
    for (let run = 0; run < ROUNDS; run += 1) {
      const told = await writeAndKill(directory, run, env)
      const log = await openDurableLog({ directory })
      faults.push(...faultsFrom(log, end, told).map((fault) => `round ${run}: ${fault}`))
      acknowledged += told.size
      end = log.durableEnd
      if (run === ROUNDS - 1) faults.push(...faultsOfStreams(log))
      await log.close()
    }
    expect(faults).toEqual([])
    expect(acknowledged).toBeGreaterThan(ROUNDS * 10)
    expect(await verifyLog({ directory })).toMatchObject({ isSound: true, records: end, streams: 64 })
  })
})
