/** Hands a command what erases, exports, holds and lets age the records of people. */
import { createCommandHandler } from '../commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../commands/conversation-decider.ts'
import { createSessionRecord } from '../commands/session-record.ts'
import type { Config } from '../config.ts'
import { createPrivacy, type Privacy } from '../main/privacy.ts'
import { systemClock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import { openServers } from './server-access.ts'

export interface Reached {
  readonly config: Config
  readonly privacy: Privacy
}

/** Opens both servers for the work and lets go of them afterwards. */
export async function withPrivacy(
  config: Config,
  logger: Logger,
  work: (reached: Reached) => Promise<number>,
): Promise<number> {
  await using reached = new AsyncDisposableStack()
  const { store, database, vault, codec } = await openServers(config, logger, reached)
  const parts = { store, codec, clock: systemClock }
  const sessions = createSessionRecord(parts)
  const privacy = createPrivacy({
    ...parts,
    ...{ logger, database, vault, dataDirectory: config.dataDirectory },
    conversations: createCommandHandler({ ...parts, decider: conversationDecider, personOf: ownerOf }),
    endSessions: (ownerId, begunBefore) =>
      sessions.end({ type: 'SessionsEnded', data: { ownerId, begunBefore: begunBefore.toISOString() } }),
    forgetText: () => {},
  })
  return await work({ config, privacy })
}
