/** How a call ends when it does not end well: a gRPC status and, for the official clients, trailers that say more. */

/** Status codes of gRPC, by their numbers on the wire. */
export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** Thrown by a handler or given to `GrpcCall.fail`; trailers are plain texts, encoded on the way out. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly status: number
  readonly trailers: Readonly<Record<string, string>>

  constructor(status: number, message: string, trailers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.trailers = trailers
  }

  /** The trailers as they go out: header values are ASCII, so the rest is percent-encoded. */
  toTrailers(): Record<string, string> {
    const trailers: Record<string, string> = {
      'grpc-status': String(this.status),
      'grpc-message': encode(this.message),
    }
    for (const [name, value] of Object.entries(this.trailers)) trailers[name] = encode(value)
    return trailers
  }
}

const TRAILER_CHARACTERS_MAX = 8_000

function encode(text: string): string {
  const shown = text.length > TRAILER_CHARACTERS_MAX ? text.slice(0, TRAILER_CHARACTERS_MAX) : text
  return shown.toWellFormed().replace(/[^\x20-\x7e]/gu, encodeURIComponent)
}
