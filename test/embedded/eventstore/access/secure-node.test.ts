import { get } from 'node:https'
import { jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSecureStage, outcomeOf, type SecureStage } from './secure-stage.ts'

let stage: SecureStage

beforeAll(async () => {
  stage = await openSecureStage()
})

afterAll(() => stage.end())

const noted = () => jsonEvent({ type: 'noted', data: {} })

describe('a node behind TLS', () => {
  test('lets nobody in who does not sign in, and nobody who signs in wrongly', async () => {
    expect(await outcomeOf(stage.client().readStream('a'))).toBe('access-denied')
    expect(await outcomeOf(stage.client('admin:wrong').readStream('a'))).toBe('access-denied')
    expect(await outcomeOf(stage.client('nobody:changeit').readStream('a'))).toBe('access-denied')
    expect(await outcomeOf(stage.client('ops:changeit').readStream('a'))).toBe('stream-not-found')
  })

  test.each([
    ['Basic'],
    ['Basic !!'],
    ['Basic YWRtaW4='],
    ['Basic OmNoYW5nZWl0'],
    ['Bearer abc'],
    [`Basic ${Buffer.from('admin:change:it').toString('base64')}`],
  ])('refuses credentials that are none: %s', async (authorization) => {
    const wire = stage.wire()
    const call = wire.call('gossip.Gossip/Read', { authorization }).send(Buffer.alloc(0))
    expect(await call.status).toBe('16')
    await wire.close()
  })

  test('tells everybody where it is, so that clients can find it', async () => {
    const wire = stage.wire()
    const call = wire.call('gossip.Gossip/Read').send(Buffer.alloc(0))
    expect(await call.status).toBe('0')
    await wire.close()
  })

  test('answers many calls that begin with the same password at once', async () => {
    const client = stage.client('ops:changeit')
    const readings = Array.from({ length: 200 }, (_, i) => outcomeOf(client.readStream(`s-${i}`)))
    expect(new Set(await Promise.all(readings))).toEqual(new Set(['stream-not-found']))
  })

  test('keeps a stream to those its list names, from the moment the list is set', async () => {
    const stream = await stage.locked({ readRoles: ['$admins'], writeRoles: ['ops'] })
    const ops = stage.client('ops:changeit')
    expect(await outcomeOf(ops.readStream(stream))).toBe('access-denied')
    expect((await ops.appendToStream(stream, noted())).success).toBe(true)
    expect(await outcomeOf(stage.client('admin:changeit').readStream(stream))).toBe(2)
  })

  test('holds streams without a list to the defaults in $settings, and goes back when they go', async () => {
    const [admin, ops] = [stage.client('admin:changeit'), stage.client('ops:changeit')]
    await admin.appendToStream('plain', noted())
    const settings = { $userStreamAcl: { $r: '$admins', $w: '$all' }, $systemStreamAcl: { $r: '$ops' } }
    await admin.appendToStream('$settings', jsonEvent({ type: 'settings', data: settings }))
    expect(await outcomeOf(ops.readStream('plain'))).toBe('access-denied')
    expect(await outcomeOf(ops.readStream('$settings'))).toBe(1)
    await admin.appendToStream('$settings', jsonEvent({ type: 'settings', data: {} }))
    expect(await outcomeOf(ops.readStream('plain'))).toBe(1)
    expect(await outcomeOf(ops.readStream('$settings'))).toBe('access-denied')
  })

  test('opens $all to others when its list says so', async () => {
    const ops = stage.client('ops:changeit')
    expect(await outcomeOf(ops.readAll({ maxCount: 1 }))).toBe('access-denied')
    await stage.client('admin:changeit').setStreamMetadata('$all', { acl: { readRoles: ['$ops'] } })
    expect(await outcomeOf(ops.readAll({ maxCount: 1 }))).toBe(1)
  })

  test('keeps no password in its log', async () => {
    const { records } = stage.log.readAll({
      from: 0,
      direction: 'forwards',
      countMax: 100,
      bytesMax: 1_000_000,
      consideredMax: 100,
    })
    const all = Buffer.concat(records.map(({ body }) => body)).toString('latin1')
    expect(all).toContain('$UserCreated')
    expect(all).not.toContain('changeit')
  })

  test('serves HTTP/1 on the same port', async () => {
    const status = await new Promise((resolve, reject) => {
      const asked = get({ port: stage.server.port, path: '/ping', ca: stage.authority }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      asked.on('error', reject)
    })
    expect(status).toBe(200)
  })

  test('makes its users once', async () => {
    await stage.server.close()
    stage = await openSecureStage({ log: stage.log })
    expect(await outcomeOf(stage.client('admin:changeit').readStream('$users'))).toBe(2)
  })
})
