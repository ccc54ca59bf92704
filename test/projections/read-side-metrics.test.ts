import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProjectionWriter } from '../../src/projections/projection-writer.ts'
import { addReadSideMetrics } from '../../src/projections/read-side-metrics.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { started } from '../support/examples.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

describe('the metrics of the read side', () => {
  test('show connections, the writer and what is parked, and stay readable without a database', async () => {
    const database = await postgres.open({ connectionsMax: 10 })
    const record = new TestRecord()
    const last = record.append([started()])
    const writer = createProjectionWriter({ database, reader: record, codec, logger: silentLogger })
    const registry = new Registry()
    addReadSideMetrics({ registry, database, writer })
    writer.start()
    await eventually('live', () => writer.status().state === 'live' && writer.status().position === last)
    await database.queries.query('select 1')
    const page = await registry.metrics()
    for (const line of [
      'emberlog_database_connections{share="queries",state="max"} 6',
      'emberlog_database_connections{share="writer",state="in_use"} 1',
      'emberlog_projection_live 1',
      'emberlog_projection_events_total 1',
      'emberlog_projection_generation 1',
      'emberlog_parked{what="events"} 0',
    ]) {
      expect(page).toContain(line)
    }
    expect(page).toMatch(/emberlog_database_server_connections\{application="emberlog-test writer",state="idle"\} 1/)
    expect(page).toMatch(/emberlog_database_wait_seconds_bucket\{le="5",share="queries"\} [1-9]/)
    await writer.stop()
    await database.close()
    expect(await registry.metrics()).toContain('emberlog_projection_live 0')
  })
})
