/** The stores that the promises are held against: the embedded one, and a real server when EVENTSTORE_URL names one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEventStore } from '../../src/embedded/eventstore/server.ts'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import { openMemoryLog } from '../../src/embedded/eventstore/storage/memory-log.ts'
import { makeCertificate } from '../../src/embedded/eventstore/transport/self-made-certificate.ts'

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

const embeddedBehindTls: ContractStore = {
  name: 'the embedded event store behind TLS',
  async open() {
    const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-contract-'))
    const tls = makeCertificate({ hosts: ['localhost', '127.0.0.1'], nowMs: Date.now() })
    const authorityFile = path.join(directory, 'authority.crt')
    await writeFile(authorityFile, tls.authority)
    const server = await startEventStore({ log: openMemoryLog(), host: '127.0.0.1', port: 0, tls })
    return {
      connectionString: `esdb://admin:changeit@127.0.0.1:${server.port}?tls=true&tlsCaFile=${authorityFile}`,
      async close() {
        await server.close()
        await rm(directory, { recursive: true, force: true })
      },
    }
  },
}

/** Stores where rights mean something: behind TLS, with `admin` signed in by the connection string. */
export const secureContractStores: readonly ContractStore[] = [
  embeddedBehindTls,
  ...real.filter(() => url?.includes('@') && !url.includes('tls=false')),
]
