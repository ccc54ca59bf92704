/** Waits for something that comes true by itself, at most for a while; for conditions that send no sign of their own. */
import { setTimeout as delay } from 'node:timers/promises'

const WAIT_MS_MAX = 20_000
const ASK_AGAIN_MS = 10

export async function eventually(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`)
    await delay(ASK_AGAIN_MS)
  }
}
