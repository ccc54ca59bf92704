import { expect, it } from 'vitest'
import { viewEvents } from '../../src/audit/event-view.ts'
import { replayLine } from '../../src/audit/stream-replay.ts'
import { createCodec, type StoredEvent } from '../../src/events/codec.ts'
import { erased, openSealer } from '../../src/events/sealing.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import { envelope, sent, stream } from '../support/examples.ts'

it('What was erased is shown as erased, never as empty text', async () => {
  const codec = createCodec({ sealer: { ...openSealer, openAll: async () => () => erased }, steps: {} })
  const { type, data } = sent('m1', { text: 'a secret' })
  const place = { stream, revision: toRevision(0), position: toPosition(7), eventId: 'e1', created: new Date(0) }
  const stored: StoredEvent = { ...place, type, data, metadata: envelope() }
  const [view] = await viewEvents([stored], 'content', codec)
  expect(view?.erased).toContain('text')
  expect(view && replayLine(view)).toMatch(/\(erased: .*text/)
  expect(JSON.stringify(view)).not.toContain('a secret')
})
