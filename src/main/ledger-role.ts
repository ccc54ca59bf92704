/** The role `ledger`: keeps the tree over the log, with what operators see of it. */
import { Gauge, type Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { Codec } from '../events/codec.ts'
import { createLedgerKeeper, type LedgerKeeper, type LedgerStatus } from '../reactors/ledger-keeper.ts'
import { systemClock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventStore } from '../store/event-store.ts'
import { checkpointPlaces, ledgerRoot, ledgerSigners } from './ledger-parts.ts'

export interface LedgerRoleParts {
  readonly config: Config
  readonly store: EventStore
  readonly codec: Codec
  readonly metrics: Registry
  readonly logger: Logger
}

/** Throws `ledger-key-unusable`. */
export async function createLedgerRole(parts: LedgerRoleParts): Promise<LedgerKeeper> {
  const { config, store, codec, metrics, logger } = parts
  const keeper = createLedgerKeeper({
    store,
    codec,
    logger,
    clock: systemClock,
    directory: ledgerRoot(config),
    signers: await ledgerSigners(config),
    intervalMs: config.EMBERLOG_LEDGER_INTERVAL_MS,
    places: checkpointPlaces(config),
  })
  addLedgerMetrics(metrics, keeper)
  return keeper
}

/** A ledger that is away or refuses keeps nobody from chatting; it shows here, in metrics and in the log. */
export function ledgerReadiness({ state, reason, size, signedSize, places }: LedgerStatus) {
  const failing = places.filter(({ failure }) => failure !== undefined).map(({ name }) => `${name} did not take it`)
  const detail = [state, reason, `${size} leaves, ${signedSize} signed`, ...failing].filter(Boolean).join(', ')
  return { name: 'ledger', isReady: true, detail }
}

function addLedgerMetrics(registry: Registry, keeper: LedgerKeeper): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: (status: LedgerStatus) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(keeper.status()))
      },
    })
  gauge('emberlog_ledger_leaves', 'Leaves of the ledger.', ({ size }) => size)
  gauge('emberlog_ledger_signed_leaves', 'Leaves under the last signed checkpoint.', ({ signedSize }) => signedSize)
  gauge('emberlog_ledger_refusing', '1 while the record does not fit what was signed.', ({ state }) =>
    state === 'refusing' ? 1 : 0,
  )
  gauge(
    'emberlog_ledger_places_failing',
    'Places outside that did not take the last checkpoint.',
    ({ places }) => places.filter(({ failure }) => failure !== undefined).length,
  )
}
