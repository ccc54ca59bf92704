/** A vault in a real Postgres, and codecs that seal with it as several processes would. */
import { randomBytes } from 'node:crypto'
import { type Codec, createCodec, type EncodedEvent, type StoredEvent } from '../../src/events/codec.ts'
import type { RecordEvent } from '../../src/events/event-catalogue.ts'
import { upcasterSteps } from '../../src/events/upcasters.ts'
import type { Database } from '../../src/projections/database.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import { createLocalKeyWrapping } from '../../src/vault/key-wrapping.ts'
import { openVault, type Vault } from '../../src/vault/open-vault.ts'
import * as the from '../support/examples.ts'

export const masterKey = createLocalKeyWrapping(randomBytes(32))

/** What a process of its own would have: the same vault, nothing in memory. */
export async function openTestVault(
  database: Database,
  { masterKeys = [masterKey], clock }: { masterKeys?: (typeof masterKey)[]; clock?: Clock } = {},
): Promise<{ readonly vault: Vault; readonly codec: Codec }> {
  const vault = await openVault({ database, masterKeys, ...(clock && { clock }) })
  return { vault, codec: createCodec({ sealer: vault.sealer, steps: upcasterSteps }) }
}

export async function encode(
  codec: Codec,
  event: RecordEvent,
  { person = the.ownerId, stream = the.stream, commandId = 'message:m1' } = {},
): Promise<EncodedEvent> {
  return codec.encode(stream, event, the.envelope({ commandId }), { index: 0, person })
}

/** The event as the store would give it back: data that went through JSON. */
export function asStored(event: EncodedEvent, stream = the.stream): StoredEvent {
  return {
    stream,
    revision: toRevision(0),
    position: toPosition(7),
    created: new Date(0),
    ...(JSON.parse(JSON.stringify(event)) as Omit<EncodedEvent, never>),
  }
}
