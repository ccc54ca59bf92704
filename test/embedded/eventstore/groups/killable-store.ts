/** A store on a directory in a process of its own, which a test may kill in the middle of anything. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startEventStore } from '../../../../src/embedded/eventstore/server.ts'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'

export interface KillableStore {
  readonly url: string
  /** Ends it as `kill -9` does, and waits until it is gone. */
  kill(): Promise<void>
}

export async function startKillableStore(directory: string): Promise<KillableStore> {
  const child = fork(fileURLToPath(import.meta.url), [directory])
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async kill() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function serve(directory: string): Promise<void> {
  const log = await openDurableLog({ directory })
  const server = await startEventStore({ log, host: '127.0.0.1', port: 0 })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url: server.url })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2] as string)
