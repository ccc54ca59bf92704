/** How calls about groups end when they do not end well, as the official clients recognise it. */
import type { GroupKey } from '../groups/group-settings.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'

export function groupMissing({ stream, group }: GroupKey): GrpcError {
  const message = `Subscription group ${group} on stream ${stream} does not exist.`
  const exception = 'persistent-subscription-does-not-exist'
  return new GrpcError(GRPC_STATUS.notFound, message, trailers(exception, { stream, group }))
}

export function groupExists({ stream, group }: GroupKey): GrpcError {
  const message = `Subscription group ${group} on stream ${stream} exists.`
  const exception = 'persistent-subscription-exists'
  return new GrpcError(GRPC_STATUS.alreadyExists, message, trailers(exception, { stream, group }))
}

export function groupFailed({ stream, group }: GroupKey, reason: string): GrpcError {
  const message = `Subscription group ${group} on stream ${stream} failed: '${reason}'`
  const exception = 'persistent-subscription-failed'
  return new GrpcError(GRPC_STATUS.internal, message, { ...trailers(exception, { stream, group }), reason })
}

export function groupFull({ stream, group }: GroupKey): GrpcError {
  const message = `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`
  const exception = 'maximum-subscribers-reached'
  return new GrpcError(GRPC_STATUS.failedPrecondition, message, trailers(exception, { stream, group }))
}

export function groupDropped({ stream, group }: GroupKey): GrpcError {
  const message = `Subscription group ${group} on stream ${stream} was dropped.`
  const exception = 'persistent-subscription-dropped'
  return new GrpcError(GRPC_STATUS.cancelled, message, trailers(exception, { stream, group }))
}

function trailers(exception: string, { stream, group }: GroupKey): Record<string, string> {
  return { exception, 'stream-name': stream, 'group-name': group }
}
