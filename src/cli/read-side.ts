/** Opens record and read models for a command that looks at, or looks after, the read models. */
import { createAccessRecorder, type RecordLook } from '../commands/access-recorder.ts'
import { createActRecorder } from '../commands/operator-acts-handler.ts'
import type { Config } from '../config.ts'
import type { Codec } from '../events/codec.ts'
import type { Database } from '../projections/database.ts'
import { recordNotedActs } from '../projections/operator-acts.ts'
import { systemClock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import { type EventReader, readerOf } from '../store/event-store.ts'
import { openServers } from './server-access.ts'

export interface ReadSide {
  readonly database: Database
  readonly reader: EventReader
  readonly codec: Codec
  readonly recordLook: RecordLook
}

/** Opens both servers for the work and lets go of them afterwards; acts that were noted meanwhile get into the record. */
export async function withReadSide(
  config: Config,
  logger: Logger,
  work: (readSide: ReadSide) => Promise<number>,
): Promise<number> {
  await using reached = new AsyncDisposableStack()
  const { store, database, codec } = await openServers(config, logger, reached)
  const recordAct = createActRecorder({ store, codec, clock: systemClock })
  const recordLook = createAccessRecorder({ store, codec, clock: systemClock })
  try {
    return await work({ database, reader: readerOf(store), codec, recordLook })
  } finally {
    await recordNotedActs({ database, recordAct, logger })
  }
}
