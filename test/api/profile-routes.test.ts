import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversationIdOf } from '../../src/events/stream-names.ts'
import { type ApiFixture, type Person, startApi } from './api-fixture.ts'

let api: ApiFixture
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const sourceOf = (person: Person, agent = 'profile') => ({
  ownerId: person.userId,
  conversationId: conversationIdOf(person.userId, 'c1'),
  turnId: randomUUID(),
  agent,
})

async function noteHiking(person: Person) {
  const source = sourceOf(person)
  const outcome = await api.owned.userGateway.noteFact(source, {
    ...{ kind: 'interest', value: 'hiking', span: { from: 0, to: 13 } },
  })
  if (outcome.kind === 'refusal') throw new Error(outcome.code)
  return { turnId: source.turnId, factId: outcome.fact?.factId ?? '', position: String(outcome.position) }
}

describe('my profile', () => {
  it('is empty before anything is noted', async () => {
    const ada = await api.signIn()
    const { status, body, headers } = await ada.get('/me/profile')
    expect({ status, body }).toEqual({ status: 200, body: { facts: [] } })
    expect(headers['x-read-position']).toMatch(/^-?\d+$/)
  })

  it('shows a fact with its turn, at the position that was answered, and only to its owner', async () => {
    const [ada, bob] = [await api.signIn(), await api.signIn()]
    const { factId, turnId, position } = await noteHiking(ada)
    const { body } = await ada.get('/me/profile', { 'x-min-position': position })
    expect(body.facts).toEqual([
      {
        ...{ factId, kind: 'interest', value: 'hiking', turnId, messageId: null, conversationId: null },
        ...{ span: { from: 0, to: 13 }, notedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
      },
    ])
    expect((await bob.get('/me/profile', { 'x-min-position': position })).body.facts).toEqual([])
  })

  it('loses a fact by one wish, however often it is made', async () => {
    const ada = await api.signIn()
    const { factId } = await noteHiking(ada)
    const removal = await ada.send('DELETE', `/me/profile/${factId}`)
    expect(removal.status).toBe(204)
    expect((await ada.send('DELETE', `/me/profile/${factId}`)).status).toBe(204)
    const minimum = { 'x-min-position': removal.headers['x-position'] ?? '' }
    expect((await ada.get('/me/profile', minimum)).body.facts).toEqual([])
  })

  it('does not lose what somebody else wishes away', async () => {
    const [ada, bob] = [await api.signIn(), await api.signIn()]
    const { factId, position } = await noteHiking(ada)
    const refused = await bob.send('DELETE', `/me/profile/${factId}`)
    expect([refused.status, refused.body.code]).toEqual([404, 'fact-unknown'])
    expect((await ada.get('/me/profile', { 'x-min-position': position })).body.facts).toHaveLength(1)
  })

  it('asks for a sign-in and for a well-formed id', async () => {
    expect((await api.inject('GET', '/api/v1/me/profile')).status).toBe(401)
    expect((await (await api.signIn()).send('DELETE', '/me/profile/none')).status).toBe(422)
  })
})

describe('my projects', () => {
  async function draft(person: Person, link?: string) {
    const said = { title: 'Handbook bot', note: 'It answers questions', ...(link === undefined ? {} : { link }) }
    const outcome = await api.owned.userGateway.describeProject(sourceOf(person, 'creation'), said)
    if (outcome.kind === 'refusal') throw new Error(outcome.code)
    return { projectId: outcome.project?.projectId ?? '', position: String(outcome.position) }
  }

  it('are listed as they were drafted, to their owner alone', async () => {
    const [ada, bob] = [await api.signIn(), await api.signIn()]
    const { projectId, position } = await draft(ada)
    const fresh = { 'x-min-position': position }
    expect((await ada.get('/me/projects', fresh)).body.results).toMatchObject([
      {
        projectId,
        title: 'Handbook bot',
        link: null,
        ownership: 'own',
        notes: ['It answers questions'],
        shared: false,
      },
    ])
    expect((await bob.get('/me/projects', fresh)).body.results).toEqual([])
    const foreign = await bob.send('PATCH', `/me/projects/${projectId}`, { shared: true })
    expect([foreign.status, foreign.body.code]).toEqual([404, 'project-unknown'])
  })

  it('are renamed and shared in one request, found by everybody, and taken back', async () => {
    const ada = await api.signIn()
    const { projectId } = await draft(ada)
    const word = `word${randomUUID().slice(0, 8)}`
    const changed = await ada.send('PATCH', `/me/projects/${projectId}`, { title: `My ${word}`, shared: true })
    expect(changed).toMatchObject({ status: 200, body: { position: changed.headers['x-position'] } })
    await ada.get('/me/projects', { 'x-min-position': changed.body.position })
    expect(await api.owned.searchShared([word], 5)).toMatchObject([{ projectId, title: `My ${word}` }])
    const removal = await ada.send('DELETE', `/me/projects/${projectId}`)
    expect(removal.status).toBe(204)
    await ada.get('/me/projects', { 'x-min-position': removal.headers['x-position'] ?? '' })
    expect(await api.owned.searchShared([word], 5)).toEqual([])
  })

  it('can be shared only when they are the person’s own', async () => {
    const ada = await api.signIn()
    const { projectId } = await draft(ada, 'https://github.com/facebookresearch/llama')
    const refused = await ada.send('PATCH', `/me/projects/${projectId}`, { shared: true })
    expect([refused.status, refused.body.code]).toEqual([409, 'project-not-own'])
    expect((await ada.send('PATCH', `/me/projects/${projectId}`, { ownership: 'own', shared: true })).status).toBe(200)
    const shared = await ada.send('PATCH', `/me/projects/${projectId}`, { ownership: 'reference' })
    expect([shared.status, shared.body.code]).toEqual([409, 'project-shared'])
    expect((await ada.send('PATCH', `/me/projects/${projectId}`, {})).status).toBe(422)
  })
})

describe('an attachment', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
  const store = (person: Person, content: { mediaType: string; bytes: Uint8Array }, turnId: string = randomUUID()) =>
    api.owned.attachments.store({ ...sourceOf(person, 'image'), turnId }, 1, content)

  it('is served to its owner as a picture that can do nothing', async () => {
    const ada = await api.signIn()
    const id = await store(ada, { mediaType: 'image/svg+xml', bytes: Buffer.from(svg) })
    const { status, headers, body } = await ada.get(`/me/attachments/${id}`)
    expect({ status, body }).toEqual({ status: 200, body: svg })
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    })
  })

  it('cannot be named by anybody else', async () => {
    const [ada, bob] = [await api.signIn(), await api.signIn()]
    const id = await store(ada, { mediaType: 'image/svg+xml', bytes: Buffer.from(svg) })
    const refused = await bob.get(`/me/attachments/${id}`)
    expect([refused.status, refused.body.code]).toEqual([404, 'attachment-unknown'])
    expect((await api.inject('GET', `/api/v1/me/attachments/${id}`)).status).toBe(401)
  })

  it('that is no picture is a download', async () => {
    const ada = await api.signIn()
    const id = await store(ada, { mediaType: 'text/html', bytes: Buffer.from('<script>') })
    const { headers } = await ada.get(`/me/attachments/${id}`)
    expect(headers).toMatchObject({ 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' })
  })

  it('of several parts comes back whole, is stored once, and stays what it is when its call makes something else', async () => {
    const ada = await api.signIn()
    const turnId = randomUUID()
    const bytes = Buffer.alloc(900 * 1024, 'ember')
    const id = await store(ada, { mediaType: 'image/png', bytes }, turnId)
    expect(await store(ada, { mediaType: 'image/png', bytes }, turnId)).toBe(id)
    expect(await store(ada, { mediaType: 'image/png', bytes: Buffer.from('other') }, turnId)).not.toBe(id)
    const read = await api.owned.attachments.read(ada.userId, id)
    expect(read?.mediaType).toBe('image/png')
    expect(Buffer.compare(Buffer.from(read?.bytes ?? []), bytes)).toBe(0)
  })

  it('that is too large is not kept', async () => {
    const ada = await api.signIn()
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 1)
    await expect(store(ada, { mediaType: 'image/png', bytes })).rejects.toThrow('attachment-too-large')
  })
})
