/** The answers that are followed over HTTP, counted per person; on shutdown all of them end. */

export interface OpenStreams {
  /** Undefined when the person follows as many as allowed; else how to leave, which is done once. */
  readonly enter: (ownerId: string) => (() => void) | undefined
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal
  readonly stop: () => void
}

export function createOpenStreams(perPersonMax: number): OpenStreams {
  const counts = new Map<string, number>()
  const stopping = new AbortController()
  return {
    enter(ownerId) {
      const count = counts.get(ownerId) ?? 0
      if (count >= perPersonMax) return undefined
      counts.set(ownerId, count + 1)
      let isLeft = false
      return () => {
        if (isLeft) return
        isLeft = true
        const left = (counts.get(ownerId) ?? 1) - 1
        if (left === 0) counts.delete(ownerId)
        else counts.set(ownerId, left)
      }
    },
    stopping: stopping.signal,
    stop: () => stopping.abort(),
  }
}
