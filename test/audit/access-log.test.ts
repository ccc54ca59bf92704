import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { looksAt } from '../../src/audit/access-log.ts'
import { subjectOfLook } from '../../src/audit/look-subject.ts'
import { createAccessRecorder, type Look } from '../../src/commands/access-recorder.ts'
import { conversationIdOf, conversationStream, userStream } from '../../src/events/stream-names.ts'
import { append, codec } from '../reactors/ledger-harness.ts'
import { noted, started } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

const month = '2026-11'
const clock = () => new Date('2026-11-23T19:00:00.000Z')
const [adas, bobs] = [conversationIdOf('ada', 'c'), conversationIdOf('bob', 'c')]

let record: RecordHarness
beforeEach(async () => {
  record = await startRecord()
  for (const [ownerId, conversationId] of [
    ['ada', adas],
    ['bob', bobs],
  ] as const) {
    await append(record.store, conversationStream(conversationId), [started({ ownerId, conversationId })])
    await append(record.store, userStream(ownerId), [noted({ ownerId })])
  }
})
afterEach(() => record.stop())

const look = (purpose: string, what: Partial<Look['what']>): Promise<unknown> =>
  createAccessRecorder({ store: record.store, codec, clock })({
    who: 'aud',
    role: 'auditor',
    what: { kind: 'content', by: 'test', subjectId: null, conversationId: null, filters: {}, ...what },
    purpose,
  })

async function seenBy(ownerId: string) {
  const { looks, omitted } = await looksAt(record.store, codec, { ownerId, month })
  const purposes = (isMine: boolean) => looks.filter((each) => each.isMine === isMine).map(({ purpose }) => purpose)
  return { mine: purposes(true).sort(), across: purposes(false).sort(), omitted }
}

describe('the looks that a person can list', () => {
  it('are those at their record, however it was named, and those across records that may have shown it', async () => {
    await look('by name', { subjectId: 'ada' })
    await look('by name, of bob', { subjectId: 'bob' })
    await look('by conversation', { conversationId: adas })
    await look('by conversation, of bob', { conversationId: bobs })
    await look('by stream of facts', { filters: { stream: userStream('ada') } })
    await look('by stream of facts, of bob', { filters: { stream: userStream('bob') } })
    await look('across', { filters: { type: 'MessageSent' } })
    await look('at who looked', { filters: { stream: 'access-2026-11' } })
    await look('at what operators did', { filters: { stream: 'projection-chat' } })
    const across = ['across', 'at who looked']
    expect(await seenBy('ada')).toMatchObject({ mine: ['by conversation', 'by name', 'by stream of facts'], across })
    expect(await seenBy('bob')).toMatchObject({
      mine: ['by conversation, of bob', 'by name, of bob', 'by stream of facts, of bob'],
      across,
    })
    expect(await seenBy('carol')).toMatchObject({ mine: [], across })
  })

  it('are not hidden behind many looks across records; what is left out is counted', async () => {
    await look('the one', { subjectId: 'ada' })
    for (let number = 0; number < 205; number += 1) await look(`across ${number}`, {})
    const seen = await seenBy('ada')
    expect(seen.mine).toEqual(['the one'])
    expect(seen.across).toHaveLength(200)
    expect(seen.across).not.toContain('across 4')
    expect(seen.omitted).toEqual({ mine: 0, across: 5 })
  })
})

describe('the person whose record a look is at', () => {
  it.each([
    ['a conversation', { stream: conversationStream(adas) }, { subjectId: 'ada', conversationId: adas }],
    ['a stream of facts', { stream: userStream('bob') }, { subjectId: 'bob', conversationId: null }],
    ['a stream that is not there', { stream: 'conversation-nowhere' }, { subjectId: null, conversationId: null }],
    ['a stream of nobody', { stream: 'ledger-checkpoints' }, { subjectId: null, conversationId: null }],
    ['a person as actor', { actor: 'user:ada' }, { subjectId: 'ada', conversationId: null }],
    ['an id as actor', { actor: 'ada' }, { subjectId: 'ada', conversationId: null }],
    ['an agent as actor', { actor: 'agent:learning' }, { subjectId: null, conversationId: null }],
    ['an agent’s bare name', { actor: 'learning' }, { subjectId: null, conversationId: null }],
    [
      'a conversation that is not there yet',
      { stream: conversationStream(conversationIdOf('carol', 'c')), owner: 'carol' },
      { subjectId: 'carol', conversationId: conversationIdOf('carol', 'c') },
    ],
    [
      'a stream, whatever is said of it',
      { stream: conversationStream(adas), owner: 'bob' },
      { subjectId: 'ada', conversationId: adas },
    ],
    [
      'everything, also with an owner that it is not narrowed to',
      { owner: 'ada' },
      { subjectId: null, conversationId: null },
    ],
    ['everything', {}, { subjectId: null, conversationId: null }],
  ])('is found by %s', async (_what, asked, expected) => {
    expect(await subjectOfLook(record.store, asked)).toEqual(expected)
  })
})
