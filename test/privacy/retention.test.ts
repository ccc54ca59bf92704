import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { verifyLog } from '../../src/audit/log-verification.ts'
import { createCodec } from '../../src/events/codec.ts'
import type { RecordEvent } from '../../src/events/event-catalogue.ts'
import { parseRetentionRules } from '../../src/events/retention-rules.ts'
import {
  attachmentIdOf,
  attachmentScope,
  attachmentStream,
  conversationIdOf,
  conversationStream,
  retentionStream,
  turnIdOf,
} from '../../src/events/stream-names.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import type { RetentionWish } from '../../src/reactors/retention.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import type { Position } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { ledgerDirectoryOfTest, newSigner, signOnce } from '../reactors/ledger-harness.ts'
import { envelope, sent } from '../support/examples.ts'
import { openPeopleStage, type People, type PeopleStage } from './people-stage.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stage: PeopleStage
beforeAll(async () => {
  stage = await openPeopleStage()
})
afterAll(() => stage.close())

const projected = (position: Position) => stage.projected(position)
const rulesOf = (text: string) => parseRetentionRules(text).rules
const wish = (text: string, more: Partial<RetentionWish> = {}): RetentionWish => ({
  rules: rulesOf(text),
  requestedBy: 'records office',
  reason: 'policy 7',
  ...more,
})
const apply = async (text: string, by: People = stage) => await by.privacy.retention.apply(wish(text))
const streamOf = (person: string, conversation = `chat-of-${person}`) =>
  conversationStream(conversationIdOf(person, conversation))

/** A conversation of that age, in the rows. */
async function talked(person: string, secret: string, options: { conversation?: string } = {}): Promise<void> {
  await projected(await stage.talk(person, secret, { isFactNoted: false, ...options }))
}

const textsOf = async (person: string) =>
  (
    await stage.database.queries.query<{ text: string }>(
      'select text from chat.message where owner_id = $1 order by position',
      [person],
    )
  ).map(({ text }) => text)

/** Every table of every schema, as text. */
async function dump(): Promise<string> {
  const client = new Client({ connectionString: stage.connectionString })
  await client.connect()
  const tables = await client.query(
    `select table_schema || '.' || table_name as name
    from information_schema.tables
    where table_type = 'BASE TABLE'
      and table_schema not in ('pg_catalog', 'information_schema')
    order by 1`,
  )
  let text = ''
  for (const { name } of tables.rows) {
    const { rows } = await client.query(`select t::text as line from ${name} as t order by 1`)
    text += rows.map(({ line }) => `${name} ${line}\n`).join('')
  }
  await client.end()
  return text
}

/** What anybody with all keys that are left can read, of streams whose names begin so. */
async function replay(prefix: string): Promise<string> {
  const reader = await stage.another()
  const ending = new AbortController()
  let text = ''
  for await (const delivery of reader.store.subscribeToAll({
    after: 'start',
    streamPrefixes: [prefix],
    signal: ending.signal,
  })) {
    if (delivery.kind === 'caught-up') break
    if (delivery.kind !== 'event') continue
    const { type, stream, data, erased } = await reader.codec.decode(delivery.event)
    text += `${stream} ${type} ${JSON.stringify(data)} ${erased.join()}\n`
  }
  ending.abort()
  await reader.close()
  return text
}

async function eventsOf(stream: string) {
  const events = []
  for await (const event of stage.store.readStream(stream)) events.push(await stage.codec.decode(event))
  return events
}

async function counts(): Promise<unknown> {
  const models = ['conversation', 'message', 'turn', 'routing_decision', 'feedback', 'feedback_event', 'profile_fact']
  const rows = await Promise.all(
    models.map((model) =>
      stage.database.queries.query(`select '${model}' as model, count(*) as count from chat.${model}`),
    ),
  )
  const [messages] = await stage.database.queries.query('select sum(message_count) as messages from chat.conversation')
  return { rows, messages }
}

/** Waits until all that was recorded of a person's conversation is in the rows. */
async function caughtUp(person: string): Promise<void> {
  const [last] = await stage.store.readStreamBackwards(streamOf(person), 1)
  await projected(last?.position as Position)
}

const dumpOfChat = async () =>
  (await dump())
    .split('\n')
    .filter((line) => !/^(emberlog\.checkpoint|vault\.retention) /.test(line))
    .join('\n')

describe('a rule for conversations', () => {
  const old = ['Aq1lantern', 'Bq2lantern', 'Cq3lantern']
  const young = 'Dq4lantern'
  let before: unknown
  const signer = newSigner()
  let ledger: Awaited<ReturnType<typeof ledgerDirectoryOfTest>>

  beforeAll(async () => {
    ledger = await ledgerDirectoryOfTest()
    for (const [index, secret] of old.entries()) await talked(`old-${index}`, secret)
    stage.passDays(20)
    await talked('young', young)
    stage.passDays(15)
    await signOnce(stage.store, ledger.directory, [signer])
    before = await counts()
  })
  afterAll(() => ledger.remove())

  const verify = () =>
    verifyLog({
      reader: stage.store,
      codec: createCodec(),
      ledger: openLedgerReader(ledger.directory),
      keys: [signer.verifier],
      outside: [],
    })

  it('shows what it would be applied to, and changes nothing', async () => {
    const [position, rows] = [await stage.store.lastPosition(), await dumpOfChat()]
    expect(await stage.privacy.retention.look(rulesOf('conversation=30d'))).toMatchObject([
      { name: 'conversation', ageDays: 30, due: 3, held: 0, outOfReach: 0 },
    ])
    expect(await stage.privacy.retention.look(rulesOf('conversation=36d,image=1d'))).toMatchObject([
      { name: 'conversation', due: 0 },
      { name: 'image', due: 0 },
    ])
    expect(await stage.store.lastPosition()).toBe(position)
    expect(await dumpOfChat()).toBe(rows)
  })

  it('leaves nothing to be read of what is old enough, every count as it was, and the rest as it was', async () => {
    const drafts = await replay('draft-')
    expect(drafts).toContain(old[0])
    expect(await apply('conversation=30d')).toMatchObject([{ name: 'conversation', due: 3, held: 0 }])
    for (const index of old.keys()) await caughtUp(`old-${index}`)
    const rows = await dump()
    for (const secret of old) for (const form of [secret, secret.toLowerCase()]) expect(rows).not.toContain(form)
    expect(rows).toContain(young)
    const record = (await replay('conversation-')) + (await replay('draft-'))
    for (const secret of old) expect(record).not.toContain(secret)
    expect(record).toContain(young)
    expect(await counts()).toEqual(before)
    expect(await textsOf('old-0')).toEqual(['', ''])
    expect(stage.logged.join('\n')).not.toMatch(/lantern/)
  })

  it('says so in each conversation and once for the batch: rule, age, reason, who, and until when', async () => {
    const expired = (await eventsOf(streamOf('old-1'))).at(-1)
    expect(expired).toMatchObject({
      type: 'ConversationExpired',
      data: { rule: 'conversation', ageDays: 30, reason: 'policy 7' },
      envelope: { actor: { kind: 'operator', id: 'records office' } },
    })
    const { batchId, until } = (expired?.data ?? {}) as { batchId: string; until: string }
    const month = new Date(new Date(until).getTime() + 30 * 24 * 60 * 60_000)
    const applied = (await eventsOf(retentionStream(month))).filter(({ type }) => type === 'RetentionApplied')
    expect(applied.map(({ data }) => data)).toMatchObject([
      {
        ...{ batchId, until, rule: 'conversation', ageDays: 30, keys: 3 },
        ...{ requestedBy: 'records office', reason: 'policy 7' },
        streams: [0, 1, 2].map((index) => streamOf(`old-${index}`)).sort(),
      },
    ])
  })

  it('finds nothing the second time', async () => {
    const position = await stage.store.lastPosition()
    expect(await apply('conversation=30d')).toMatchObject([{ due: 0, held: 0 }])
    expect(await stage.store.lastPosition()).toBe(position)
  })

  it('leaves a record that is what was signed', async () => {
    expect(await verify()).toMatchObject({ findingsCount: 0 })
    await signOnce(stage.store, ledger.directory, [signer])
    expect(await verify()).toMatchObject({ findingsCount: 0, areKeysGiven: true })
  })

  it('leaves read models that a rebuild from the record makes again, row for row', async () => {
    const { database, store: reader, codec } = stage
    const result = await rebuildProjections({ database, reader, codec, logger: silentLogger })
    expect(result.differing).toEqual([])
    const rows = await dump()
    for (const secret of old) expect(rows).not.toContain(secret)
  })

  it('lets a person go on with the conversation, under another key', async () => {
    const request = { ownerId: 'old-0', clientConversationId: 'chat-of-old-0' }
    const sent = await stage.gateway.sendMessage(request, { messageId: 'm2', text: 'I am back', channel: 'rest' })
    if (isRefusal(sent)) throw new Error(sent.code)
    await projected(sent.position)
    expect(await textsOf('old-0')).toEqual(['', '', 'I am back'])
    const [row] = await stage.database.queries.query(`select title from chat.conversation where owner_id = 'old-0'`)
    expect(row).toEqual({ title: 'I am back' })
    expect(await apply('conversation=30d')).toMatchObject([{ due: 0 }])
  })

  it('leaves a person who can be erased like any other', async () => {
    const receiptId = randomUUID()
    await stage.privacy.erasure.request({ receiptId, person: 'old-0', requestedBy: 'old-0', reason: 'asked for' })
    expect(await stage.privacy.erasure.finish(receiptId)).toMatchObject({ step: 'done', cleared: { conversations: 1 } })
    expect([...new Set(await textsOf('old-0'))]).toEqual([''])
    expect(await replay(streamOf('old-0'))).not.toContain('I am back')
  })
})

describe('rules by state and kind', () => {
  it('take deleted and archived conversations sooner, and leave kept kinds alone', async () => {
    const person = 'tidy'
    for (const conversation of ['open', 'put-away', 'thrown-away', 'ember-learn-1'])
      await talked(person, `Secret of ${conversation}`, { conversation })
    const at = (clientConversationId: string) => ({ ownerId: person, clientConversationId })
    await stage.gateway.archive(at('put-away'))
    const deleted = await stage.gateway.delete(at('thrown-away'))
    if (isRefusal(deleted)) throw new Error(deleted.code)
    await projected(deleted.position)
    stage.passDays(10)
    const rules = 'conversation=100d,archived=9d,deleted=5d,ember_learn=keep'
    expect(await apply(rules)).toMatchObject([
      { name: 'conversation', due: 0 },
      { name: 'archived', due: 1 },
      { name: 'deleted', due: 1 },
    ])
    stage.passDays(100)
    const text = await replay('conversation-')
    expect(text).not.toContain('Secret of put-away')
    expect(text).not.toContain('Secret of thrown-away')
    const due = (await apply(rules))?.find(({ name }) => name === 'conversation')?.due
    expect(due).toBeGreaterThan(0)
    expect((await textsOf(person)).join()).not.toContain('Secret of open')
    expect((await textsOf(person)).join()).toContain('Secret of ember-learn-1')
  })
})

describe('a key that was made since and sealed nothing', () => {
  it('keeps no old text', async () => {
    await talked('hesitant', 'A secret')
    stage.passDays(35)
    const { type, data } = sent('m2', { text: 'Never sent' })
    const context = { index: 0, person: 'hesitant' }
    await stage.codec.encode(streamOf('hesitant'), { type, data } as RecordEvent, envelope(), context)
    expect((await apply('conversation=30d'))?.[0]?.due).toBeGreaterThan(0)
    expect(await textsOf('hesitant')).toEqual(['', ''])
  })
})

describe('a hold', () => {
  const place = (person: string, conversationId: string | null) => {
    const hold = { holdId: randomUUID(), person, conversationId, placedBy: 'counsel', reason: 'case 7' }
    return stage.privacy.holds.place(hold)
  }

  it('on a person or a conversation keeps its text, counted, until it is lifted', async () => {
    await talked('suspect', 'Held lantern')
    await talked('witness', 'Held torch', { conversation: 'one' })
    await talked('witness', 'Loose torch', { conversation: 'two' })
    const onPerson = await place('suspect', null)
    const onConversation = await place('witness', conversationIdOf('witness', 'one'))
    if (isRefusal(onPerson) || isRefusal(onConversation)) throw new Error('not placed')
    stage.passDays(40)
    expect(await stage.privacy.retention.look(rulesOf('conversation=30d'))).toMatchObject([{ held: 2 }])
    expect(await apply('conversation=30d')).toMatchObject([{ held: 2 }])
    expect((await textsOf('suspect')).join()).toContain('Held lantern')
    expect((await textsOf('witness')).join()).toContain('Held torch')
    expect((await textsOf('witness')).join()).not.toContain('Loose torch')
    await stage.privacy.holds.lift(onPerson.holdId)
    await stage.privacy.holds.lift(onConversation.holdId)
    expect(await apply('conversation=30d')).toMatchObject([{ due: 2, held: 0 }])
    expect((await textsOf('suspect')).join()).not.toContain('Held lantern')
    expect(await replay(streamOf('witness', 'one'))).not.toContain('Held torch')
  })

  it('comes either before the keys go, or is refused while they do', async () => {
    await talked('hurried', 'A secret')
    stage.passDays(40)
    const item = { scope: streamOf('hurried'), person: 'hurried', revision: 4n }
    const order = { batchId: randomUUID(), rule: 'conversation', ageDays: 30, until: new Date() }
    const batch = { ...order, requestedBy: 'test', reason: 'test' }
    expect((await stage.vault.retention.begin(batch, [item])).items).toEqual([item])
    expect(await place('hurried', null)).toMatchObject({ code: 'retention-under-way' })
    expect(await place('hurried', conversationIdOf('hurried', 'another'))).toMatchObject({ person: 'hurried' })
    await expect(stage.vault.retention.begin({ ...batch, batchId: randomUUID() }, [])).rejects.toThrow('retention-busy')
    await stage.privacy.retention.finish()
    expect(await textsOf('hurried')).toEqual(['', ''])
    expect(await place('hurried', null)).toMatchObject({ person: 'hurried' })
  })

  it('that stands when a batch begins leaves the conversation out of it', async () => {
    await talked('early', 'A secret')
    await place('early', null)
    stage.passDays(40)
    const item = { scope: streamOf('early'), person: 'early', revision: 4n }
    const order = { batchId: randomUUID(), rule: 'conversation', ageDays: 30, until: new Date() }
    const batch = await stage.vault.retention.begin({ ...order, requestedBy: 'test', reason: 'test' }, [item])
    expect(batch.items).toEqual([])
    await stage.privacy.retention.finish()
    expect(await stage.vault.retention.underWay()).toBeUndefined()
    expect(await textsOf('early')).toEqual(['I say A secret', 'You said A secret'])
  })
})

describe('whoever writes at the very moment of a rule', () => {
  const message = (person: string) => (by: People, messageId: string, text: string) =>
    by.gateway.sendMessage(
      { ownerId: person, clientConversationId: `chat-of-${person}` },
      { messageId, text, channel: 'rest' },
    )
  const begun = async (person: string) => {
    const items = [{ scope: streamOf(person), person, revision: 4n }]
    const order = { batchId: randomUUID(), rule: 'conversation', ageDays: 30, until: new Date() }
    return await stage.vault.retention.begin({ ...order, requestedBy: 'test', reason: 'test' }, items)
  }

  it('before the conversation says so keeps all of it', async () => {
    await talked('just-in-time', 'A secret')
    await begun('just-in-time')
    const sent = await message('just-in-time')(stage, 'm2', 'Still here')
    if (isRefusal(sent)) throw new Error(sent.code)
    await projected(sent.position)
    await stage.privacy.retention.finish()
    expect(await textsOf('just-in-time')).toEqual(['I say A secret', 'You said A secret', 'Still here'])
    expect((await eventsOf(streamOf('just-in-time'))).map(({ type }) => type)).not.toContain('ConversationExpired')
    const again = await message('just-in-time')(stage, 'm3', 'And again')
    expect(again).toMatchObject({ kind: 'accepted' })
  })

  it('afterwards, in a process that has the old key in memory, loses nothing of what is new', async () => {
    const other = await stage.another()
    await talked('too-late', 'A secret')
    const rated = await other.gateway.rename(
      { ownerId: 'too-late', clientConversationId: 'chat-of-too-late' },
      { title: 'Sealed by the other process' },
    )
    if (isRefusal(rated)) throw new Error(rated.code)
    await projected(rated.position)
    const items = [{ scope: streamOf('too-late'), person: 'too-late', revision: 5n }]
    const order = { batchId: randomUUID(), rule: 'conversation', ageDays: 30, until: new Date() }
    await stage.vault.retention.begin({ ...order, requestedBy: 'test', reason: 'test' }, items)
    await stage.privacy.retention.finish()
    const sent = await message('too-late')(other, 'm2', 'This is new')
    if (isRefusal(sent)) throw new Error(sent.code)
    await projected(sent.position)
    expect(await textsOf('too-late')).toEqual(['', '', 'This is new'])
    await other.close()
  })
})

describe('an application', () => {
  it.each(['the marking', 'the keys', 'the rows', 'the record'])(
    'that is cut short at %s goes on where it stopped, in another process, and is recorded once',
    async (step) => {
      const person = `cut-at-${step.slice('the '.length)}`
      await talked(person, `Secret of ${person}`)
      stage.passDays(40)
      const broken = () => Promise.reject(new Error(`cut short at ${step}`))
      const { append } = stage.store
      const appending = (streams: RegExp) =>
        vi
          .spyOn(stage.store, 'append')
          .mockImplementation((stream, ...rest) => (streams.test(stream) ? broken() : append(stream, ...rest)))
      const spies = {
        'the marking': () => appending(/^conversation-/),
        'the keys': () => vi.spyOn(stage.vault.retention, 'destroyKeys').mockImplementationOnce(broken),
        'the record': () => appending(/^retention-/),
      }
      const spy = step === 'the rows' ? undefined : spies[step as keyof typeof spies]()
      const privacy = stage.newPrivacy(() => {
        if (step === 'the rows') throw new Error(`cut short at ${step}`)
      })
      await expect(privacy.retention.apply(wish('conversation=30d'))).rejects.toThrow(`cut short at ${step}`)
      spy?.mockRestore()
      const batchId = (await stage.vault.retention.underWay())?.batchId
      const other = await stage.another()
      await other.privacy.retention.finish()
      await other.close()
      await caughtUp(person)
      expect(await stage.vault.retention.underWay()).toBeUndefined()
      expect(await textsOf(person)).toEqual(['', ''])
      expect(await dump()).not.toContain(`Secret of ${person}`)
      const record = (await replay('conversation-')) + (await replay('draft-')) + (await replay('retention-'))
      expect(record).not.toContain(`Secret of ${person}`)
      const isSaid = (line: string) => line.startsWith(streamOf(person)) || line.startsWith('retention-')
      const said = record.split('\n').filter((line) => isSaid(line) && batchId !== undefined && line.includes(batchId))
      expect(said.map((line) => line.split(' ')[1])).toEqual(['ConversationExpired', 'RetentionApplied'])
    },
  )

  it('is made by one process at a time, and by none again before its time', async () => {
    const other = await stage.another()
    const appliedBefore = new Date(Date.now() - 60_000)
    const holder = randomUUID()
    expect(await other.vault.retention.claim(holder)).toBe(true)
    expect(await apply('conversation=30d')).toBeUndefined()
    await other.vault.retention.release(holder, { isDone: true })
    expect(await stage.privacy.retention.apply(wish('conversation=30d'), { appliedBefore })).toBeUndefined()
    expect(await apply('conversation=30d')).toBeDefined()
    await expect(other.vault.retention.renew(holder)).rejects.toThrow('retention-busy')
    await other.close()
  })

  it('takes more than one batch where there is more', async () => {
    const people = Array.from({ length: 120 }, (_, index) => `many-${index}`)
    for (let from = 0; from < people.length; from += 20) {
      await Promise.all(
        people.slice(from, from + 20).map((person) => stage.talk(person, `Many ${person}.`, { isFactNoted: false })),
      )
    }
    for (const person of people) await caughtUp(person)
    stage.passDays(40)
    const done: number[] = []
    const found = await stage.privacy.retention.apply(wish('conversation=30d'), {
      onProgress: (count) => done.push(count),
    })
    expect(found?.[0]?.due).toBeGreaterThanOrEqual(120)
    expect(done.length).toBeGreaterThan(1)
    expect(await dump()).not.toContain('Many many-')
  })
})

describe('a rule for attachments', () => {
  const picture = { mediaType: 'image/svg+xml', bytes: Buffer.from('<svg>A lantern</svg>') }
  async function drawn(person: string) {
    await talked(person, `Draw for ${person}`)
    const conversationId = conversationIdOf(person, `chat-of-${person}`)
    const turnId = turnIdOf(conversationId, 'm1')
    const source = { ownerId: person, conversationId, turnId, agent: 'image' }
    return await stage.belongings.attachments.store(source, 1, picture)
  }
  const read = async (person: string, attachmentId: string) => {
    const other = await stage.another()
    const found = await other.belongings.attachments.read(person, attachmentId)
    await other.close()
    return found?.bytes.toString()
  }

  it('takes what is old and leaves the conversation', async () => {
    const attachmentId = await drawn('painter')
    stage.passDays(6)
    expect(await stage.privacy.retention.look(rulesOf('attachment=7d'))).toMatchObject([{ due: 0, held: 0 }])
    stage.passDays(2)
    expect(await stage.privacy.retention.look(rulesOf('attachment=7d'))).toMatchObject([{ due: 1, held: 0 }])
    expect(await read('painter', attachmentId)).toBe(picture.bytes.toString())
    expect(await apply('attachment=7d')).toMatchObject([{ name: 'attachment', due: 1 }])
    expect(await read('painter', attachmentId)).toBeUndefined()
    expect((await textsOf('painter')).join()).toContain('Draw for painter')
  })

  it('is not needed for those of a conversation that goes: they go with it', async () => {
    const attachmentId = await drawn('drawer')
    stage.passDays(40)
    await apply('conversation=30d')
    expect(await read('drawer', attachmentId)).toBeUndefined()
  })

  it('leaves those of a held conversation', async () => {
    const attachmentId = await drawn('etcher')
    const hold = { holdId: randomUUID(), person: 'etcher', placedBy: 'counsel', reason: 'case 7' }
    await stage.privacy.holds.place({ ...hold, conversationId: conversationIdOf('etcher', 'chat-of-etcher') })
    stage.passDays(40)
    expect(await apply('attachment=7d')).toMatchObject([{ held: 1 }])
    expect(await read('etcher', attachmentId)).toBe(picture.bytes.toString())
  })
})

describe('text from before there were such keys', () => {
  it('is told apart before anything is done: it can only go with its person', async () => {
    const person = 'ancient'
    await talked(person, 'An old secret')
    const conversationId = conversationIdOf(person, 'chat-of-ancient')
    const turnId = turnIdOf(conversationId, 'm1')
    const attachment = { mediaType: 'image/png', name: 'old', reference: attachmentIdOf(turnId, 1) }
    await stage.database.queries.query('update chat.message set attachments = $2 where owner_id = $1 and role = $3', [
      person,
      JSON.stringify([attachment]),
      'assistant',
    ])
    const stream = attachmentStream(person, attachment.reference)
    await stage.database.vault.withConnection(({ query }) =>
      query('delete from vault.data_key where conversation = $1', [streamOf(person)]),
    )
    expect(await stage.vault.retention.withKeys([attachmentScope(conversationId, stream)])).toEqual(new Set())
    stage.passDays(40)
    const outlook = await stage.privacy.retention.look(rulesOf('conversation=30d,attachment=30d'))
    expect(outlook.map(({ name, outOfReach }) => [name, outOfReach])).toEqual([
      ['conversation', 1],
      ['attachment', 1],
    ])
  })
})
