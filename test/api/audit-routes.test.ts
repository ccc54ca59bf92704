import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import { accessStream, conversationIdOf, conversationStream, turnIdOf } from '../../src/events/stream-names.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { hashLeaf } from '../../src/ledger/tree-hash.ts'
import { isConsistent, isIncluded } from '../../src/ledger/tree-proofs.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { EventStore } from '../../src/store/event-store.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { ledgerDirectoryOfTest, newSigner, signOnce } from '../reactors/ledger-harness.ts'
import { type ApiFixture, type Person, startApi } from './api-fixture.ts'
import { routesOf } from './route-table.ts'

const purpose = { 'x-audit-purpose': 'case 4711' }
const signer = newSigner()

let api: ApiFixture
let store: EventStore
let embedded: Awaited<ReturnType<typeof startEmbeddedEventStore>>
let ledger: Awaited<ReturnType<typeof ledgerDirectoryOfTest>>
let ada: Person
let auditor: Person
let operator: Person
let firstSize = 0

beforeAll(async () => {
  embedded = await startEmbeddedEventStore({ inMemory: true })
  store = openEventStoreDb({ connectionString: embedded.connectionString, logger: silentLogger })
  ledger = await ledgerDirectoryOfTest()
  api = await startApi({ record: embedded.connectionString, ledgerDirectory: ledger.directory })
  ada = await api.signIn('ada')
  auditor = await api.signIn('aud', ['auditor'])
  operator = await api.signIn('ops', ['operator'])
  for (const text of ['first secret', 'second secret', 'third secret']) {
    await ada.send('POST', '/me/conversations/c1/messages', { text })
  }
  await signOnce(store, ledger.directory, [signer])
  firstSize = sizeOf((await auditor.get('/audit/ledger/checkpoint')).body)
  await ada.send('POST', '/me/conversations/c1/messages', { text: 'fourth secret' })
  await signOnce(store, ledger.directory, [signer])
})
afterAll(async () => {
  await api?.close()
  await store?.close()
  await embedded?.stop()
  await ledger?.remove()
})

const stream = conversationStream(conversationIdOf('ada', 'c1'))
const sizeOf = (note: string) => Number(note.split('\n')[1])

async function looks(): Promise<
  { who: string; what: { kind: string; by: string; subjectId: string | null }; purpose: string }[]
> {
  const found: unknown[] = []
  for await (const event of store.readStream(accessStream(new Date()))) found.push(event.data)
  return found as never
}

describe('audit/events', () => {
  it('shows what happened, and not what was said, unless that is asked for', async () => {
    const { status, body } = await auditor.get(`/audit/events?stream=${stream}`, purpose)
    expect(status).toBe(200)
    expect(body.results.map(({ type }: { type: string }) => type)).toEqual([
      'ConversationStarted',
      'MessageSent',
      'MessageSent',
      'MessageSent',
      'MessageSent',
    ])
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(body.results[1]).toMatchObject({ withheld: ['text', 'attachments'], data: { channel: 'rest' } })
    const content = await auditor.get(`/audit/events?stream=${stream}&view=content`, purpose)
    expect(content.body.results[1].data.text).toBe('first secret')
  })

  it('answers in lines of JSON when asked to', async () => {
    const answer = await api.app.inject({
      url: `/api/v1/audit/events?stream=${stream}`,
      headers: { ...purpose, accept: 'application/x-ndjson', authorization: `Bearer ${auditor.token}` },
    })
    expect(answer.headers['content-type']).toContain('application/x-ndjson')
    const lines = answer.body.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).revision)).toEqual(['0', '1', '2', '3', '4'])
  })

  it('filters by type, actor, correlation and time, page by page to the end', async () => {
    const all = (await auditor.get(`/audit/events?stream=${stream}`, purpose)).body.results
    const query = async (filter: string) => (await auditor.get(`/audit/events?${filter}`, purpose)).body
    const ids = (page: { results: { eventId: string }[] }) => page.results.map(({ eventId }) => eventId)
    const messages = all.filter(({ type }: { type: string }) => type === 'MessageSent')
    expect(ids(await query('type=MessageSent'))).toEqual(messages.map(({ eventId }: { eventId: string }) => eventId))
    expect((await query('actor=ada&limit=1000')).results).toHaveLength(5)
    expect((await query('actor=user:ada')).results).toHaveLength(5)
    expect((await query('actor=agent:ada')).results).toHaveLength(0)
    const correlationId = messages[1].metadata.$correlationId
    expect(ids(await query(`correlationId=${correlationId}`))).toEqual([messages[1].eventId])
    const from = encodeURIComponent(messages[2].created)
    expect((await query(`from=${from}&type=MessageSent&stream=${stream}`)).results.length).toBeGreaterThanOrEqual(2)
    expect((await query(`to=${encodeURIComponent(all[0].created)}`)).results).toEqual([])
    const paged: string[] = []
    let after = ''
    do {
      const page = await query(`type=MessageSent&limit=1${after}`)
      paged.push(...ids(page))
      after = page.next === null ? '' : `&after=${page.next}`
    } while (after !== '')
    expect(paged).toEqual(messages.map(({ eventId }: { eventId: string }) => eventId))
  })

  it('is the same bytes twice', async () => {
    const read = async () =>
      JSON.stringify((await auditor.get(`/audit/events?stream=${stream}&view=stored`, purpose)).body)
    expect(await read()).toBe(await read())
  })

  it.each([
    ['limit=0', 'request-invalid'],
    ['after=x', 'position-invalid'],
    ['from=yesterday', 'request-invalid'],
    ['view=all', 'request-invalid'],
  ])('refuses %s', async (query, code) => {
    expect((await auditor.get(`/audit/events?${query}`, purpose)).body).toMatchObject({ status: 422, code })
  })
})

describe('audit/events by the index', () => {
  type Page = {
    results: { eventId: string; position: string; type: string; stream: string; created: string }[]
    next: string | null
    indexed: { to: string; waitingStreams: number; discardedEvents: number; notFound: number } | null
  }
  const find = async (query: string): Promise<Page> =>
    (await auditor.get(`/audit/events?source=index&${query}`, purpose)).body
  const look = async (query: string): Promise<Page> => (await auditor.get(`/audit/events?${query}`, purpose)).body
  const ids = ({ results }: Page) => results.map(({ eventId }) => eventId)

  beforeAll(async () => {
    const conversationId = conversationIdOf('ada', 'c1')
    await api.owned.userGateway.noteFact(
      { ownerId: 'ada', conversationId, turnId: turnIdOf(conversationId, 'm9'), agent: 'profile' },
      { kind: 'interest', value: 'hiking', span: { from: 0, to: 6 } },
    )
    await ada.send('POST', '/me/conversations', { conversationId: 'project-7' })
    const { position } = (await ada.send('POST', '/me/conversations/c2/messages', { text: 'fifth secret' })).body
    await ada.get('/me/conversations', { 'x-min-position': position })
  })

  it.each([
    'actor=ada',
    'actor=user:ada',
    'actor=agent:ada',
    'actor=agent:profile',
    'type=ProfileFactNoted',
    'type=MessageSent',
    'type=MessageSent&actor=ada',
    'type=NothingEver',
  ])('finds with %s what the record has of kept conversations and of people', async (query) => {
    const [found, all] = [await find(`${query}&limit=1000`), await look(`${query}&limit=1000`)]
    const transient = conversationStream(conversationIdOf('ada', 'project-7'))
    const kept = all.results.filter(({ stream }) => /^(conversation|user)-/.test(stream) && stream !== transient)
    expect(ids(found)).toEqual(kept.map(({ eventId }) => eventId))
    expect(kept.length > 0).toBe(!['actor=agent:ada', 'type=NothingEver'].includes(query))
    expect(found.next).toBeNull()
    expect(found.indexed).toMatchObject({ waitingStreams: 0, notFound: 0 })
    expect(all.indexed).toBeNull()
  })

  it('says how far the index goes, and waits for a position like any query', async () => {
    const { body } = await ada.send('POST', '/me/conversations/c3/messages', { text: 'sixth secret' })
    const { results, indexed } = (
      await auditor.get(`/audit/events?source=index&correlationId=${body.turnId}`, {
        ...purpose,
        'x-min-position': body.position,
      })
    ).body as Page
    expect(results.map(({ type }) => type)).toEqual(['ConversationStarted', 'MessageSent'])
    expect(BigInt(indexed?.to ?? '')).toBeGreaterThanOrEqual(BigInt(body.position))
  })

  it('goes page by page to the end, and by time', async () => {
    const all = await find('type=MessageSent&limit=1000')
    const paged: string[] = []
    let after = ''
    do {
      const page = await find(`type=MessageSent&limit=1${after}`)
      expect(page.results.length).toBeLessThanOrEqual(1)
      paged.push(...ids(page))
      after = page.next === null ? '' : `&after=${page.next}`
    } while (after !== '')
    expect(paged).toEqual(ids(all))
    const at = all.results[2]?.created ?? ''
    const since = await find(`type=MessageSent&from=${encodeURIComponent(at)}`)
    const until = await find(`type=MessageSent&to=${encodeURIComponent(at)}`)
    expect(ids(since)).toEqual(ids({ ...all, results: all.results.filter(({ created }) => created >= at) }))
    expect(ids(until)).toEqual(ids({ ...all, results: all.results.filter(({ created }) => created < at) }))
    expect([ids(since).length, ids(until).length].every((count) => count < ids(all).length)).toBe(true)
  })

  it('begins where a time begins, and ends where one ends', async () => {
    const minutes = (count: number) => encodeURIComponent(new Date(Date.now() + count * 60_000).toISOString())
    await signOnce(store, ledger.directory, [signer])
    // With a limit of one, a page that went through the index would have a next.
    expect(await find(`limit=1&from=${minutes(2)}`)).toMatchObject({ results: [], next: null })
    expect(await find(`limit=1&to=${minutes(-2)}`)).toMatchObject({ results: [], next: null })
  })

  it('says how far it goes also in lines of JSON', async () => {
    const answer = await api.app.inject({
      url: '/api/v1/audit/events?source=index&type=MessageSent',
      headers: { authorization: `Bearer ${auditor.token}`, accept: 'application/x-ndjson', ...purpose },
    })
    expect(JSON.parse(String(answer.headers['x-indexed']))).toEqual((await find('type=MessageSent')).indexed)
  })

  it('reads a stream that is named from the record, and records the look as one at that', async () => {
    expect(await find(`stream=${stream}`)).toEqual(await look(`stream=${stream}`))
    const last = (await looks()).at(-2) as { what: { filters: Record<string, string> } } | undefined
    expect(last?.what.filters).not.toHaveProperty('source')
  })

  it.each(['after=18446744073709551615', 'type=%00'])('finds nothing with %s, as the record does', async (query) => {
    expect(await find(query)).toMatchObject({ results: [], next: null })
    expect(await look(query)).toMatchObject({ results: [], next: null })
  })

  it('counts the streams that wait with parked events', async () => {
    await api.rows(`insert into emberlog.parked_event (generation, stream, position, revision, event_id, type, created_at, reason, is_first)
      select number, 'conversation-parked', 1, 0, gen_random_uuid(), 'MessageSent', now(), 'a test', true
      from emberlog.generation where state = 'live'`)
    expect((await find('type=MessageSent')).indexed?.waitingStreams).toBe(1)
  })

  it('is said in the look that is recorded', async () => {
    await find('actor=ada')
    const last = (await looks()).at(-1) as { what: { filters: Record<string, string> } } | undefined
    expect(last?.what.filters).toMatchObject({ actor: 'ada', source: 'index' })
  })
})

describe('a look', () => {
  it('needs a purpose', async () => {
    expect((await auditor.get('/audit/events')).body).toMatchObject({ status: 422, code: 'purpose-missing' })
    const blank = { 'x-audit-purpose': '  ' }
    expect((await auditor.get('/audit/conversations/ada/c1', blank)).body).toMatchObject({ code: 'purpose-missing' })
  })

  it('is recorded with who, what and what for; looks at content and at metadata told apart', async () => {
    const before = (await looks()).length
    await auditor.get(`/audit/events?stream=${stream}`, purpose)
    await operator.get('/audit/conversations/ada/c1', { 'x-audit-purpose': "UTF-8''Pr%C3%BCfung" })
    expect((await looks()).slice(before)).toMatchObject([
      {
        who: 'aud',
        role: 'auditor',
        what: { kind: 'metadata', subjectId: 'ada', by: 'GET /api/v1/audit/events' },
        purpose: 'case 4711',
      },
      { who: 'ops', role: 'operator', what: { kind: 'content', subjectId: 'ada' }, purpose: 'Prüfung' },
    ])
  })

  it('shows to the person concerned, and not to others', async () => {
    await auditor.get('/audit/conversations/ada/c1', purpose)
    const { status, body } = await ada.get('/me/access-log')
    expect(status).toBe(200)
    expect(body.results[0]).toMatchObject({ who: 'aud', kind: 'content', purpose: 'case 4711', isMine: true })
    const bob = await api.signIn('bob')
    const others = (await bob.get('/me/access-log')).body.results
    expect(others.filter(({ isMine }: { isMine: boolean }) => isMine)).toEqual([])
    await auditor.get('/audit/events?type=MessageSent', { 'x-audit-purpose': 'all messages' })
    const [across] = (await bob.get('/me/access-log')).body.results
    expect(across).toMatchObject({ who: 'aud', purpose: 'all messages', isMine: false, conversationId: null })
    expect((await bob.get('/me/access-log?month=2026-01')).body).toEqual({
      results: [],
      omitted: { mine: 0, across: 0 },
      next: '2025-12',
    })
  })

  it('is not granted when it cannot be recorded', async () => {
    const recordAccess = async () => {
      throw new Error('the record is away')
    }
    const away = await startApi({ record: embedded.connectionString, parts: { recordAccess } })
    const person = await away.signIn('aud', ['auditor'])
    const { status, body } = await person.get('/audit/conversations/ada/c1', purpose)
    expect([status, JSON.stringify(body)]).toEqual([500, expect.not.stringContaining('secret')])
    await away.close()
  })
})

describe('audit/conversations', () => {
  it('shows the conversation as it stood at a position, at a time, and now', async () => {
    const events = (await auditor.get(`/audit/events?stream=${stream}`, purpose)).body.results
    const texts = async (asOf?: string) => {
      const query = asOf === undefined ? '' : `?asOf=${encodeURIComponent(asOf)}`
      const { body } = await auditor.get(`/audit/conversations/ada/c1${query}`, purpose)
      return body.messages.map(({ text }: { text: string }) => text)
    }
    expect(await texts()).toEqual(['first secret', 'second secret', 'third secret', 'fourth secret'])
    expect(await texts(events[2].position)).toEqual(['first secret', 'second secret'])
    expect((await texts(events[2].created)).slice(0, 2)).toEqual(['first secret', 'second secret'])
    const early = await auditor.get('/audit/conversations/ada/c1?asOf=2020-01-01T00:00:00.000Z', purpose)
    expect(early.body).toMatchObject({ status: 404, code: 'conversation-unknown-then' })
  })

  it('does not know a conversation that never was, nor a time that is none', async () => {
    expect((await auditor.get('/audit/conversations/ada/none', purpose)).status).toBe(404)
    expect((await auditor.get('/audit/conversations/ada/c1?asOf=soon', purpose)).body).toMatchObject({
      code: 'as-of-invalid',
    })
  })
})

describe('audit/ledger', () => {
  it('gives the signed head as a note, and proofs that verify against it', async () => {
    const { headers, body: note } = await auditor.get('/audit/ledger/checkpoint')
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    const checkpoint = openCheckpoint(note, [signer.verifier])
    if (checkpoint.kind !== 'checkpoint') throw new Error(checkpoint.code)
    const events = (await auditor.get(`/audit/events?stream=${stream}&view=stored`, purpose)).body.results
    for (const { position, leaf } of events) {
      const { body } = await auditor.get(`/audit/ledger/inclusion?position=${position}`)
      const leafHash = createHash('sha256')
        .update(Buffer.concat([Buffer.of(0), Buffer.from(leaf)]))
        .digest()
      expect(leafHash).toEqual(hashLeaf(leaf))
      expect(body.leafHash).toBe(leafHash.toString('base64'))
      expect(body.checkpoint).toBe(note)
      const proof = body.hashes.map((hash: string) => Buffer.from(hash, 'base64'))
      expect(isIncluded({ leafHash, index: body.index, size: checkpoint.size, root: checkpoint.root }, proof)).toBe(
        true,
      )
    }
    const { body } = await auditor.get(`/audit/ledger/consistency?from=${firstSize}&to=${checkpoint.size}`)
    const roots = { from: firstSize, fromRoot: Buffer.from(body.fromRootHash, 'base64') }
    const proof = body.hashes.map((hash: string) => Buffer.from(hash, 'base64'))
    expect(isConsistent({ ...roots, to: checkpoint.size, toRoot: checkpoint.root }, proof)).toBe(true)
  })

  it('serves tiles by their path, exactly as wide as they are named', async () => {
    const size = sizeOf((await auditor.get('/audit/ledger/checkpoint')).body)
    for (const path of [`tile/0/000.p/${size}`, `0/000.p/${size}`]) {
      const answer = await api.app.inject({
        url: `/api/v1/audit/ledger/tiles/${path}`,
        headers: { authorization: `Bearer ${auditor.token}` },
      })
      expect([answer.statusCode, answer.rawPayload.length]).toEqual([200, size * 32])
      expect(answer.headers['content-type']).toBe('application/octet-stream')
    }
  })

  it.each([
    ['/audit/ledger/inclusion?position=1', 404, 'leaf-unknown'],
    ['/audit/ledger/inclusion', 422, 'request-invalid'],
    ['/audit/ledger/inclusion?position=1&size=999999', 422, 'tree-size-unknown'],
    ['/audit/ledger/consistency?from=9&to=1', 422, 'tree-size-unknown'],
    ['/audit/ledger/consistency?from=1&to=999999', 422, 'tree-size-unknown'],
    ['/audit/ledger/tiles/tile/0/999', 404, 'tile-unknown'],
    ['/audit/ledger/tiles/../../etc/passwd', 404, 'route-unknown'],
    ['/audit/ledger/tiles/..%2f..%2fjwt-secret', 404, 'tile-unknown'],
  ])('answers %s with %i', async (path, status, code) => {
    expect((await auditor.get(path)).body).toMatchObject({ status, code })
  })

  it('says so where nothing is signed', async () => {
    const bare = await startApi()
    const person = await bare.signIn('aud', ['auditor'])
    for (const path of ['checkpoint', 'inclusion?position=1', 'consistency?from=0']) {
      expect((await person.get(`/audit/ledger/${path}`)).body).toMatchObject({ status: 404, code: 'ledger-empty' })
    }
    await bare.close()
  })
})

describe('route by route', () => {
  const routes = () => routesOf(api.app)
  const addressOf = (url: string) =>
    url.replaceAll(/:[A-Za-z]+/g, '0199d0a0-0000-7000-8000-000000000001').replaceAll('*', 'x')
  const reads = ['GET', 'HEAD', 'OPTIONS']
  /** What changes nothing of the record but the asker's own being signed in, or nothing at all. */
  const harmless = ['dev-login', 'logout', 'ws-connection-token'].map((name) => `/api/v1/auth/${name}`)

  it('a person who only uses the chat reaches no route of auditors, signed in or not', async () => {
    const audits = routes().filter(({ url }) => url.startsWith('/api/v1/audit/'))
    expect(audits.length).toBeGreaterThanOrEqual(6)
    for (const { method, url } of audits) {
      const path = addressOf(url).replace('/api/v1', '')
      expect([url, (await ada.get(path, purpose)).status]).toEqual([url, 403])
      expect([url, (await api.inject(method, `/api/v1${path}`)).status]).toEqual([url, 401])
    }
  })

  it('an auditor writes nothing anywhere', async () => {
    const writes = routes().filter(({ method, url }) => !reads.includes(method) && !harmless.includes(url))
    expect(writes.length).toBeGreaterThanOrEqual(10)
    const before = await store.lastPosition()
    for (const { method, url } of writes) {
      const headers = { authorization: `Bearer ${auditor.token}` }
      const { status, body } = await api.inject(method, addressOf(url), { body: {}, headers })
      const code = body.code ?? body.error?.code // The Chat Completions protocol has errors of its own shape.
      expect([method, url, status, code]).toEqual([method, url, 403, 'role-missing'])
    }
    expect(await store.lastPosition()).toBe(before)
    const socket = api.socket(`/ws/chat/c1?token=${await auditor.connectionToken()}`)
    expect(await socket.closed).toBe(4403)
  })

  it('the routes of auditors only read', async () => {
    for (const { method, url } of routes()) {
      if (url.startsWith('/api/v1/audit/')) expect(reads, url).toContain(method)
    }
  })
})
