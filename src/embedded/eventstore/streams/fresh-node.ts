/** What a node writes by itself: the metadata of its own streams once, and at every start who leads from now on. */
import { randomUUID } from 'node:crypto'
import type { ProposedEvent } from '../protocol/recorded-event.ts'
import type { EventStore } from './event-store.ts'
import { METADATA_TYPE, metastreamOf } from './stream-metadata.ts'

const EPOCH_STREAM = '$epoch-information'
const SCAVENGES_STREAM = '$scavenges'
const DAYS_30_IN_S = 30 * 24 * 60 * 60
const NO_BYTES = new Uint8Array(0)

/** Metadata of the streams that tell of scavenges. */
export const SCAVENGES_METADATA = {
  $maxAge: DAYS_30_IN_S,
  $acl: { $r: ['$admins', '$ops'], $w: '$admins', $d: '$admins' },
}

/** Resolves when everything is durable. */
export async function prepareNode(store: EventStore, instanceId: string): Promise<void> {
  const epochNumber = (store.log.head(EPOCH_STREAM)?.revision ?? -1) + 1
  const epoch = { epochNumber, epochId: randomUUID(), leaderInstanceId: instanceId }
  const writes = [store.appendOwn(EPOCH_STREAM, [jsonEvent(EPOCH_STREAM, epoch)], true)]
  if (!store.log.head(metastreamOf(SCAVENGES_STREAM))) {
    writes.push(store.appendOwn(metastreamOf(SCAVENGES_STREAM), [jsonEvent(METADATA_TYPE, SCAVENGES_METADATA)]))
  }
  await Promise.all(writes)
}

function jsonEvent(type: string, data: object): ProposedEvent {
  return { id: randomUUID(), type, isJson: true, data: Buffer.from(JSON.stringify(data)), metadata: NO_BYTES }
}
