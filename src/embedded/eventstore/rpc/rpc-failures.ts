/** Failures of calls as the official clients recognise them: by the trailer `exception` and those that go with it. */
import { LIMITS } from '../limits.ts'
import type { WriteTarget } from '../protocol/append-messages.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'

export function streamDeleted(stream: string): GrpcError {
  return new GrpcError(GRPC_STATUS.failedPrecondition, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  })
}

/** Expectations and revisions in whole numbers: -1 no stream, -2 any, -4 exists. */
export function wrongExpectedRevision({ stream, expected }: WriteTarget, currentRevision: number): GrpcError {
  const message = `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${currentRevision}`
  return new GrpcError(GRPC_STATUS.failedPrecondition, message, {
    exception: 'wrong-expected-version',
    'stream-name': stream,
    'expected-version': String(expected),
    'actual-version': String(currentRevision),
  })
}

export function appendTooLarge(): GrpcError {
  return new GrpcError(GRPC_STATUS.invalidArgument, `Maximum Append Size of ${LIMITS.appendDataBytesMax} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(LIMITS.appendDataBytesMax),
  })
}

/** What a client asks for makes no sense. */
export function badRequest(message: string): GrpcError {
  return new GrpcError(GRPC_STATUS.unknown, message)
}

/** The log failed: nothing may be acknowledged any more. */
export function storeFailed(): GrpcError {
  return new GrpcError(GRPC_STATUS.unavailable, 'the event store cannot write any more and is stopping')
}
