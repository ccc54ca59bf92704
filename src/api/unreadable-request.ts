/** What Node cannot read as a request never reaches a route; it is answered as a problem all the same. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { refusal } from '../shared/failures.ts'
import type { ErrorCode } from './error-catalogue.ts'
import { problemOf } from './problem-answer.ts'

const codesOfNode: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-too-slow',
}

/** Answers on the bare connection, which is of no use afterwards. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const problem = problemOf(refusal(codesOfNode[error.code ?? ''] ?? 'request-unreadable'))
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
