/** Builds what a person may ask for about their own record, and operators for others: erasure, export, holds; and what ends by itself, with age. */
import { rm } from 'node:fs/promises'
import { createPersonExport } from '../audit/person-export.ts'
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import { createPrivacyRecord } from '../commands/privacy-record.ts'
import { createRetentionRecord } from '../commands/retention-record.ts'
import type { Codec } from '../events/codec.ts'
import { canonicalJson } from '../ledger/canonical-json.ts'
import { createConversationAges } from '../projections/conversation-ages.ts'
import type { Database } from '../projections/database.ts'
import { createPersonRows } from '../projections/person-rows.ts'
import { makeRowsAgain } from '../projections/rows-again.ts'
import { createPersonErasure } from '../reactors/person-erasure.ts'
import { createRetention } from '../reactors/retention.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Vault } from '../vault/open-vault.ts'
import { exportsOf } from './data-directory.ts'

export interface PrivacyParts {
  readonly store: EventStore
  readonly codec: Codec
  readonly clock: Clock
  readonly logger: Logger
  readonly database: Database
  readonly vault: Vault
  readonly conversations: ConversationCommandHandler
  readonly endSessions: (person: string, begunBefore: Date) => Promise<void>
  /** Forgets text that this process has in memory. */
  readonly forgetText: () => void
  readonly dataDirectory: string
}

export type Privacy = ReturnType<typeof createPrivacy>

export function createPrivacy(parts: PrivacyParts) {
  const { store, codec, clock, logger, database, vault, conversations, endSessions, dataDirectory } = parts
  const recordAct = createPrivacyRecord({ store, codec, clock })
  const personRows = createPersonRows(database)
  const makeAgain = (streams: readonly string[]) => makeRowsAgain({ database, reader: store, codec, logger }, streams)
  const forget = () => {
    codec.forgetKeys()
    parts.forgetText()
  }
  const erasure = createPersonErasure({
    ...{ erasures: vault.erasures, recordAct, conversations, store, endSessions, clock, logger },
    rows: { ...personRows, makeAgain },
    removeExports: async (person) => {
      const files = await exportsOf(dataDirectory, person)
      await Promise.all(files.map((file) => rm(file, { force: true })))
      return files.length
    },
    forget,
    sign: async (receipt) => ({ ...receipt, ...(await vault.sign(canonicalJson(receipt))) }),
  })
  const streamsOf = async (person: string) => [
    ...new Set([...(await vault.erasures.streamsOf(person)), ...(await personRows.conversationStreams(person))]),
  ]
  const retention = createRetention({
    ...{ retention: vault.retention, ages: createConversationAges(database), reader: store, clock, logger, forget },
    record: createRetentionRecord({ store, codec, clock }),
    makeRowsAgain: makeAgain,
  })
  return {
    erasure,
    retention,
    holds: vault.holds,
    recordAct,
    exportOf: createPersonExport({ reader: store, codec, clock, streamsOf }),
  }
}
