/** Notices a connection that somebody holds while waiting for something else than the database. */
import type { OpenConnection } from './connection.ts'

export interface HeldConnectionGuard {
  readonly stop: () => void
}

/** Calls `onHeld` when the connection is held without a running statement for longer than `heldIdleMsMax`; 0 never does. */
export function watchHeldConnection(
  connection: OpenConnection,
  heldIdleMsMax: number,
  onHeld: (heldMs: number) => void,
): HeldConnectionGuard {
  if (heldIdleMsMax === 0) return { stop: () => {} }
  let timer: NodeJS.Timeout | undefined
  const watch = () => {
    timer = setTimeout(() => onHeld(heldIdleMsMax), heldIdleMsMax)
    timer.unref()
  }
  connection.onStatement = (isRunning) => {
    clearTimeout(timer)
    if (!isRunning) watch()
  }
  watch()
  return {
    stop: () => {
      clearTimeout(timer)
      connection.onStatement = () => {}
    },
  }
}
