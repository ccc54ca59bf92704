/** Serves one log over EventStoreDB's protocol on one port. */
import { randomUUID } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { type AccessControl, openAccess } from './access/access-control.ts'
import { secureAccess } from './access/secure-access.ts'
import { SignIn } from './access/sign-in.ts'
import { UserAccounts } from './access/user-accounts.ts'
import { GroupRegistry } from './groups/group-registry.ts'
import { nodeStatistics } from './operations/node-statistics.ts'
import { Scavenger } from './operations/scavenger.ts'
import { runStandardProjections } from './projections/standard-projections.ts'
import { gossipJson, type NodeIdentity } from './rpc/gossip-rpc.ts'
import { http1Append, isAppendAddress } from './rpc/http1-append.ts'
import { type RpcContext, rpcRoutes } from './rpc/rpc-routes.ts'
import { SERVER_VERSION } from './rpc/server-features-rpc.ts'
import type { DurableEventLog, EventLog } from './storage/event-log.ts'
import { type StoreLogger, silentLogger } from './store-logger.ts'
import { EventStore } from './streams/event-store.ts'
import { prepareNode, SCAVENGES_METADATA } from './streams/fresh-node.ts'
import { GrpcServer } from './transport/grpc-server.ts'
import { http1Routes } from './transport/http1-routes.ts'
import { listenOnPort, type TlsIdentity } from './transport/port-listener.ts'

export interface EventStoreServerOptions {
  /** Belongs to the caller, who closes it after the server. */
  readonly log: EventLog
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** With it callers sign in (`admin` and `ops`, password `changeit` at first) and streams keep their rules. */
  readonly tls?: TlsIdentity
  /**
   * Without it everybody who reaches the port may do everything, so the host must be a loopback address, unless
   * this says that the network around it is trusted.
   */
  readonly isInsecureAllowed?: boolean
  /** Keeps `$ce-`, `$et-`, `$bc-`, `$category-` and `$streams`, which costs several more events for each one written. */
  readonly hasStandardProjections?: boolean
  /**
   * Called when an operator asks the node to shut down: whoever started it then closes it. Without this the node is part of
   * a program that nobody may end from outside, and the wish is refused.
   */
  readonly onShutDownAsked?: () => void
  readonly logger?: StoreLogger
}

export interface EventStoreServer {
  readonly port: number
  /** Connection string for the official clients. */
  readonly url: string
  /** Breaks off what is under way and frees the port. Repeatable. */
  close(): Promise<void>
}

/** Serving other machines without TLS must be asked for. */
export class InsecureHost extends Error {
  override readonly name = 'InsecureHost'
  readonly code = 'insecure-host'

  constructor(host: string) {
    super(`without TLS the event store serves loopback addresses only, and ${host} is none`)
  }
}

/** Resolves when clients can connect; rejects when the port cannot be had or the log not be written. */
export async function startEventStore(options: EventStoreServerOptions): Promise<EventStoreServer> {
  const { log, host, tls, logger = silentLogger } = options
  if (!tls && !options.isInsecureAllowed && !isLoopback(host)) throw new InsecureHost(host)
  let port = options.port
  const node = { instanceId: randomUUID(), address: () => ({ host, port }) }
  const services = await openServices(options, node)
  const { store, access, groups, scavenger, statistics } = services
  const grpc = new GrpcServer({ routes: rpcRoutes(services), access, logger })
  const http1 = http1Routes({
    version: SERVER_VERSION,
    isSecure: tls !== undefined,
    access,
    statistics,
    gossip: (authority) => gossipJson(node, authority),
    append: { isAddress: isAppendAddress, handler: http1Append(services.store, access) },
    backup: isDurable(log) ? (directory) => log.backup(directory) : undefined,
  })
  const listener = await listenOnPort({ host, port, tls, grpc, http1 }).catch((error) => {
    groups.halt()
    throw error
  })
  port = listener.port
  const projections = options.hasStandardProjections ? runStandardProjections(store, logger) : undefined
  logger.info({ host, port, isSecure: tls !== undefined }, 'event store listening')
  let closing: Promise<void> | undefined
  const close = () => {
    groups.halt()
    closing ??= Promise.all([listener.close().then(() => groups.close()), scavenger.close(), projections?.stop()]).then(
      () => {},
    )
    return closing
  }
  void log.failed.then((error) => {
    logger.error({ error: error.message }, 'the event log failed: nothing more is acknowledged, the event store stops')
    return close()
  })
  return { port, url: `esdb://${host.includes(':') ? `[${host}]` : host}:${port}?tls=${tls !== undefined}`, close }
}

/** Everything behind the port, in the order in which the parts need one another. */
async function openServices(options: EventStoreServerOptions, node: NodeIdentity): Promise<RpcContext> {
  const { log, tls, logger = silentLogger } = options
  const store = new EventStore(log)
  await prepareNode(store, node.instanceId)
  const users = new UserAccounts(store)
  const access = tls ? await openSecurely(store, users) : openAccess
  const endpoint = () => `${node.address().host}:${node.address().port}`
  return {
    store,
    node,
    users,
    access,
    groups: new GroupRegistry({ store, logger }),
    scavenger: new Scavenger({ store, logger, endpoint, metadata: SCAVENGES_METADATA }),
    statistics: () => nodeStatistics(log, SERVER_VERSION),
    shutDown: options.onShutDownAsked,
  }
}

async function openSecurely(store: EventStore, users: UserAccounts): Promise<AccessControl> {
  await users.addDefaults()
  return secureAccess(store, new SignIn(users))
}

const isDurable = (log: EventLog): log is DurableEventLog => 'backup' in log

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
