/** A server behind TLS, and how to connect to it as whom. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type EventStoreServer,
  type EventStoreServerOptions,
  startEventStore,
} from '../../../../src/embedded/eventstore/server.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { makeCertificate } from '../../../../src/embedded/eventstore/transport/self-made-certificate.ts'

export interface SecureServer {
  readonly server: EventStoreServer
  /** PEM. */
  readonly authority: string
  /** For one who signs in, `name:password`, or for nobody. */
  connectionString(who?: string): string
}

export async function startSecureServer(options: Partial<EventStoreServerOptions> = {}): Promise<SecureServer> {
  const tls = makeCertificate({ hosts: ['localhost', '127.0.0.1'], nowMs: Date.now() })
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-secure-'))
  const authorityFile = path.join(directory, 'authority.crt')
  await writeFile(authorityFile, tls.authority)
  const server = await startEventStore({ log: openMemoryLog(), host: '127.0.0.1', port: 0, tls, ...options })
  return {
    server,
    authority: tls.authority,
    connectionString: (who) =>
      `esdb://${who === undefined ? '' : `${who}@`}127.0.0.1:${server.port}?tls=true&tlsCaFile=${authorityFile}`,
  }
}
