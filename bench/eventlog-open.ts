/** Opens a log, and tells how long that took and what memory the process has then. Run by eventlog-bench.ts. */
import { openDurableLog } from '../src/embedded/eventstore/storage/durable-log.ts'

const [directory = ''] = process.argv.slice(2)
const residentBytesBefore = process.memoryUsage.rss()
const start = performance.now()
const log = await openDurableLog({ directory })
const openMs = performance.now() - start
const { segments } = log.stats()
process.stdout.write(
  JSON.stringify({ openMs, residentBytesBefore, residentBytes: process.memoryUsage.rss(), segments }),
)
await log.close()
