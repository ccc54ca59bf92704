import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProtobufReader } from '../../../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { ProtobufWriter } from '../../../../src/embedded/eventstore/protocol/protobuf-writer.ts'
import { openSecureStage, outcomeOf, type SecureStage } from './secure-stage.ts'

let stage: SecureStage

beforeAll(async () => {
  stage = await openSecureStage()
})

afterAll(() => stage.end())

/** Asks the users service; texts become fields 1, 2, 3 of the options, groups field 4. */
async function ask(who: string | undefined, method: string, texts: readonly string[], groups: readonly string[] = []) {
  const wire = stage.wire(who)
  const request = new ProtobufWriter().message(1, (options) => {
    for (const [i, text] of texts.entries()) options.string(i + 1, text)
    for (const group of groups) options.string(4, group)
  })
  const call = wire.call(`users.Users/${method}`).send(request.finish())
  call.stream.end()
  const status = await call.status
  await wire.close()
  return { status, messages: call.messages }
}

const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status

interface Details {
  loginName: string
  fullName: string
  groups: string[]
  isDisabled: boolean
}

function detailsOf(message: Buffer): Details {
  const outer = new ProtobufReader(message)
  outer.next()
  const reader = outer.message()
  const found: Details = { loginName: '', fullName: '', groups: [], isDisabled: false }
  while (reader.next()) {
    if (reader.field === 1) found.loginName = reader.string()
    else if (reader.field === 2) found.fullName = reader.string()
    else if (reader.field === 3) found.groups.push(reader.string())
    else if (reader.field === 5) found.isDisabled = reader.bool()
  }
  return found
}

const admin = 'admin:changeit'
const signsIn = async (who: string) => (await outcomeOf(stage.client(who).readStream('missing'))) === 'stream-not-found'

describe('the users service', () => {
  test('makes a user who can sign in at once', async () => {
    expect(await statusOf(admin, 'Create', ['anna', 'secret', 'Anna A.'], ['writers', 'readers'])).toBe('0')
    expect(await signsIn('anna:secret')).toBe(true)
    expect(await signsIn('anna:changeit')).toBe(false)
    const { messages } = await ask(admin, 'Details', ['anna'])
    expect(messages.map(detailsOf)).toEqual([
      { loginName: 'anna', fullName: 'Anna A.', groups: ['writers', 'readers'], isDisabled: false },
    ])
  })

  test('refuses a second user of the same name', async () => {
    await ask(admin, 'Create', ['twice', 'secret', ''])
    expect(await statusOf(admin, 'Create', ['twice', 'other', ''])).toBe('6')
    expect(await signsIn('twice:secret')).toBe(true)
  })

  test.each([
    ['', 'secret'],
    ['a:b', 'secret'],
    ['line\nbreak', 'secret'],
    ['x'.repeat(300), 'secret'],
    ['anyone', ''],
    ['anyone', 'x'.repeat(2_000)],
  ])('refuses a name or a password that none can be: %j', async (name, password) => {
    expect(await statusOf(admin, 'Create', [name, password, ''])).toBe('2')
  })

  test('gives a user the rights of the groups that an update brings, without another sign-in', async () => {
    await ask(admin, 'Create', ['bert', 'secret', 'Bert'])
    const bert = stage.client('bert:secret')
    expect(await outcomeOf(bert.readStream('$users'))).toBe('access-denied')
    expect(await statusOf(admin, 'Update', ['bert', '', 'Bert B.'], ['$admins'])).toBe('0')
    expect(await outcomeOf(bert.readStream('$users', { maxCount: 1 }))).toBe(1)
    expect(await signsIn('bert:secret')).toBe(true)
  })

  test('locks a disabled user out until the user is enabled again', async () => {
    await ask(admin, 'Create', ['carl', 'secret', ''])
    expect(await signsIn('carl:secret')).toBe(true)
    await ask(admin, 'Disable', ['carl'])
    expect(await signsIn('carl:secret')).toBe(false)
    await ask(admin, 'Enable', ['carl'])
    expect(await signsIn('carl:secret')).toBe(true)
  })

  test('forgets a deleted user, whose name may be given again with other rights', async () => {
    await ask(admin, 'Create', ['dora', 'secret', ''], ['$admins'])
    expect(await statusOf(admin, 'Delete', ['dora'])).toBe('0')
    expect(await signsIn('dora:secret')).toBe(false)
    expect(await statusOf(admin, 'Details', ['dora'])).toBe('5')
    expect(await statusOf(admin, 'Create', ['dora', 'anew', ''])).toBe('0')
    expect(await signsIn('dora:anew')).toBe(true)
    expect(await outcomeOf(stage.client('dora:anew').readStream('$users'))).toBe('access-denied')
    const { messages } = await ask(admin, 'Details', [''])
    const names = messages.map((message) => detailsOf(message).loginName)
    expect(names.filter((name) => name === 'dora')).toHaveLength(1)
    expect(names).toEqual(expect.arrayContaining(['admin', 'ops', 'dora']))
  })

  test('lets a user change the own password with the current one, and nobody else’s', async () => {
    await ask(admin, 'Create', ['emil', 'secret', ''])
    expect(await statusOf('emil:secret', 'ChangePassword', ['emil', 'wrong', 'next'])).toBe('7')
    expect(await statusOf('emil:secret', 'ChangePassword', ['admin', 'changeit', 'next'])).toBe('7')
    expect(await statusOf('emil:secret', 'ChangePassword', ['emil', 'secret', 'next'])).toBe('0')
    expect([await signsIn('emil:secret'), await signsIn('emil:next')]).toEqual([false, true])
    expect(await statusOf(admin, 'ResetPassword', ['emil', 'reset'])).toBe('0')
    expect([await signsIn('emil:next'), await signsIn('emil:reset')]).toEqual([false, true])
  })

  test('lets users see themselves, and only admins see and change others', async () => {
    await ask(admin, 'Create', ['fred', 'secret', ''])
    const fred = 'fred:secret'
    expect(await statusOf(fred, 'Details', ['fred'])).toBe('0')
    expect(await statusOf(fred, 'Details', ['admin'])).toBe('7')
    expect(await statusOf(fred, 'Details', [''])).toBe('7')
    for (const method of ['Update', 'Delete', 'Enable', 'Disable', 'ResetPassword'])
      expect(await statusOf(fred, method, ['ops', 'x'])).toBe('7')
    expect(await statusOf('ops:changeit', 'Create', ['gina', 'secret', ''])).toBe('7')
    expect(await statusOf(undefined, 'Details', ['admin'])).toBe('7')
  })

  test.each(['Update', 'Delete', 'Enable', 'Disable', 'ResetPassword'])(
    'does not find a stranger: %s',
    async (method) => {
      expect(await statusOf(admin, method, ['stranger', 'x'])).toBe('5')
    },
  )
})
