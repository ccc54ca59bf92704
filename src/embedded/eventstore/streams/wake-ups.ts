/** Wakes whoever waits for new events: of one stream, or of the whole log. */
import type { EventLog } from '../storage/event-log.ts'

/** A flag to wait for. Notifying twice before somebody waits counts once. */
export class WakeUp {
  #isSet = false
  #resolve: (() => void) | undefined

  notify = (): void => {
    this.#isSet = true
    this.#resolve?.()
  }

  /** Resolves at the next notification, or at once when there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#isSet)
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
    this.#isSet = false
    this.#resolve = undefined
  }
}

export class WakeUps {
  readonly #all = new Set<() => void>()
  readonly #streams = new Map<string, Set<() => void>>()

  constructor(log: EventLog) {
    log.onDurable((records) => {
      for (const wake of this.#all) wake()
      if (this.#streams.size === 0) return
      for (const { stream } of records) for (const wake of this.#streams.get(stream) ?? []) wake()
    })
  }

  /** Calls `wake` after each commit. Answers how to stop. */
  onAll(wake: () => void): () => void {
    this.#all.add(wake)
    return () => this.#all.delete(wake)
  }

  /** Calls `wake` after each commit that holds something of the stream. Answers how to stop. */
  onStream(stream: string, wake: () => void): () => void {
    const wakes = this.#streams.get(stream) ?? new Set()
    this.#streams.set(stream, wakes.add(wake))
    return () => {
      wakes.delete(wake)
      if (wakes.size === 0) this.#streams.delete(stream)
    }
  }
}
