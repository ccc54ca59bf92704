import { describe, expect, it } from 'vitest'
import { measureBareStart } from '../../../src/embedded/postgres/bare-start.ts'
import { processesOf, query, recordingLogger, startServer, temporaryDirectory } from './examples.ts'

describe('the bare start', () => {
  it('is measured on the same database that the program uses, and leaves nothing running', async () => {
    const dataDirectory = await temporaryDirectory()
    const logger = recordingLogger()

    const { makeMs, startMs } = await measureBareStart({ dataDirectory, maxConnections: 10, logger })

    expect(makeMs).toBeGreaterThan(startMs)
    expect(startMs).toBeGreaterThan(1)
    expect(logger.entries.filter(({ message }) => message === 'made the embedded postgres cluster')).toHaveLength(1)
    expect(await processesOf(dataDirectory)).toEqual([])
    const server = await startServer({ dataDirectory })
    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })
})
