/** Gossip/Read: the cluster as it is, one node that leads itself. */
import { ProtobufWriter } from '../protocol/protobuf-writer.ts'
import { writeUuid } from '../protocol/shared-messages.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'

const LEADER = 8
const TICKS_PER_MS = 10_000

export interface NodeIdentity {
  readonly instanceId: string
  /** Where clients reach it: known once it listens. */
  readonly address: () => { readonly host: string; readonly port: number }
}

export function gossipRpc(node: NodeIdentity): RpcHandler {
  return async (call) => {
    await call.request()
    const { host, port } = node.address()
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
