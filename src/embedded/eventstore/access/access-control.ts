/** Who calls, and whether they may: asked by every call before it touches a stream. */
import type { IncomingHttpHeaders } from 'node:http2'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'

/** Whoever makes a call. */
export interface Principal {
  /** Login name; undefined for somebody who gave none. */
  readonly name: string | undefined
  readonly groups: readonly string[]
}

/** What somebody wants to do with a stream (`$all` included). */
export type StreamAction = 'read' | 'write' | 'delete' | 'read-metadata' | 'write-metadata'

/** What concerns the node as a whole, such as `operations/shutdown` or `subscriptions/create`. */
export type NodeAction = `${'operations' | 'subscriptions' | 'users' | 'monitoring'}/${string}`

/**
 * Asked before anything is done. Both `authorize…` methods throw a GrpcError (PERMISSION_DENIED with the trailer
 * `exception: access-denied`) when the answer is no; `authenticate` throws UNAUTHENTICATED on wrong credentials, at once
 * or later: a password that was not seen before takes a while to check.
 */
export interface AccessControl {
  authenticate(headers: IncomingHttpHeaders): Principal | Promise<Principal>
  authorizeStream(principal: Principal, action: StreamAction, stream: string): void
  authorizeNode(principal: Principal, action: NodeAction): void
}

export function accessDenied(): GrpcError {
  return new GrpcError(GRPC_STATUS.permissionDenied, 'Access Denied', { exception: 'access-denied' })
}

export function unauthenticated(): GrpcError {
  return new GrpcError(GRPC_STATUS.unauthenticated, 'Unauthenticated')
}

/** Somebody who gave no name. */
export const NOBODY: Principal = { name: undefined, groups: [] }

/** An insecure node: credentials are not looked at and everything is allowed but writing to what is not a stream. */
export const openAccess: AccessControl = {
  authenticate: () => NOBODY,
  authorizeStream(_principal, action, stream) {
    if (stream === '$all' && action !== 'read' && action !== 'read-metadata' && action !== 'write-metadata')
      throw accessDenied()
  },
  authorizeNode() {},
}
