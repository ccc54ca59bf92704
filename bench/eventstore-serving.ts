/** An event store in a process of its own, over the log that the benchmark wants to measure. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEventStore } from '../src/embedded/eventstore/server.ts'
import { openDurableLog } from '../src/embedded/eventstore/storage/durable-log.ts'
import { openMemoryLog } from '../src/embedded/eventstore/storage/memory-log.ts'
import { startCanned } from './eventstore-canned.ts'
import { EVENT_DATA } from './eventstore-load.ts'

export type LogKind = 'synced' | 'unsynced' | 'memory' | 'canned'

/** Events that the canned responder has in store. */
export const CANNED_EVENTS = 60_000

export interface ServingStore {
  readonly url: string
  readonly port: number
  /** Resident bytes of the process. */
  memory(): Promise<number>
  stop(): Promise<void>
}

/** Starts a store in a child process; it ends with `stop` or with its parent. */
export async function serve(kind: LogKind): Promise<ServingStore> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [kind])
  const [{ url, port }] = (await once(child, 'message')) as [{ url: string; port: number }]
  return {
    url,
    port,
    async memory() {
      child.send('memory')
      const [{ rss }] = (await once(child, 'message')) as [{ rss: number }]
      return rss
    },
    async stop() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

interface Serving {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

async function start(kind: LogKind): Promise<Serving> {
  if (kind === 'canned') {
    const listener = await startCanned(CANNED_EVENTS, EVENT_DATA)
    return { url: `esdb://127.0.0.1:${listener.port}?tls=false`, port: listener.port, stop: () => listener.close() }
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-bench-'))
  const log = kind === 'memory' ? openMemoryLog() : await openDurableLog({ directory, isSynced: kind === 'synced' })
  const server = await startEventStore({ log, host: '127.0.0.1', port: 0 })
  const stop = async () => {
    await server.close()
    await log.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { url: server.url, port: server.port, stop }
}

async function main(kind: LogKind): Promise<void> {
  const { url, port, stop } = await start(kind)
  process.on('message', () => process.send?.({ rss: process.memoryUsage().rss }))
  process.on('disconnect', () => void stop().then(() => process.exit(0)))
  process.send?.({ url, port })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2] as LogKind)
