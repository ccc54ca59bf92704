import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../src/projections/database.ts'
import { createLocalKeyWrapping } from '../../src/vault/key-wrapping.ts'
import { startTestPostgres, type TestPostgres } from '../projections/support/test-postgres.ts'
import * as the from '../support/examples.ts'
import { asStored, encode, openTestVault } from './vault-harness.ts'

vi.setConfig({ hookTimeout: 60_000 })

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
afterEach(() => postgres.closeDatabases())

const secret = 'My grandmother was born in Łódź 🌻'
const message = the.sent('m1', { text: secret })

async function vault() {
  database = await postgres.open()
  return openTestVault(database)
}

const textOf = (event: { data: Record<string, unknown> }) => event.data['text'] as { key: string; text: string }

describe('a sealed value', () => {
  it('shows nothing of what was written, and opens again in another process', async () => {
    const { codec } = await vault()
    const encoded = await encode(codec, message)
    expect(JSON.stringify(encoded)).not.toMatch(/grandmother|Łódź/)
    const other = await openTestVault(database)
    const decoded = await other.codec.decode(asStored(encoded))
    expect(decoded.data).toEqual(message.data)
    expect(decoded.erased).toEqual([])
  })

  it('names its form, its key and its nonce, which is another every time', async () => {
    const { codec } = await vault()
    const seals = await Promise.all(Array.from({ length: 3_000 }, () => encode(codec, message)))
    const nonces = seals.map(({ data }) => (data['text'] as { nonce: string }).nonce)
    expect(new Set(nonces).size).toBe(nonces.length)
    expect(seals[0]?.data['text']).toEqual({
      $sealed: 1,
      key: expect.stringMatching(/^[0-9a-f-]{36}$/),
      nonce: expect.stringMatching(/^[\w-]{16}$/),
      text: expect.stringMatching(/^[\w-]+$/),
    })
  })

  it('is left as it is when it is empty: its length would say so anyway', async () => {
    const { codec } = await vault()
    expect((await encode(codec, message)).data['attachments']).toEqual([])
    const failed = await encode(codec, the.failed('m1', { partialText: '' }))
    expect(failed.data['partialText']).toBe('')
  })

  it('is a fault, never empty text, when a single bit of it was changed', async () => {
    const { codec } = await vault()
    const encoded = await encode(codec, message)
    const seal = textOf(encoded)
    const bytes = Buffer.from(seal.text, 'base64url')
    for (const place of [0, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[place] = (changed[place] ?? 0) ^ 1
      const data = { ...encoded.data, text: { ...seal, text: changed.toString('base64url') } }
      await expect(codec.decode(asStored({ ...encoded, data }))).rejects.toThrow('value-not-opened')
    }
    const data = { ...encoded.data, text: { ...seal, text: '' } }
    await expect(codec.decode(asStored({ ...encoded, data }))).rejects.toThrow('value-not-opened')
  })

  it.each([
    ['to another event', { eventId: '00000000-0000-4000-8000-000000000000' }, 'value-not-opened'],
    ['to another stream', { stream: 'conversation-00000000-0000-4000-8000-000000000000' }, 'value-not-opened'],
  ])('cannot be moved %s', async (_where, change, code) => {
    const { codec } = await vault()
    const moved = { ...asStored(await encode(codec, message)), ...change }
    await expect(codec.decode(moved)).rejects.toThrow(code)
  })

  it('cannot be moved to another field', async () => {
    const { codec } = await vault()
    const encoded = await encode(codec, the.completed('m1', { toolCalls: [] }))
    const data = { ...encoded.data, attachments: encoded.data['text'] as never }
    await expect(codec.decode(asStored({ ...encoded, data }))).rejects.toThrow('value-not-opened')
  })

  it('is a fault of its event alone when the vault never had its key, or its form is not known', async () => {
    const { codec } = await vault()
    const encoded = await encode(codec, message)
    const stranger = { ...textOf(encoded), key: '00000000-0000-4000-8000-000000000000' }
    const future = { ...textOf(encoded), $sealed: 2 }
    const broken = [stranger, future, { ...stranger, key: "'; drop schema vault" }, { ...stranger, key: 7 }].map(
      (text) => asStored({ ...encoded, data: { ...encoded.data, text: text as never } }),
    )
    const results = await codec.decodeAll([...broken, asStored(encoded)])
    expect(results.map((result) => ('code' in result ? result.code : 'read'))).toEqual([
      'key-missing',
      'value-not-opened',
      'key-missing',
      'value-not-opened',
      'read',
    ])
  })

  it('may stand beside text from before text was sealed', async () => {
    const { codec } = await vault()
    const encoded = await encode(codec, message)
    const older = asStored({ ...encoded, data: { ...encoded.data, text: 'From before' } })
    expect((await codec.decode(older)).data).toMatchObject({ text: 'From before' })
  })
})

describe('keys', () => {
  it('are one for each conversation and one for the rest of a person, and never shared by two people', async () => {
    const { codec } = await vault()
    const keys = await Promise.all([
      encode(codec, message),
      encode(codec, message, { commandId: 'message:m2' }),
      encode(codec, message, { stream: `${the.stream}-2` }),
      encode(codec, the.noted(), { stream: 'user-ada' }),
      encode(codec, the.noted(), { stream: 'draft-ada' }),
      encode(codec, the.noted({ ownerId: 'bob' }), { stream: 'user-bob', person: 'bob' }),
    ])
    const ids = keys.map(({ data }) => ((data['text'] ?? data['value']) as { key: string }).key)
    expect(ids[0]).toBe(ids[1])
    expect(ids[3]).toBe(ids[4])
    expect(new Set(ids).size).toBe(4)
    const people = await database.queries.query('select person from vault.person_key order by person')
    expect(people).toEqual([{ person: 'ada' }, { person: 'bob' }])
  })

  it('are the same for processes that ask at the same moment', async () => {
    const { codec } = await vault()
    const others = await Promise.all(Array.from({ length: 4 }, () => openTestVault(database)))
    const sealed = await Promise.all(
      [codec, ...others.map((other) => other.codec)].map((each) => encode(each, message)),
    )
    expect(new Set(sealed.map((event) => textOf(event).key)).size).toBe(1)
  })

  it('take new values for thirty days, and open what they sealed for ever', async () => {
    database = await postgres.open()
    let now = new Date('2026-01-01T00:00:00.000Z')
    const { codec } = await openTestVault(database, { clock: () => now })
    const first = await encode(codec, message)
    now = new Date('2026-01-30T23:59:59.999Z')
    expect(textOf(await encode(codec, message)).key).toBe(textOf(first).key)
    now = new Date('2026-01-31T00:00:00.000Z')
    const later = await encode(codec, message)
    expect(textOf(later).key).not.toBe(textOf(first).key)
    const other = await openTestVault(database, { clock: () => now })
    expect(textOf(await encode(other.codec, message)).key).toBe(textOf(later).key)
    for (const sealed of [first, later]) {
      expect((await other.codec.decode(asStored(sealed))).data).toEqual(message.data)
    }
  })

  it('are asked for once for many events', async () => {
    const { codec } = await vault()
    const sealed = await Promise.all(
      Array.from({ length: 500 }, (_, index) => encode(codec, message, { stream: `conversation-${index % 50}` })),
    )
    const stored = sealed.map((event, index) => asStored(event, `conversation-${index % 50}`))
    const other = await openTestVault(database)
    const before = database.vault.metrics().acquiredTotal
    const results = await other.codec.decodeAll(stored)
    expect(results.every((result) => 'data' in result)).toBe(true)
    expect(database.vault.metrics().acquiredTotal - before).toBe(1)
  })

  it('that many readers ask for at the same moment never wait for a connection of each other', async () => {
    const { codec } = await vault()
    const streams = Array.from({ length: 100 }, (_, index) => `conversation-${index}`)
    const sealed = await Promise.all(streams.map((stream) => encode(codec, message, { stream })))
    const other = await openTestVault(database)
    const before = database.vault.metrics().acquiredTotal
    let waitingMax = 0
    const watching = setInterval(() => {
      waitingMax = Math.max(waitingMax, database.vault.metrics().waiting)
    })
    const opened = sealed.map((event, index) => other.codec.decode(asStored(event, streams[index] ?? '')))
    waitingMax = Math.max(waitingMax, database.vault.metrics().waiting)
    await Promise.all(opened)
    clearInterval(watching)
    expect(waitingMax).toBe(0)
    expect(database.vault.metrics().acquiredTotal - before).toBeLessThanOrEqual(2) // The first asks alone.
  })

  it('that were read are not looked up again to write', async () => {
    const { codec } = await vault()
    const sealed = await encode(codec, message)
    const other = await openTestVault(database)
    await other.codec.decode(asStored(sealed))
    const before = database.vault.metrics().acquiredTotal
    expect(textOf(await encode(other.codec, message, { commandId: 'message:m2' })).key).toBe(textOf(sealed).key)
    expect(database.vault.metrics().acquiredTotal).toBe(before)
  })

  it('that are looked up while they are destroyed are not remembered after it', async () => {
    const { codec } = await vault()
    const sealed = await encode(codec, message)
    const other = await openTestVault(database)
    const reading = other.codec.decode(asStored(sealed))
    other.codec.forgetKeys() // While the look-up is under way.
    await reading
    await database.queries.query('update vault.person_key set wrapped = null, destroyed_at = now() returning id')
    expect((await other.codec.decode(asStored(sealed))).erased).toEqual(['text'])
  })

  it('that were copied to another row of the vault do not unwrap', async () => {
    const { codec } = await vault()
    const ada = await encode(codec, message)
    await encode(codec, message, { stream: 'conversation-bob', person: 'bob' })
    await database.queries.query(
      `update vault.data_key set wrapped = (select wrapped from vault.data_key where scope = 'conversation-bob')
      where scope = $1 returning id`,
      [the.stream],
    )
    const other = await openTestVault(database)
    await expect(other.codec.decode(asStored(ada))).rejects.toThrow('key-not-unwrapped')
  })
})

describe('a destroyed key', () => {
  it('leaves an explicit erased value: the field is named, and what stands there fits its schema', async () => {
    const { codec } = await vault()
    const events = [message, the.renamed('A title'), the.completed('m1'), the.started({ title: 'A title' })]
    const sealed = await Promise.all(
      events.map((event, index) => encode(codec, event, { commandId: `command-${index}` })),
    )
    await database.queries.query('update vault.data_key set wrapped = null, destroyed_at = now() returning id')
    codec.forgetKeys()
    const decoded = await Promise.all(sealed.map((event) => codec.decode(asStored(event))))
    expect(decoded.map(({ erased }) => erased)).toEqual([['text'], ['title'], ['text'], ['title']])
    expect(decoded.map(({ data }) => ('text' in data ? data.text : (data as { title?: string }).title))).toEqual([
      '',
      'erased',
      '',
      undefined,
    ])
  })

  it('is not used by a process that was told to look again', async () => {
    const { codec } = await vault()
    const sealed = await encode(codec, message)
    await database.queries.query('update vault.person_key set wrapped = null, destroyed_at = now() returning id')
    expect((await codec.decode(asStored(sealed))).erased).toEqual([])
    codec.forgetKeys()
    expect((await codec.decode(asStored(sealed))).erased).toEqual(['text'])
  })
})

describe('the master key', () => {
  it('is refused at the start when it is not the one that the vault is wrapped with', async () => {
    await vault()
    const wrong = createLocalKeyWrapping(randomBytes(32))
    await expect(openTestVault(database, { masterKeys: [wrong] })).rejects.toThrow('master-key-wrong')
  })

  it('stands nowhere in the vault, and neither does a key that it wraps', async () => {
    const key = randomBytes(32)
    database = await postgres.open()
    const { codec } = await openTestVault(database, { masterKeys: [createLocalKeyWrapping(key)] })
    await encode(codec, message)
    const rows = await database.queries.query<{ row: string }>(
      `select row(person_key.*)::text || row(data_key.*)::text || row(master_key.*)::text as row
      from vault.person_key, vault.data_key, vault.master_key`,
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]?.row).not.toContain(key.toString('hex'))
  })
})

describe('a vault that cannot be reached', () => {
  it('writes nothing unsealed: the command fails, and the same command succeeds later', async () => {
    const { codec } = await vault()
    await database.queries.query('alter schema vault rename to vault_away')
    await expect(encode(codec, message)).rejects.toThrow('vault-unavailable')
    await database.queries.query('alter schema vault_away rename to vault')
    expect(JSON.stringify(await encode(codec, message))).not.toContain('grandmother')
  })

  it('fails a whole reading rather than single events of it, so that nobody takes them for unreadable', async () => {
    const { codec } = await vault()
    const sealed = await encode(codec, message)
    const other = await openTestVault(database)
    await database.queries.query('alter schema vault rename to vault_away')
    await expect(other.codec.decodeAll([asStored(sealed)])).rejects.toThrow('vault-unavailable')
    await database.queries.query('alter schema vault_away rename to vault')
    expect(await other.codec.decodeAll([asStored(sealed)])).toMatchObject([{ data: message.data }])
  })
})
