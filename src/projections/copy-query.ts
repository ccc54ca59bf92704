/**
 * A statement with values and several `copy … from stdin` with their rows, sent at one stroke: the server reads what it needs in order,
 * and never waits for us between them. All is one transaction, which ends with the last message; after a failure the server
 * drops everything before that (PostgreSQL documentation, "Pipelining" and "COPY Operations").
 */
import type { Writable } from 'node:stream'
import type { Connection, Submittable } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'

export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

export interface Copy {
  /** A statement `copy … from stdin`. */
  readonly text: string
  /** In the text format of COPY, whole lines in each piece. */
  readonly rows: readonly string[]
}

/** The part of `pg`'s connection that its type leaves out: each of its methods sends one message of the protocol. */
interface SendingConnection {
  readonly stream: Pick<Writable, 'cork' | 'uncork' | 'write'>
  readonly parse: (statement: { readonly text: string }) => void
  readonly bind: (portal: { readonly values: readonly unknown[]; readonly valueMapper: typeof prepareValue }) => void
  readonly execute: () => void
  readonly endCopyFrom: () => void
  readonly sync: () => void
}

/** To be given to `query` of a client of `pg`, which calls the `handle…` methods. Everything is done, or nothing is. */
export class CopyQuery implements Submittable {
  readonly done: Promise<void>
  readonly #copies: readonly Copy[]
  readonly #first: Statement | undefined
  readonly #settled = Promise.withResolvers<void>()

  constructor(copies: readonly Copy[], first?: Statement) {
    this.#copies = copies
    this.#first = first
    this.done = this.#settled.promise
  }

  /** `pg` puts its timer around it. */
  callback = (): void => {}

  submit(connection: Connection): void {
    const sending = connection as unknown as SendingConnection
    sending.stream.cork()
    if (this.#first !== undefined) send(sending, this.#first)
    for (const { text, rows } of this.#copies) {
      send(sending, { text, values: [] })
      for (const piece of rows) {
        sending.stream.write(copyDataHeader(Buffer.byteLength(piece)))
        sending.stream.write(piece) // As text: the socket encodes all pieces into one buffer, without a copy of each.
      }
      sending.endCopyFrom()
    }
    sending.sync()
    sending.stream.uncork()
  }

  handleError(error: Error): void {
    this.callback()
    this.#settled.reject(error)
  }

  handleReadyForQuery(): void {
    this.callback()
    this.#settled.resolve()
  }

  handleCopyInResponse(): void {}

  handleDataRow(): void {}

  handleCommandComplete(): void {}
}

function send(connection: SendingConnection, { text, values }: Statement): void {
  connection.parse({ text })
  connection.bind({ values, valueMapper: prepareValue })
  connection.execute()
}

const COPY_DATA = 0x64 // 'd'
const LENGTH_BYTES = 4

/** Before so many bytes of rows (PostgreSQL documentation, "Message Formats", CopyData). */
function copyDataHeader(bytes: number): Buffer {
  const header = Buffer.allocUnsafe(1 + LENGTH_BYTES)
  header.writeUInt8(COPY_DATA)
  header.writeUInt32BE(LENGTH_BYTES + bytes, 1)
  return header
}
