/** Streams/BatchAppend: many appends over one stream, each in chunks, each answered exactly once. */
import type { AccessControl } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import {
  type BatchChunk,
  type BatchFailure,
  type BatchOptions,
  checkProposal,
  decodeBatchChunk,
  encodeBatchFailure,
  encodeBatchSuccess,
} from '../protocol/append-messages.ts'
import type { ProposedEvent } from '../protocol/recorded-event.ts'
import type { EventStore } from '../streams/event-store.ts'
import { isMetastream } from '../streams/stream-metadata.ts'
import { isValidStreamName } from '../streams/stream-names.ts'
import type { GrpcCall, RpcHandler } from '../transport/grpc-call.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'
import { appendOrOverloaded } from './append-rpc.ts'
import { badRequest, storeFailed } from './rpc-failures.ts'

export function batchAppendRpc(store: EventStore, access: AccessControl): RpcHandler {
  return (call) => {
    call.isWriting = true
    const batches = new BatchAppends(store, access, call)
    call.onMessage(
      (message) => batches.take(decodeBatchChunk(message), message.length),
      () => batches.finish(),
    )
    call.onClose(() => batches.dispose())
  }
}

// first chunk ─► gathering ─► (final chunk) decided ─► (durable) answered
//                    └──► refused or out of time: answered at once, its further chunks swallowed

const TIMEOUT: BatchFailure = { kind: 'timeout' }

interface Batch {
  readonly options: BatchOptions
  readonly events: ProposedEvent[]
  dataBytes: number
  bytes: number
  /** Answered before its last chunk came. */
  isAnswered: boolean
  readonly timer: NodeJS.Timeout
}

class BatchAppends {
  readonly #store: EventStore
  readonly #access: AccessControl
  readonly #call: GrpcCall
  /** Those whose last chunk has not come. */
  readonly #gathering = new Map<string, Batch>()
  #unanswered = 0
  #isFinished = false
  #isWaiting = false

  constructor(store: EventStore, access: AccessControl, call: GrpcCall) {
    this.#store = store
    this.#access = access
    this.#call = call
  }

  take(chunk: BatchChunk, bytes: number): void {
    const batch = this.#gathering.get(chunk.correlationId) ?? this.#begin(chunk)
    if (!batch.isAnswered) this.#gather(batch, chunk, bytes)
    if (!chunk.isFinal) return
    this.#gathering.delete(chunk.correlationId)
    this.#call.release(batch.bytes)
    if (batch.isAnswered) clearTimeout(batch.timer)
    else this.#append(chunk.correlationId, batch)
  }

  /** The client sends no more: the call ends once everything is answered. */
  finish(): void {
    this.#isFinished = true
    if (this.#unanswered === 0) this.#call.end()
  }

  dispose(): void {
    for (const batch of this.#gathering.values()) clearTimeout(batch.timer)
    this.#gathering.clear()
  }

  #begin({ correlationId, options }: BatchChunk): Batch {
    if (!options) throw badRequest('the first chunk of a batch has no options')
    if (this.#gathering.size >= LIMITS.unfinishedBatchesMax)
      throw new GrpcError(GRPC_STATUS.resourceExhausted, 'too many unfinished batches')
    const waitMs = options.deadlineMs === undefined ? LIMITS.batchDeadlineMs : options.deadlineMs - Date.now()
    const batch: Batch = {
      options,
      events: [],
      dataBytes: 0,
      bytes: 0,
      isAnswered: false,
      timer: setTimeout(() => this.#refuse(correlationId, batch, TIMEOUT), clampTimer(waitMs)),
    }
    this.#gathering.set(correlationId, batch)
    this.#unanswered += 1
    const refusal = waitMs <= 0 ? TIMEOUT : this.#refusalOf(options)
    if (refusal) this.#refuse(correlationId, batch, refusal)
    return batch
  }

  #refusalOf({ stream }: BatchOptions): BatchFailure | undefined {
    if (!isValidStreamName(stream)) return { kind: 'unknown', message: `'${stream}' is not a stream's name` }
    try {
      this.#access.authorizeStream(this.#call.principal, isMetastream(stream) ? 'write-metadata' : 'write', stream)
      return undefined
    } catch {
      return { kind: 'access-denied' }
    }
  }

  #gather(batch: Batch, { correlationId, events }: BatchChunk, bytes: number): void {
    batch.bytes += bytes
    this.#call.hold(bytes)
    for (const proposal of events) {
      batch.dataBytes += proposal.data.length
      const event = checkProposal(proposal)
      if (typeof event === 'string') {
        this.#refuse(correlationId, batch, { kind: 'unknown', message: event })
        return
      }
      batch.events.push(event)
    }
    if (batch.dataBytes > LIMITS.appendDataBytesMax || batch.bytes > LIMITS.appendBytesMax)
      this.#refuse(correlationId, batch, { kind: 'too-large', bytesMax: LIMITS.appendDataBytesMax })
  }

  #append(correlationId: string, batch: Batch): void {
    const { deadlineMs } = batch.options
    if (deadlineMs !== undefined && deadlineMs <= Date.now()) {
      this.#refuse(correlationId, batch, TIMEOUT) // Its chunks kept the timer from running.
      return
    }
    const outcome = appendOrOverloaded(this.#store, batch.options, batch.events)
    if (outcome.kind !== 'done') {
      this.#refuse(correlationId, batch, outcome)
      return
    }
    outcome.durable.then(
      () => {
        if (!batch.isAnswered) this.#answer(batch, encodeBatchSuccess(correlationId, batch.options, outcome))
      },
      () => this.#call.fail(storeFailed()),
    )
    this.#slowDown()
  }

  #refuse(correlationId: string, batch: Batch, failure: BatchFailure): void {
    if (batch.isAnswered) return
    batch.events.length = 0
    this.#answer(batch, encodeBatchFailure(correlationId, batch.options, failure))
  }

  #answer(batch: Batch, reply: Uint8Array): void {
    batch.isAnswered = true
    clearTimeout(batch.timer)
    this.#call.send(reply)
    this.#unanswered -= 1
    if (this.#isFinished && this.#unanswered === 0) this.#call.end()
  }

  /** Takes no more from the client while the disk, or the client's own reading, is behind. */
  #slowDown(): void {
    const isBehind = () => this.#store.log.pendingBytes > LIMITS.pendingBytesMax || this.#call.isCongested
    if (this.#isWaiting || !isBehind()) return
    this.#isWaiting = true
    this.#call.pause()
    void this.#wait(isBehind).then(() => {
      this.#isWaiting = false
      this.#call.resume()
    })
  }

  async #wait(isBehind: () => boolean): Promise<void> {
    while (this.#call.isOpen && isBehind()) {
      if (this.#call.isCongested) await this.#call.writable()
      else await this.#store.whenDurable(this.#store.log.nextPosition - 1)
    }
  }
}

function clampTimer(ms: number): number {
  return Math.min(Math.max(0, ms), LIMITS.batchDeadlineMsMax)
}
