/** The stores that the promises are held against: the embedded one, and a real server when EVENTSTORE_URL names one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'

export interface OpenStore {
  readonly connectionString: string
  close(): Promise<void>
}

export interface ContractStore {
  readonly name: string
  open(): Promise<OpenStore>
}

const embedded: ContractStore = {
  name: 'the embedded event store',
  async open() {
    const dataDirectory = await mkdtemp(path.join(tmpdir(), 'emberlog-contract-'))
    const store = await startEmbeddedEventStore({ dataDirectory })
    return {
      connectionString: store.connectionString,
      async close() {
        await store.stop()
        await rm(dataDirectory, { recursive: true, force: true })
      },
    }
  },
}

const url = process.env['EVENTSTORE_URL']
const real: ContractStore[] = url
  ? [{ name: `the server at ${url}`, open: async () => ({ connectionString: url, close: async () => {} }) }]
  : []

/** Every store we claim to support. The promises never ask which one it is. */
export const contractStores: readonly ContractStore[] = [embedded, ...real]
