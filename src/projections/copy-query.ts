/**
 * Several `copy … from stdin` statements with their rows, sent at one stroke: the server reads what it needs in order, and never waits
 * for us between them. The protocol allows it: rows of a statement that failed are read and dropped
 * (PostgreSQL documentation, "COPY Operations").
 */
import type { Connection, Submittable } from 'pg'

export interface Copy {
  /** A statement `copy … from stdin`. */
  readonly text: string
  /** In the text format of COPY. */
  readonly rows: string
}

/** The part of `pg`'s connection that its type leaves out. */
interface CopyingConnection {
  readonly stream: { readonly cork: () => void; readonly uncork: () => void }
  readonly query: (text: string) => void
  readonly sendCopyFromChunk: (chunk: Buffer) => void
  readonly endCopyFrom: () => void
}

/** To be given to `query` of a client of `pg`, which calls the `handle…` methods. All statements are done, or none is. */
export class CopyQuery implements Submittable {
  readonly done: Promise<void>
  readonly #copies: readonly Copy[]
  readonly #settled = Promise.withResolvers<void>()

  constructor(copies: readonly Copy[]) {
    this.#copies = copies
    this.done = this.#settled.promise
  }

  /** `pg` puts its timer around it. */
  callback = (): void => {}

  submit(connection: Connection): void {
    const copying = connection as unknown as CopyingConnection
    copying.stream.cork()
    copying.query(this.#copies.map(({ text }) => text).join(';\n'))
    for (const { rows } of this.#copies) {
      copying.sendCopyFromChunk(Buffer.from(rows))
      copying.endCopyFrom()
    }
    copying.stream.uncork()
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

  handleCommandComplete(): void {}
}
