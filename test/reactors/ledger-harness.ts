/** A keeper of the ledger on a real event store, led by the hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createCodec } from '../../src/events/codec.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import type { RecordEvent } from '../../src/events/event-catalogue.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { generateSignerKey, parseSignerKey, type SignerKey } from '../../src/ledger/note-keys.ts'
import { createLedgerKeeper, type LedgerKeeper, type LedgerStatus } from '../../src/reactors/ledger-keeper.ts'
import type { LedgerKeeperParts } from '../../src/reactors/ledger-session.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { EventStore } from '../../src/store/event-store.ts'
import { envelope, sent, started } from '../support/examples.ts'

export const codec = createCodec()

export function newSigner(name = 'emberlog.test/log'): SignerKey {
  const signer = parseSignerKey(generateSignerKey(name))
  if (isRefusal(signer)) throw new Error(signer.detail)
  return signer
}

let commands = 0

/** Appends events, each of a command of its own; any number of times. */
export async function append(
  store: EventStore,
  stream: string,
  events: readonly RecordEvent[],
  changes: Partial<Envelope> = {},
): Promise<void> {
  const encoded = await Promise.all(
    events.map((event) => {
      commands += 1
      return codec.encode(stream, event, envelope({ commandId: `c${commands}`, ...changes }), {
        index: 0,
        person: 'ada',
      })
    }),
  )
  await store.append(stream, encoded, 'any')
}

export const chat = (messages: number): RecordEvent[] => [
  started(),
  ...Array.from({ length: messages }, (_, index) => sent(`m${index}`, { text: `message ${index}` })),
]

export interface KeptLedger {
  readonly directory: string
  readonly keeper: LedgerKeeper
  readonly reached: (isReached: (status: LedgerStatus) => boolean) => Promise<LedgerStatus>
  /** Resolves when it has signed its last checkpoint and let go. */
  readonly stop: () => Promise<void>
}

const REACH_MS_MAX = 20_000
const LOOK_MS = 5

export async function ledgerDirectoryOfTest(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-ledger-'))
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) }
}

export function keepLedger(
  parts: Pick<LedgerKeeperParts, 'store' | 'directory' | 'signers'> & Partial<LedgerKeeperParts>,
): KeptLedger {
  const keeper = createLedgerKeeper({
    codec,
    clock: systemClock,
    logger: silentLogger,
    intervalMs: 60_000,
    places: [],
    ...parts,
  })
  const ending = new AbortController()
  const running = keeper.run(ending.signal)
  return {
    directory: parts.directory,
    keeper,
    async reached(isReached) {
      const until = performance.now() + REACH_MS_MAX
      while (!isReached(keeper.status())) {
        if (performance.now() > until) throw new Error(`not reached: ${JSON.stringify(keeper.status())}`)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      }
      return keeper.status()
    },
    async stop() {
      ending.abort()
      await running
    },
  }
}

/** Keeps the ledger until it has caught up, signs once, and stops. */
export async function signOnce(store: EventStore, directory: string, signers: readonly SignerKey[]): Promise<void> {
  const kept = keepLedger({ store, directory, signers })
  await kept.reached(({ isCaughtUp }) => isCaughtUp)
  await kept.stop()
}

export const published = async (directory: string) => await openLedgerReader(directory).checkpoint()
