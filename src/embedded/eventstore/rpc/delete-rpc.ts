/** Streams/Delete and Streams/Tombstone: the deletion that can be undone by writing, and the one for ever. */
import type { AccessControl } from '../access/access-control.ts'
import { decodeDeleteRequest, encodeDeleteResponse } from '../protocol/append-messages.ts'
import type { EventStore } from '../streams/event-store.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'
import { checkTarget } from './append-rpc.ts'
import { storeFailed, streamDeleted, wrongExpectedRevision } from './rpc-failures.ts'

export function deleteRpc(store: EventStore, access: AccessControl, how: 'delete' | 'tombstone'): RpcHandler {
  return async (call) => {
    const target = checkTarget(decodeDeleteRequest(await call.request()))
    access.authorizeStream(call.principal, 'delete', target.stream)
    const outcome = store[how](target.stream, target.expected)
    if (outcome.kind === 'deleted') throw streamDeleted(target.stream)
    if (outcome.kind === 'wrong-revision') throw wrongExpectedRevision(target, outcome.currentRevision)
    await outcome.durable.catch(() => {
      throw storeFailed()
    })
    call.end(encodeDeleteResponse(outcome.position ?? 0))
  }
}
