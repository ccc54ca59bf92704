/** One conversation, one answer at a time; and not more answers at once than this process can take. */

export interface AnswerLanes {
  /** Runs the work after everything of the same lane before it, as soon as there is room. */
  readonly run: (lane: string, work: () => Promise<void>) => Promise<void>
}

export function createAnswerLanes(runningMax: number): AnswerLanes {
  const lanes = new Map<string, Promise<void>>()
  const waiting: (() => void)[] = []
  let running = 0

  return {
    run(lane, work) {
      const inRoom = async () => {
        await enter()
        try {
          await work()
        } finally {
          leave()
        }
      }
      const mine = (lanes.get(lane) ?? Promise.resolve()).then(inRoom, inRoom)
      lanes.set(lane, mine)
      const clear = () => {
        if (lanes.get(lane) === mine) lanes.delete(lane)
      }
      mine.then(clear, clear)
      return mine
    },
  }

  async function enter(): Promise<void> {
    if (running >= runningMax) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
  }

  /** Hands the room on, so that nobody slips in between. */
  function leave(): void {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
