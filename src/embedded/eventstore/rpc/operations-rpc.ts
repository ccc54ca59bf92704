/** Operations: what an operator does to a node. What makes sense only in a cluster is answered and changes nothing. */
import type { AccessControl, NodeAction } from '../access/access-control.ts'
import type { GroupRegistry } from '../groups/group-registry.ts'
import type { Scavenger } from '../operations/scavenger.ts'
import { decodeStopScavenge, encodeScavenge, SCAVENGE_RESULT } from '../protocol/operations-messages.ts'
import { EMPTY_MESSAGE } from '../protocol/persistent-messages.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'

/** What the handlers are built from. */
export interface OperationsContext {
  readonly access: AccessControl
  readonly scavenger: Scavenger
  readonly groups: GroupRegistry
  /** Undefined when the node is part of a program that nobody may end from outside. */
  readonly shutDown: (() => void) | undefined
}

export function startScavengeRpc({ access, scavenger }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/scavenge', () => {
    const { id, isNew } = scavenger.start()
    return encodeScavenge(id, isNew ? SCAVENGE_RESULT.started : SCAVENGE_RESULT.inProgress)
  })
}

export function stopScavengeRpc({ access, scavenger }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/scavenge', (message) => {
    const id = decodeStopScavenge(message)
    if (scavenger.stop(id)) return encodeScavenge(id, SCAVENGE_RESULT.stopped)
    const trailers = { exception: 'scavenge-not-found', 'scavenge-id': id }
    throw new GrpcError(GRPC_STATUS.notFound, `Scavenge ${id} is not under way.`, trailers)
  })
}

export function shutDownRpc({ access, shutDown }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/shutdown', (_message, call) => {
    if (!shutDown) {
      const message = 'this event store is part of another program: it ends with that program'
      throw new GrpcError(GRPC_STATUS.failedPrecondition, message)
    }
    call.onClose(shutDown) // Once the answer has left.
    return EMPTY_MESSAGE
  })
}

/** The log keeps its indexes merged by itself. */
export function mergeIndexesRpc({ access }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/merge-indexes', () => EMPTY_MESSAGE)
}

/** There is nobody else to lead: a lone node that resigns is elected again at once. */
export function resignNodeRpc({ access }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/resign-node', () => EMPTY_MESSAGE)
}

/** Without other nodes no priority decides anything. */
export function setNodePriorityRpc({ access }: OperationsContext): RpcHandler {
  return allowed(access, 'operations/set-node-priority', () => EMPTY_MESSAGE)
}

export function restartSubscriptionsRpc({ access, groups }: OperationsContext): RpcHandler {
  return allowed(access, 'subscriptions/restart', () => {
    groups.restart()
    return EMPTY_MESSAGE
  })
}

function allowed(
  access: AccessControl,
  action: NodeAction,
  answer: (message: Buffer, call: GrpcCall) => Uint8Array,
): RpcHandler {
  return async (call) => {
    const message = await call.request()
    access.authorizeNode(call.principal, action)
    call.end(answer(message, call))
  }
}
