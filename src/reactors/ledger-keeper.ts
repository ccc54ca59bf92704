/** Keeps the ledger for as long as this process runs: one keeper to a directory, tried again after every failure, with a status that says how it stands. */
import { takeLock } from '../ledger/directory-lock.ts'
import { ledgerDirectory } from '../ledger/ledger-directory.ts'
import { LedgerWriter } from '../ledger/ledger-writer.ts'
import { isFault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'
import { type LedgerKeeperParts, LedgerSession, type SessionStatus } from './ledger-session.ts'

export interface LedgerStatus extends SessionStatus {
  // starting ─► catching up ─► keeping        standing by: another keeper has the directory
  //     ▲            └──────────── away ─┐    refusing: the log does not fit what was signed
  //     └────────────────────────────────┘
  readonly state: 'starting' | 'catching up' | 'keeping' | 'standing by' | 'away' | 'refusing'
  /** Why it is away or refusing. */
  readonly reason: string | undefined
}

export interface LedgerKeeper {
  /** Keeps the ledger until the signal aborts, then signs what has come since the last checkpoint. */
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly status: () => LedgerStatus
}

const RETRY_MS_MIN = 200
const RETRY_MS_MAX = 10_000
const STAND_BY_MS = 2_000

export function createLedgerKeeper(parts: LedgerKeeperParts): LedgerKeeper {
  const idle: SessionStatus = {
    size: 0,
    signedSize: 0,
    isCaughtUp: false,
    places: parts.places.map(({ name }) => ({ name, size: undefined, failure: undefined })),
  }
  let session: LedgerSession | undefined
  let without: Pick<LedgerStatus, 'state' | 'reason'> = { state: 'starting', reason: undefined }

  return {
    status() {
      if (session === undefined) return { ...idle, ...without }
      const status = session.status()
      return { ...status, state: status.isCaughtUp ? 'keeping' : 'catching up', reason: undefined }
    },

    async run(signal) {
      let delayMs = RETRY_MS_MIN
      while (!signal.aborted) {
        try {
          const isMine = await keepWhileMine(signal)
          without = { state: 'standing by', reason: undefined }
          delayMs = RETRY_MS_MIN
          if (!isMine) await pause(STAND_BY_MS, signal)
        } catch (error) {
          await pause(noteFailure(error) === 'refusing' ? RETRY_MS_MAX : delayMs, signal)
          delayMs = Math.min(delayMs * 2, RETRY_MS_MAX)
        }
      }
    },
  }

  function noteFailure(error: unknown): LedgerStatus['state'] {
    if (!isFault(error)) throw error
    const state = error.code === 'ledger-differs' ? 'refusing' : 'away'
    without = { state, reason: error.message }
    parts.logger[state === 'refusing' ? 'error' : 'warn']({ error: String(error) }, 'the ledger is not kept')
    return state
  }

  /** False when another keeper has the directory. */
  async function keepWhileMine(signal: AbortSignal): Promise<boolean> {
    const directory = ledgerDirectory(parts.directory)
    const lock = await takeLock(directory.lock)
    if (lock === undefined) return false
    try {
      const writer = await LedgerWriter.open(directory.root)
      try {
        session = new LedgerSession(parts, writer)
        await session.keep(signal)
      } finally {
        session = undefined
        await writer.close()
      }
    } finally {
      lock.release()
    }
    return true
  }
}
