/** A store in a process of its own that tells its memory when asked: for tests of what callers can do to it. */
import { startEventStore } from '../../../src/embedded/eventstore/server.ts'
import { openMemoryLog } from '../../../src/embedded/eventstore/storage/memory-log.ts'

const server = await startEventStore({ log: openMemoryLog(), host: '127.0.0.1', port: 0 })
process.send?.({ url: server.url, port: server.port })
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ rss: process.memoryUsage().rss })
})
process.on('disconnect', () => process.exit(0))
