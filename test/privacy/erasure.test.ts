import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { verifyLog } from '../../src/audit/log-verification.ts'
import { ProtobufReader } from '../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { createCodec } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, turnIdOf, userStream } from '../../src/events/stream-names.ts'
import { canonicalJson } from '../../src/ledger/canonical-json.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { BatchWriter } from '../../src/projections/batch-writer.ts'
import { findLiveGeneration } from '../../src/projections/generations.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { makeRowsAgain } from '../../src/projections/rows-again.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import type { Position } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { Erasure } from '../../src/vault/erasure-store.ts'
import { isSignatureValid, type Signature } from '../../src/vault/receipt-signer.ts'
import { WireClient } from '../contracts/wire-client.ts'
import { ledgerDirectoryOfTest, newSigner, signOnce } from '../reactors/ledger-harness.ts'
import { openPeopleStage, type PeopleStage } from './people-stage.ts'

vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 })

let stage: PeopleStage
beforeAll(async () => {
  stage = await openPeopleStage()
})
afterAll(() => stage.close())

const projected = (position: Position) => stage.projected(position)

async function erase(person: string, privacy = stage.privacy): Promise<Erasure> {
  const wish = { receiptId: randomUUID(), person, requestedBy: person, reason: 'asked for' }
  const requested = await privacy.erasure.request(wish)
  if (isRefusal(requested)) throw new Error(requested.code)
  const done = await privacy.erasure.finish(requested.receiptId)
  if (done === undefined || isRefusal(done)) throw new Error('not done')
  return done
}

/** Every table of every schema, as text. */
async function dump(): Promise<string> {
  const client = new Client({ connectionString: stage.connectionString })
  await client.connect()
  const tables = await client.query(
    `select table_schema || '.' || table_name as name
    from information_schema.tables
    where table_type = 'BASE TABLE'
      and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  let text = ''
  for (const { name } of tables.rows) {
    const { rows } = await client.query(`select t::text as line from ${name} as t`)
    text += rows.map(({ line }) => `${name} ${line}\n`).join('')
  }
  await client.end()
  return text
}

/** What of these is in any file below a directory. */
async function foundInFiles(directory: string, needles: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const name of await readdir(directory, { recursive: true })) {
    const file = path.join(directory, name)
    if (!(await stat(file)).isFile()) continue
    const bytes = await readFile(file)
    for (const needle of needles) if (bytes.includes(needle)) found.add(needle)
  }
  return [...found]
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

async function scavenge(): Promise<void> {
  const wire = new WireClient(stage.eventStore.connectionString)
  const call = wire.call('operations.Operations/StartScavenge').send(Buffer.alloc(0))
  call.stream.end()
  await call.status
  const reader = new ProtobufReader(call.messages[0] ?? Buffer.alloc(0))
  let id = ''
  while (reader.next()) if (reader.field === 1) id = reader.string()
  const ending = new AbortController()
  const tooLong = setTimeout(() => ending.abort(), 60_000)
  for await (const event of stage.store.subscribeToStream(`$scavenges-${id}`, { signal: ending.signal })) {
    if (event.type === '$scavengeCompleted') break
  }
  expect(ending.signal.aborted).toBe(false)
  clearTimeout(tooLong)
  ending.abort()
  await wire.close()
}

describe('erasing one of a thousand people', () => {
  const PEOPLE = Number(process.env['EMBERLOG_TEST_PEOPLE'] ?? 1_000)
  const somebody = `person-${PEOPLE / 2}`
  const gone = 'Kx7rosebudQ'

  it('leaves nothing of their text anywhere, and every count and everybody else’s text as it was', async () => {
    const people = Array.from({ length: PEOPLE }, (_, index) => `person-${index}`)
    const secretOf = (person: string) => (person === somebody ? gone : `secretof${person.replace('-', '')}`)
    let last = 0n as Position
    for (let from = 0; from < people.length; from += 50) {
      const positions = await Promise.all(
        people.slice(from, from + 50).map((person) => stage.talk(person, secretOf(person))),
      )
      for (const position of positions) if (position > last) last = position
    }
    await projected(last)
    const ledger = await ledgerDirectoryOfTest()
    const signer = newSigner()
    await signOnce(stage.store, ledger.directory, [signer])
    const before = await counts()
    const dumpBefore = await dump()
    expect(dumpBefore).toContain(gone)
    expect(dumpBefore).toContain('secretofperson7')

    const erased = await erase(somebody)
    expect(erased.cleared).toMatchObject({ conversations: 1, drafts: 1, generations: 1 })
    await scavenge()

    const after = await dump()
    expect(after).not.toContain(gone)
    expect(after).not.toContain(gone.toLowerCase()) // As a search index folds it.
    expect(after.match(/secretofperson\d+\b/g)?.length).toBe(dumpBefore.match(/secretofperson\d+\b/g)?.length)
    expect(await counts()).toEqual(before)

    // The search proves itself with an id, which is not sealed.
    const files = path.join(stage.directory, 'eventstore')
    expect(await foundInFiles(files, [gone, 'secretofperson7', somebody])).toEqual([somebody])
    expect(stage.logged.join('\n')).not.toMatch(new RegExp(`${gone}|secretof`))

    await stage.database.queries.withConnection(async ({ query, script }) => {
      const tables = await query<{ name: string }>(
        `select schemaname || '.' || tablename as name from pg_tables where schemaname like 'chat_g%'`,
      )
      for (const { name } of tables) await script(`vacuum (full) ${name}`)
      await script('checkpoint')
    })
    const base = path.join(stage.directory, 'postgres')
    const tables = (await readdir(base, { recursive: true })).find((name) => name.endsWith('/base') || name === 'base')
    expect(await foundInFiles(path.join(base, tables ?? ''), [gone, 'secretofperson7'])).toEqual(['secretofperson7'])

    await signOnce(stage.store, ledger.directory, [signer])
    const verified = await verifyLog({
      ...{ reader: stage.store, codec: createCodec(), ledger: openLedgerReader(ledger.directory), outside: [] },
      keys: [signer.verifier],
    })
    expect(verified).toMatchObject({ findingsCount: 0, unsigned: 1 })
    expect(verified.leaves).toBeGreaterThan(PEOPLE * 5)
    await ledger.remove()
  })

  it('leaves read models that a rebuild from the record makes again, row for row', async () => {
    const result = await rebuildProjections({
      database: stage.database,
      reader: stage.store,
      codec: stage.codec,
      logger: silentLogger,
    })
    expect(result.differing).toEqual([])
    expect(await dump()).not.toContain(gone)
  })

  it('gives a receipt that anybody can check, and that fits nothing else', async () => {
    const erased = await erase('person-1')
    const receipt = erased.receipt as Record<string, unknown> & Signature
    const { algorithm, publicKey, signature, ...said } = receipt
    expect(said).toMatchObject({ receiptId: erased.receiptId, subjectId: 'person-1', cleared: { conversations: 1 } })
    expect(isSignatureValid(canonicalJson(said), { algorithm, publicKey, signature })).toBe(true)
    const other = { ...said, subjectId: 'person-2' }
    expect(isSignatureValid(canonicalJson(other), { algorithm, publicKey, signature })).toBe(false)
  })
})

const streamOf = (person: string) => conversationStream(conversationIdOf(person, `chat-of-${person}`))

const textsOf = (person: string) =>
  stage.database.queries.query<{ text: string; erased: boolean }>(
    'select text, is_erased as erased from chat.message where owner_id = $1 order by position',
    [person],
  )

async function erasuresOf(person: string): Promise<number> {
  let count = 0
  for await (const event of stage.store.readStream(userStream(person))) if (event.type === 'PersonErased') count += 1
  return count
}

describe('rows that are made anew', () => {
  it('are not written over by a writer that loaded them before', async () => {
    const person = 'loaded-before'
    await projected(await stage.talk(person, 'a secret'))
    const { database, codec, store } = stage
    const live = await findLiveGeneration(database.queries)
    if (live === undefined) throw new Error('no generation is live')
    const target = { generation: live.number, schema: live.schema, partition: 0, states: ['live'] as const }
    const late = await database.queries.withConnection(async (connection) => {
      let loaded: Promise<() => Promise<void>> | undefined
      const load = async () => {
        const writer = await BatchWriter.open(connection, target)
        const prepared = await writer.prepare({ events: [], parked: [], position: writer.position })
        return () => writer.commit(prepared)
      }
      const reader = {
        ...store,
        readStream: (...args: Parameters<typeof store.readStream>) => {
          loaded ??= load()
          return store.readStream(...args)
        },
        readStreamBackwards: async (...args: Parameters<typeof store.readStreamBackwards>) => {
          await loaded
          return await store.readStreamBackwards(...args)
        },
      }
      await makeRowsAgain({ database, reader, codec, logger: silentLogger }, [streamOf(person), userStream(person)])
      const commit = await loaded
      return await commit?.().catch((error: unknown) => error)
    })
    expect(late).toMatchObject({ code: 'checkpoint-moved' })
  })
})

describe('an erasure', () => {
  it.each(['the record', 'the conversations', 'the rows', 'the signing'])(
    'that is cut short at %s goes on where it stopped, and is recorded once',
    async (step) => {
      const person = `cut-short-${step.slice('the '.length)}`
      await projected(await stage.talk(person, 'a secret'))
      const privacy = stage.newPrivacy()
      const broken = () => Promise.reject(new Error(`cut short at ${step}`))
      const spies = {
        'the record': () => vi.spyOn(stage.store, 'append').mockImplementationOnce(broken),
        'the conversations': () => vi.spyOn(stage.conversations, 'load').mockImplementationOnce(broken),
        'the rows': () => vi.spyOn(stage.store, 'readStreamBackwards').mockImplementationOnce(broken),
        'the signing': () => vi.spyOn(stage.vault, 'sign').mockImplementationOnce(broken),
      }
      const spy = spies[step as keyof typeof spies]()
      const wish = { receiptId: randomUUID(), person, requestedBy: 'an operator', reason: 'asked for' }
      await privacy.erasure.request(wish)
      await expect(privacy.erasure.finish(wish.receiptId)).rejects.toThrow(`cut short at ${step}`)
      spy.mockRestore()
      const again = await privacy.erasure.request({ ...wish, receiptId: randomUUID() })
      expect(again).toMatchObject({ receiptId: wish.receiptId })
      expect(await stage.newPrivacy().erasure.finish()).toMatchObject({ step: 'done', receiptId: wish.receiptId })
      expect(await erasuresOf(person)).toBe(1)
      expect(await textsOf(person)).toEqual([
        { text: '', erased: true },
        { text: '', erased: true },
      ])
    },
  )

  it('waits until a hold is lifted, and destroys nothing while one stands', async () => {
    await projected(await stage.talk('held', 'a secret'))
    const holdId = randomUUID()
    const hold = { holdId, person: 'held', conversationId: null, placedBy: 'counsel', reason: 'case 7' }
    await stage.privacy.holds.place(hold)
    const wish = { receiptId: randomUUID(), person: 'held', requestedBy: 'held', reason: 'asked for' }
    expect(await stage.privacy.erasure.request(wish)).toMatchObject({ kind: 'refusal', code: 'legal-hold' })
    await stage.privacy.holds.lift(holdId)
    await stage.privacy.erasure.request(wish)
    await expect(stage.privacy.holds.place(hold)).resolves.toMatchObject({ code: 'person-being-erased' })
    expect(await stage.privacy.erasure.finish(wish.receiptId)).toMatchObject({ step: 'done' })
  })

  it('seals nothing of the person while it is under way, and with another key afterwards', async () => {
    await projected(await stage.talk('returning', 'a secret'))
    const wish = { receiptId: randomUUID(), person: 'returning', requestedBy: 'returning', reason: 'asked for' }
    const requested = (await stage.vault.erasures.request(wish)) as Erasure
    await stage.vault.erasures.destroyKeys(requested)
    stage.codec.forgetKeys()
    const request = { ownerId: 'returning', clientConversationId: 'chat-of-returning' }
    const message = { messageId: 'm2', text: 'I am back', channel: 'rest' } as const
    await expect(stage.gateway.sendMessage(request, message)).rejects.toThrow('person-being-erased')
    await stage.privacy.erasure.finish(wish.receiptId)
    const sent = await stage.gateway.sendMessage(request, message)
    if (isRefusal(sent)) throw new Error(sent.code)
    await projected(sent.position)
    expect((await textsOf('returning')).map(({ text }) => text)).toEqual(['', '', 'I am back'])
  })

  it('ends answers that are being written, so that nothing more comes of them', async () => {
    const request = { ownerId: 'asking', clientConversationId: 'open' }
    const sent = await stage.gateway.sendMessage(request, { messageId: 'm1', text: 'A question', channel: 'rest' })
    if (isRefusal(sent)) throw new Error(sent.code)
    await projected(sent.position)
    expect((await erase('asking')).cleared).toMatchObject({ openTurns: 1 })
    const conversationId = conversationIdOf('asking', 'open')
    const { openTurns, turns } = await stage.conversations.load(conversationStream(conversationId))
    expect([...openTurns]).toEqual([])
    expect(turns.get(turnIdOf(conversationId, 'm1'))?.outcome).toBe('stopped')
  })

  it('of somebody who never wrote anything is done all the same', async () => {
    expect(await erase('nobody')).toMatchObject({ step: 'done', keyId: null, cleared: { conversations: 0, rows: 0 } })
  })
})
