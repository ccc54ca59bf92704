/** Builds a generation of so many events in a process of its own, and prints the most memory that it had resident, in bytes. */
import { createCodec } from '../src/events/codec.ts'
import { openDatabase } from '../src/projections/database.ts'
import { GenerationFeeder } from '../src/projections/generation-feeder.ts'
import { createGeneration } from '../src/projections/generations.ts'
import { beginMigrating, MIGRATING } from '../src/projections/migrations.ts'
import { REBUILD_LIMITS } from '../src/projections/rebuild.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'

const [eventStoreUrl = '', databaseUrl = '', count = '0'] = process.argv.slice(2)
const logger = silentLogger
const store = openEventStoreDb({ connectionString: eventStoreUrl, logger })
const database = await openDatabase({
  connectionString: databaseUrl,
  connectionsMax: 6,
  applicationName: 'bench-memory',
  logger,
})
const generation = await database.queries.withConnection((connection) =>
  connection.transaction(async () => {
    await beginMigrating(connection)
    return createGeneration(connection, 1)
  }, MIGRATING),
)
await database.writer.withConnection(async (connection) => {
  const ending = new AbortController()
  const parts = { reader: store, codec: createCodec(), logger, limits: REBUILD_LIMITS }
  const feeder = await GenerationFeeder.open(parts, connection, generation)
  feeder.setBulkLoader(database.queries)
  feeder.onStored = () => {
    if (feeder.handledTotal >= Number(count)) ending.abort()
  }
  await feeder.follow(ending.signal)
})
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`)
await database.close()
await store.close()
