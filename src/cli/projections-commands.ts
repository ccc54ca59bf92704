/** `emberlog projections …`: looks after the read models, beside a running Emberlog or alone. */
import type { Config } from '../config.ts'
import { createCodec } from '../events/codec.ts'
import { openDatabase } from '../projections/database.ts'
import { type RebuildProgress, rebuildProjections } from '../projections/rebuild.ts'
import type { Logger } from '../shared/logger.ts'
import { openEventStoreDb } from '../store/eventstoredb-store.ts'
import { exitCodes } from './exit-codes.ts'
import { progressLine, say, sayJson } from './output.ts'
import { reachServers } from './server-access.ts'

/** A command takes few connections beside a running program: one that writes, one that reads, one to spare. */
const COMMAND_CONNECTIONS_MAX = 3

export interface RebuildOptions {
  readonly json?: boolean
  readonly force?: boolean
}

/** Resolves with the exit code; a difference that nothing explains is thrown as `generation-differs`. */
export async function rebuild(config: Config, options: RebuildOptions, logger: Logger): Promise<number> {
  await using reached = new AsyncDisposableStack()
  const servers = await reachServers(config, logger, reached)
  const store = openEventStoreDb({ connectionString: servers.eventStoreUrl, logger })
  reached.defer(store.close)
  const database = await openDatabase({
    connectionString: servers.databaseUrl,
    connectionsMax: COMMAND_CONNECTIONS_MAX,
    applicationName: 'emberlog-rebuild',
    logger,
  })
  reached.defer(database.close)
  const line = progressLine()
  const onProgress = (progress: RebuildProgress) =>
    options.json ? sayJson({ event: 'progress', ...progress }) : line.show(progressText(progress))
  const isForced = options.force === true
  const result = await rebuildProjections({
    database,
    reader: store,
    codec: createCodec(),
    logger,
    onProgress,
    isForced,
  })
  line.clear()
  const { digest, ...shown } = result
  if (options.json) sayJson({ event: 'rebuilt', ...shown })
  else {
    const perS = Math.round((result.events * 1000) / Math.max(1, result.tookMs))
    say(`rebuilt ${result.events} events in ${(result.tookMs / 1000).toFixed(1)} s (${perS} events/s)`)
    say(
      `generation ${result.generation} is live in place of ${result.replaced}; differing read models: ${result.differing.join(', ') || 'none'}`,
    )
  }
  return exitCodes.success
}

const BAR_WIDTH = 30

function progressText({ step, events, eventsTotal, eventsPerS, remainingS }: RebuildProgress): string {
  const share = eventsTotal === 0 ? 1 : Math.min(1, events / eventsTotal)
  const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░')
  const left = remainingS === undefined ? '' : `, ${Math.ceil(remainingS)} s left`
  return `${step} ${bar} ${Math.floor(share * 100)} %  ${events} events, ${Math.round(eventsPerS)}/s${left}`
}
