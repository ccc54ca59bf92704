/** Runs an event store as a program of its own: a node that other programs connect to. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEventStore } from './server.ts'
import { openDurableLog } from './storage/durable-log.ts'
import { openMemoryLog } from './storage/memory-log.ts'
import type { StoreLogger } from './store-logger.ts'
import { keptIdentity, readIdentity } from './tls-files.ts'
import type { TlsIdentity } from './transport/port-listener.ts'

export interface StandaloneOptions {
  /** Undefined keeps everything in memory. */
  readonly dataDirectory: string | undefined
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Files of the owner's own certificate, one made and kept in the data directory, or no TLS at all. */
  readonly tls: { readonly cert: string; readonly key: string } | 'self-made' | undefined
  /** Keeps `$ce-`, `$et-` and the other link streams of the standard projections. */
  readonly hasStandardProjections?: boolean
  /** Serves other machines without TLS. */
  readonly isInsecureAllowed?: boolean
  readonly logger: StoreLogger
}

export interface StandaloneEventStore {
  /** For the official clients. */
  readonly url: string
  /** What clients need to trust a self-made certificate (`tlsCaFile`). */
  readonly authorityFile: string | undefined
  /** Resolves when the node cannot go on (with the cause), or when an operator asked it to shut down. */
  readonly ended: Promise<Error | 'shut-down'>
  /** Ends open calls, waits for what is being written, and frees port and directory. Repeatable. */
  stop(): Promise<void>
}

/** Resolves when clients can connect; rejects when the port, the directory or the certificate cannot be used. */
export async function runStandaloneEventStore(options: StandaloneOptions): Promise<StandaloneEventStore> {
  const { dataDirectory: directory, tls: _files, ...serving } = options
  const security = await securityOf(options)
  const log = directory === undefined ? openMemoryLog() : await openDurableLog({ directory })
  let shutDown = () => {}
  const shutDownAsked = new Promise<'shut-down'>((resolve) => {
    shutDown = () => resolve('shut-down')
  })
  const secured = security.tls ? { tls: security.tls } : {}
  const server = await startEventStore({ ...serving, ...secured, log, onShutDownAsked: shutDown }).catch(
    async (error) => {
      await log.close()
      throw error
    },
  )
  const { authorityFile } = security
  if (directory !== undefined) await noteNode(directory, server.url, authorityFile)
  const stop = async () => {
    await server.close()
    await log.close()
    if (directory !== undefined) await rm(nodeFile(directory), { force: true })
    await security.forget()
  }
  let stopping: Promise<void> | undefined
  return {
    url: server.url,
    authorityFile,
    ended: Promise.race([log.failed, shutDownAsked]),
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

interface Security {
  readonly tls: TlsIdentity | undefined
  readonly authorityFile: string | undefined
  readonly forget: () => Promise<void>
}

/** Names by which a node on this machine is reached, whatever it listens on. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1']

/** A self-made certificate stays beside its log; a store in memory keeps it only as long as it runs. */
async function securityOf({ tls, dataDirectory, host }: StandaloneOptions): Promise<Security> {
  const nothing = async () => {}
  if (tls !== 'self-made') return { tls: tls && (await readIdentity(tls)), authorityFile: undefined, forget: nothing }
  const directory = dataDirectory ?? (await mkdtemp(path.join(tmpdir(), 'emberlog-eventstore-')))
  const identity = await keptIdentity(path.resolve(directory, 'tls'), [...new Set([...OWN_NAMES, host])])
  const forget = dataDirectory === undefined ? () => rm(directory, { recursive: true, force: true }) : nothing
  return { tls: identity, authorityFile: identity.authorityFile, forget }
}

const nodeFile = (directory: string) => path.join(directory, 'node.json')

/** So that commands on the directory find the node that works on it. */
async function noteNode(directory: string, url: string, authorityFile: string | undefined): Promise<void> {
  const trusted = authorityFile === undefined ? '' : `&tlsCaFile=${encodeURIComponent(authorityFile)}`
  await writeFile(nodeFile(directory), `${JSON.stringify({ pid: process.pid, url: url + trusted })}\n`, { mode: 0o600 })
}
