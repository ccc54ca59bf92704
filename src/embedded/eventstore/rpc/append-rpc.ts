/** Streams/Append: one append a call; first the target, then its events, then one answer. */
import type { AccessControl } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import {
  checkProposal,
  decodeAppendRequest,
  encodeAppendSuccess,
  encodeAppendWrongRevision,
  type WriteTarget,
} from '../protocol/append-messages.ts'
import type { ProposedEvent } from '../protocol/recorded-event.ts'
import type { EventStore, WriteOutcome } from '../streams/event-store.ts'
import { isMetastream } from '../streams/stream-metadata.ts'
import { isValidStreamName } from '../streams/stream-names.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'
import { appendTooLarge, badRequest, storeFailed, streamDeleted } from './rpc-failures.ts'

export function appendRpc(store: EventStore, access: AccessControl): RpcHandler {
  return (call) => {
    let target: WriteTarget | undefined
    const events: ProposedEvent[] = []
    let [dataBytes, bytes] = [0, 0]
    call.onMessage(
      (message) => {
        const request = decodeAppendRequest(message)
        if ('target' in request) {
          target = checkTarget(request.target)
          access.authorizeStream(
            call.principal,
            isMetastream(target.stream) ? 'write-metadata' : 'write',
            target.stream,
          )
          return
        }
        dataBytes += request.event.data.length
        bytes += message.length
        if (dataBytes > LIMITS.appendDataBytesMax || bytes > LIMITS.appendBytesMax) throw appendTooLarge()
        const event = checkProposal(request.event)
        if (typeof event === 'string') throw badRequest(event)
        call.hold(message.length)
        events.push(event)
      },
      () => {
        if (!target) throw badRequest('an append names no stream')
        void call.serve(() => append(store, call, target as WriteTarget, events))
      },
    )
  }
}

/** Refuses names that no stream may have. */
export function checkTarget<Target extends WriteTarget>(target: Target): Target {
  if (!isValidStreamName(target.stream)) throw badRequest(`'${target.stream}' is not a stream's name`)
  return target
}

async function append(store: EventStore, call: GrpcCall, target: WriteTarget, events: readonly ProposedEvent[]) {
  const outcome = appendOrOverloaded(store, target, events)
  if (outcome.kind === 'deleted') throw streamDeleted(target.stream)
  if (outcome.kind === 'wrong-revision')
    return call.end(encodeAppendWrongRevision(target.expected, outcome.currentRevision))
  await outcome.durable.catch(() => {
    throw storeFailed()
  })
  call.end(encodeAppendSuccess(outcome))
}

/** Appends; a log that is too far behind to take more is the caller's cue to slow down. */
export function appendOrOverloaded(
  store: EventStore,
  target: WriteTarget,
  events: readonly ProposedEvent[],
): WriteOutcome {
  try {
    return store.append(target.stream, target.expected, events)
  } catch (error) {
    if ((error as { code?: string }).code !== 'log-overloaded') throw error
    throw new GrpcError(GRPC_STATUS.resourceExhausted, 'too much waits to be written')
  }
}
