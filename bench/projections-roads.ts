/** One message after the other, until it can be read: by us, by plain inserts, and by another event store on Postgres. */
import { existsSync } from 'node:fs'
import { createCodec } from '../src/events/codec.ts'
import type { Database } from '../src/projections/database.ts'
import { createProjectionWriter } from '../src/projections/projection-writer.ts'
import type { ConversationQueries } from '../src/projections/query-types.ts'
import { silentLogger } from '../src/shared/logger.ts'
import type { EventStore } from '../src/store/event-store.ts'
import { figureOf, type Row } from './measurement.ts'
import { conversations, encode } from './projections-load.ts'

interface Road {
  readonly say: (conversation: string, id: string, text: string) => Promise<void>
  readonly close: () => Promise<void>
}

interface Roads {
  readonly openKysely: (connectionString: string) => Promise<Road>
  readonly openEmmett: (connectionString: string) => Promise<Road>
}

const here = new URL('./roads/', import.meta.url)
export const roadsNote = existsSync(new URL('node_modules/', here))
  ? 'other roads: the message and its conversation in one transaction; ours keeps seven read models and a search index'
  : 'other roads are not measured: run npm ci --prefix bench/roads'

/** Interleaved, message by message. No rows where the other roads are not installed. */
export async function measureRoads(parts: {
  readonly store: EventStore
  readonly database: Database
  readonly queries: ConversationQueries
  readonly connectionString: string
  readonly messages: number
}): Promise<Row[]> {
  if (!existsSync(new URL('node_modules/', here))) return []
  const { store, database, queries, connectionString, messages } = parts
  const writer = createProjectionWriter({ database, reader: store, codec: createCodec(), logger: silentLogger })
  writer.start()
  const { openKysely, openEmmett } = (await import(new URL('roads.js', here).href)) as Roads
  const roads = {
    kysely: await openKysely(connectionString),
    emmett: await openEmmett(connectionString),
    emberlog: emberlogRoad(store, queries),
  }
  const samples = { kysely: [] as number[], emmett: [] as number[], emberlog: [] as number[] }
  for (let index = 0; index < messages; index += 1) {
    for (const name of ['kysely', 'emmett', 'emberlog'] as const) {
      const startedAt = performance.now()
      await roads[name].say(`conversation-${index % 10}`, `message-${index}`, 'What is retrieval-augmented generation?')
      samples[name].push(performance.now() - startedAt)
    }
  }
  await Promise.all(Object.values(roads).map((road) => road.close()))
  await writer.stop()
  const what = {
    kysely: 'a message by kysely, plain inserts, p50',
    emmett: 'a message by emmett and its inline projection, p50',
    emberlog: 'a message by emberlog, until it can be read, p50',
  }
  const names = ['kysely', 'emmett', 'emberlog'] as const
  return names.map((name) => ({ what: what[name], unit: 'ms', figure: figureOf(samples[name]) }))
}

function emberlogRoad(store: EventStore, queries: ConversationQueries): Road {
  const source = conversations(1_000_000, 23)
  return {
    async say() {
      const { value } = source.next()
      const { stream, events } = value as Exclude<typeof value, undefined>
      const encoded = await encode(stream, events.slice(0, 2)) // Its start, and one message.
      const result = await store.append(stream, encoded, 'any')
      if (result.kind !== 'appended') throw new Error('not appended')
      await queries.waitFor({ position: result.position, waitMsMax: 30_000 })
    },
    async close() {},
  }
}
