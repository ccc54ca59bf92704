/** A process that appends from many writers at once and tells each acknowledgement, until it is killed. Run by log-crash.test.ts. */
import fs from 'node:fs'
import { flushCompileCache } from 'node:module'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import { nextRecords } from './log-records.ts'

const WRITERS = 64
const RECORDS_MAX = 100
/** A pipe to the parent; written synchronously, so that what was told is told. */
const TOLD = 3

const [directory = '', run = ''] = process.argv.slice(2)
const log = await openDurableLog({ directory, segmentBytesMax: 1_000_000 })

/** Each append says in its bodies which one it is and how many records it has. */
async function write(writer: number): Promise<never> {
  for (let n = 0; ; n += 1) {
    const stream = `writer-${writer}`
    const count = 1 + ((writer * 31 + n * 17 + Number(run)) % RECORDS_MAX)
    const body = Buffer.from(JSON.stringify({ append: `${run}-${writer}-${n}`, count }))
    const records = nextRecords(log, stream, count, { body })
    await log.append(records)
    fs.writeSync(TOLD, `${stream} ${records.at(-1)?.revision}\n`)
  }
}

// Readers and a compaction go on meanwhile, as in a server.
log.onDurable(
  () =>
    void log.readAll({
      from: log.durableEnd - 10,
      direction: 'forwards',
      countMax: 10,
      bytesMax: 1e6,
      consideredMax: 10,
    }),
)
if (Number(run) % 4 === 0) void log.compact({ mayDrop: () => false })
// A killed process leaves no compiled code behind, and the rounds to come would each compile again.
flushCompileCache()
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
