/** Gossip/Read: the cluster as it is, one node that leads itself. */
import { ProtobufWriter } from '../protocol/protobuf-writer.ts'
import { writeUuid } from '../protocol/shared-messages.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'

const LEADER = 8
const TICKS_PER_MS = 10_000

export interface NodeIdentity {
  readonly instanceId: string
  /** What it listens on: known once it does. */
  readonly address: () => NodeAddress
}

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

export function gossipRpc(node: NodeIdentity): RpcHandler {
  return async (call) => {
    await call.request()
    const { host, port } = advertisedAddress(node, String(call.headers[':authority'] ?? ''))
    const writer = new ProtobufWriter(128)
    writer.message(1, (member) => {
      writeUuid(member, 1, node.instanceId)
      member
        .uint(2, Date.now() * TICKS_PER_MS)
        .uint(3, LEADER)
        .bool(4, true)
        .message(5, (endpoint) => endpoint.string(1, host).uint(2, port))
    })
    call.end(writer.finish())
  }
}

/** The same for tools that ask over HTTP/1. */
export function gossipJson(node: NodeIdentity, authority: string | undefined): object {
  const { host, port } = advertisedAddress(node, authority ?? '')
  const member = {
    instanceId: node.instanceId,
    timeStamp: new Date().toISOString(),
    state: 'Leader',
    isAlive: true,
    httpEndPointIp: host,
    httpEndPointPort: port,
  }
  return { members: [member], serverIp: host, serverPort: port }
}

const EVERY_ADDRESS: readonly string[] = ['0.0.0.0', '::']

/** A node that listens on every address is told to callers under the one they reached it by. */
function advertisedAddress(node: NodeIdentity, authority: string): NodeAddress {
  const { host, port } = node.address()
  if (!EVERY_ADDRESS.includes(host)) return { host, port }
  const [, bracketed, name] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority) ?? []
  return { host: bracketed ?? name ?? host, port }
}
