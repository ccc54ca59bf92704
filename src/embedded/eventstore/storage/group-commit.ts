/** Makes appends durable in groups: one write and one sync are under way, and whatever comes meanwhile is the next group. */
import type { LogRecord } from './event-log.ts'
import { StorageFault } from './storage-fault.ts'
import type { TailSegment } from './tail-segment.ts'

/** All appends that become durable together. A group lies in one segment. */
export interface Group {
  readonly tail: TailSegment
  readonly records: LogRecord[]
  readonly done: PromiseWithResolvers<void>
  bytes: number
}

export interface GroupCommitOptions {
  /** Called before the first write to a tail: makes its file, and seals the one before it. */
  readonly start: (tail: TailSegment) => Promise<void>
  /** Called when a group is durable, before its appends are told. */
  readonly onDurable: (group: Group) => void
  /** Without it nothing survives a loss of power; for measuring what syncing costs. */
  readonly isSynced: boolean
  readonly directory: string
}

// idle ─ append ─► gathering ─► writing ─► syncing ─► durable ─► idle
//                      ▲                                 │
//                      └──────── appended meanwhile ─────┘        any error ─► failed, for good
export class GroupCommit {
  readonly failed: Promise<Error>
  error: Error | undefined
  pendingBytes = 0
  commits = 0
  readonly #options: GroupCommitOptions
  /** In order; only the last one still takes appends. */
  readonly #waiting: Group[] = []
  readonly #failed = Promise.withResolvers<Error>()
  #running: Promise<void> | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.failed = this.#failed.promise
  }

  get isIdle(): boolean {
    return this.#running === undefined
  }

  /** The group that records added to `tail` now belong to; a new one if need be. */
  join(tail: TailSegment): Group {
    const last = this.#waiting.at(-1)
    if (last?.tail === tail) return last
    const group: Group = { tail, records: [], done: Promise.withResolvers(), bytes: 0 }
    group.done.promise.catch(() => {}) // Whoever appended has it too; `failed` tells everybody else.
    if (this.error) {
      group.done.reject(this.error)
      return group
    }
    this.#waiting.push(group)
    this.#running ??= this.#run()
    return group
  }

  /** Resolves when nothing waits any more, or when the log failed. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // All appends of this turn of the event loop go together.
    await nextTurn()
    for (let group = this.#waiting[0]; group && !this.error; group = this.#waiting[0]) {
      try {
        await this.#commit(group)
      } catch (cause) {
        this.#fail(cause)
        break
      }
      await nextTurn()
    }
    this.#running = undefined
  }

  async #commit(group: Group): Promise<void> {
    const { tail } = group
    if (!tail.file) await this.#options.start(tail)
    this.#waiting.shift()
    const end = tail.closeGroup()
    try {
      const file = tail.file as NonNullable<typeof tail.file>
      await file.write(tail.slices(tail.durableBytes, end), tail.durableBytes)
      if (this.#options.isSynced) await file.sync()
    } catch (cause) {
      this.#waiting.unshift(group)
      throw cause
    }
    tail.becomeDurable(end)
    this.pendingBytes -= group.bytes
    this.commits += 1
    this.#options.onDurable(group)
    group.done.resolve()
  }

  /** After a failed write or sync nobody knows what is on the disk: only opening the log again finds out. */
  #fail(cause: unknown): void {
    this.error = new StorageFault('log-not-written', { directory: this.#options.directory }, { cause })
    for (const group of this.#waiting.splice(0)) group.done.reject(this.error)
    this.#failed.resolve(this.error)
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
