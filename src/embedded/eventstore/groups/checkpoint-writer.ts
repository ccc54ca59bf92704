/** Writes down how far a group has come when the rule says so, one checkpoint after the other. */
import { LIMITS } from '../limits.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore } from '../streams/event-store.ts'
import { CheckpointRule } from './checkpoint-rule.ts'
import type { EventSource } from './event-source.ts'
import type { GroupDefinition } from './group-settings.ts'
import { isCheckpoint, readCheckpoint, writeCheckpoint } from './group-streams.ts'

export interface CheckpointWriterOptions {
  readonly store: EventStore
  readonly definition: GroupDefinition
  readonly source: EventSource
  readonly now: () => number
  /** A checkpoint is durable; the next one may be due already. */
  readonly onWritten: () => void
  readonly onFailed: (error: unknown) => void
}

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions
  readonly #rule: CheckpointRule
  #isWriting = false
  /** The last place that is durable. */
  #durable: number | undefined

  /** Finds the last checkpoint there is and sets the source behind it. */
  constructor(options: CheckpointWriterOptions) {
    const { store, definition, source, now } = options
    this.#options = options
    const text = readCheckpoint(store, definition)
    this.#durable = text === undefined ? undefined : source.parse(text)
    if (this.#durable !== undefined) source.continueAfter(this.#durable)
    const settings = { ...definition.settings, passedMax: LIMITS.groupPassedMax }
    this.#rule = new CheckpointRule(settings, this.#durable, now())
  }

  /** The last checkpoint; undefined before the first. */
  get durable(): number | undefined {
    return this.#durable
  }

  /** When the passing of time may make one due. */
  get nextDueMs(): number | undefined {
    return this.#rule.nextDueMs
  }

  /** An event was read, and is to be handled. Answers its place. */
  enter(record: LogRecord): number {
    const place = this.#options.source.placeOf(record)
    this.#rule.enter(place, !isCheckpoint(record))
    return place
  }

  pass(place: number, count: number): void {
    this.#rule.pass(place, count)
  }

  leave(place: number): void {
    this.#rule.leave(place)
  }

  writeIfDue(): void {
    const place = this.#isWriting ? undefined : this.#rule.due(this.#options.now())
    if (place === undefined) return
    this.#isWriting = true
    this.#write(place)
      .catch(this.#options.onFailed)
      .finally(() => {
        this.#isWriting = false
        this.#options.onWritten()
      })
  }

  /** Writes down what was handled since the last one, due or not. */
  async flush(): Promise<void> {
    const place = this.#rule.unwritten
    if (place !== undefined) await this.#write(place)
  }

  async #write(place: number): Promise<void> {
    const { store, definition, source, now } = this.#options
    this.#rule.noteWritten(now())
    await writeCheckpoint(store, definition, source.format(place))
    this.#durable = place
  }
}
