/** A tiny shell process that outlives us by seconds only: when we die, however we die, it stops the server cleanly. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from './server-log.ts'
import type { ServerUser } from './server-user.ts'

export interface ServerGuard {
  /** Ends the guard without touching the server, and resolves when it is gone. */
  standDown(): Promise<void>
}

/**
 * The guard reads from a pipe that only we hold open. A line means "stand down"; the end of the pipe means that we died:
 * then the server is stopped like a clean stop (SIGINT), and after `patienceS` like a crash (SIGQUIT), which loses no commit.
 */
const guardScript = `
server=$1
if read -r line; then exit 0; fi
for signal in INT QUIT KILL; do
  kill -s $signal "$server" 2>/dev/null || exit 0
  waited=0
  while [ $waited -lt "$2" ]; do
    kill -s 0 "$server" 2>/dev/null || exit 0
    sleep 1
    waited=$((waited + 1))
  done
done
`
const patienceS = 10
const standDownMsMax = 2_000
/** A guard that somebody kills is replaced, but not for ever. */
const replacementsMax = 10

/** Starts the guard of the server process `processId`, as the server's own user: it can signal nothing else of value. */
export function startServerGuard(processId: number, user: ServerUser, logger: Logger): ServerGuard {
  let dismissed = false
  let replacements = 0
  let guard: ChildProcess
  let gone: Promise<void>
  const start = () => {
    const arms = ['-c', guardScript, 'emberlog-postgres-guard', String(processId), String(patienceS)]
    const { file, args, options } = user.launch('/bin/sh', arms)
    // Detached, like the server: Ctrl-C in a terminal goes to our whole process group, and the order of stopping is ours.
    guard = spawn(file, args, { ...options, cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    guard.stdin?.on('error', () => {}) // A guard that is gone already reads nothing more.
    gone = new Promise<void>((resolve) => {
      guard.once('exit', () => {
        if (!dismissed && replacements < replacementsMax) replace()
        resolve()
      })
      guard.once('error', (error) => {
        // Without a shell there is no guard; then only the next start stops an orphan.
        logger.warn({ reason: error.message }, 'embedded postgres has no guard')
        resolve()
      })
    })
  }
  const replace = () => {
    replacements += 1
    logger.warn({ replacements }, 'replacing the guard of embedded postgres, which died')
    start()
  }
  start()
  return {
    async standDown() {
      dismissed = true
      guard.stdin?.end('stand down\n')
      const impatience = setTimeout(() => guard.kill('SIGKILL'), standDownMsMax)
      await gone
      clearTimeout(impatience)
    },
  }
}
