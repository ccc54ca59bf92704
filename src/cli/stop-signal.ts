/** Waits for the wish to stop, as the shell or the system says it. */
import { exitCodes } from './exit-codes.ts'

/** Resolves with the signal's name; a second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isAsked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (isAsked) process.exit(exitCodes.couldNotRun)
        isAsked = true
        resolve(signal)
      })
    }
  })
}
