import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../src/events/codec.ts'
import { LEDGER_STREAM } from '../../src/events/stream-names.ts'
import { isInLedger, leafText } from '../../src/ledger/tree-leaf.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import { stream } from '../support/examples.ts'

describe('a leaf', () => {
  const event: StoredEvent = {
    stream,
    revision: toRevision(3),
    position: toPosition(2n ** 60n + 1n),
    eventId: '0199d0a0-0000-7000-8000-000000000001',
    type: 'MessageSent',
    created: new Date('2026-11-23T19:00:00.000Z'),
    data: { text: 'ö', messageId: 'm1' },
    metadata: { schemaVersion: 1 },
  }

  it('is the canonical JSON of the event as it is stored, positions as text', () => {
    expect(leafText(event)).toBe(
      `{"created":"2026-11-23T19:00:00.000Z","data":{"messageId":"m1","text":"ö"},"eventId":"${event.eventId}",` +
        `"metadata":{"schemaVersion":1},"position":"1152921504606846977","revision":"3","stream":"${stream}","type":"MessageSent"}`,
    )
  })

  it('holds binary data in base64, and says so', () => {
    const binary = leafText({ ...event, data: Uint8Array.of(1, 2, 255) })
    expect(binary).toContain('"binary":["data"],')
    expect(binary).toContain('"data":"AQL/"')
    expect(leafText({ ...event, data: 'AQL/' })).not.toContain('binary')
  })

  it('is every event but those of drafts and of the store itself', () => {
    const streams = [
      stream,
      'user-1',
      'access-2026-11',
      'd',
      'dr',
      'draft',
      'drafts',
      LEDGER_STREAM,
      'projection-x',
      'ä',
    ]
    for (const name of streams) expect(isInLedger(name)).toBe(true)
    for (const name of ['draft-1', '$settings', '$$conversation-1']) expect(isInLedger(name)).toBe(false)
  })
})
