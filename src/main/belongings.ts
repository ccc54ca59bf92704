/** Builds what belongs to people besides conversations: facts, projects and attachments, to write and to read. */
import { attachmentDecider, createAttachmentRecord, personOfAttachment } from '../commands/attachment-record.ts'
import { createCommandHandler } from '../commands/command-handler.ts'
import { userDecider } from '../commands/user-decider.ts'
import { createUserGateway, personOfBelongings } from '../commands/user-gateway.ts'
import type { Codec } from '../events/codec.ts'
import type { Database } from '../projections/database.ts'
import { createProfileQueries } from '../projections/profile-queries.ts'
import { createProjectQueries } from '../projections/project-queries.ts'
import type { Clock } from '../shared/clock.ts'
import type { EventStore } from '../store/event-store.ts'

export interface BelongingsParts {
  readonly store: Pick<EventStore, 'append' | 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
  readonly database: Pick<Database, 'queries'>
}

export function createBelongings({ store, codec, clock, database }: BelongingsParts) {
  const handler = createCommandHandler({ store, codec, clock, decider: userDecider, personOf: personOfBelongings })
  const parts = createCommandHandler({ store, codec, clock, decider: attachmentDecider, personOf: personOfAttachment })
  const projects = createProjectQueries({ database })
  return {
    userGateway: createUserGateway(handler),
    attachments: createAttachmentRecord({ handler: parts, reader: store, codec }),
    belongings: { facts: createProfileQueries({ database }).facts, projects: projects.list },
    searchShared: projects.searchShared,
  }
}
