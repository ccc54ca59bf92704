/** A store behind TLS with people to sign in: what tests of rights and of the node's services work with. */
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import type { EventStoreServerOptions } from '../../../../src/embedded/eventstore/server.ts'
import type { EventLog } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { WireClient } from '../../../contracts/wire-client.ts'
import { type SecureServer, startSecureServer } from './secure-server.ts'

export interface SecureStage extends SecureServer {
  readonly log: EventLog
  client(who?: string): EventStoreDBClient
  wire(who?: string): WireClient
  /** A stream of one event under a list of who may do what. */
  locked(acl: object): Promise<string>
  end(): Promise<void>
}

export async function openSecureStage(options: Partial<EventStoreServerOptions> = {}): Promise<SecureStage> {
  const log = options.log ?? openMemoryLog()
  const started = await startSecureServer({ ...options, log })
  const clients: EventStoreDBClient[] = []
  let streams = 0
  const stage: SecureStage = {
    ...started,
    log,
    client(who) {
      const client = EventStoreDBClient.connectionString(started.connectionString(who))
      clients.push(client)
      return client
    },
    wire: (who) => new WireClient(started.connectionString(who)),
    async locked(acl) {
      streams += 1
      const stream = `locked-${streams}`
      const admin = stage.client('admin:changeit')
      await admin.appendToStream(stream, jsonEvent({ type: 'noted', data: {} }))
      await admin.setStreamMetadata(stream, { acl })
      return stream
    },
    async end() {
      await Promise.all(clients.map((client) => client.dispose()))
      await started.server.close()
      await log.close()
    },
  }
  return stage
}

/** How many events a reading gives, or the name of the error it ends with. */
export async function outcomeOf(reading: AsyncIterable<unknown>): Promise<number | string> {
  try {
    let count = 0
    for await (const _ of reading) count += 1
    return count
  } catch (error) {
    return (error as { type?: string }).type ?? String(error)
  }
}
