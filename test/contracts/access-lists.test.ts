import { randomUUID } from 'node:crypto'
import { AccessDeniedError, EventStoreDBClient, jsonEvent, StreamNotFoundError } from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenStore, secureContractStores } from './contract-stores.ts'

/** A user that every node has from the start, who is no admin. */
const credentials = { username: 'ops', password: 'changeit' }
const noted = () => jsonEvent({ type: 'Noted', data: {} })

describe.each(secureContractStores)('the lists of $name', (store) => {
  let opened: OpenStore
  let admin: EventStoreDBClient

  beforeAll(async () => {
    opened = await store.open()
    admin = EventStoreDBClient.connectionString(opened.connectionString)
  })
  afterAll(async () => {
    await admin.dispose()
    await opened.close()
  })

  async function listed(acl: Readonly<Record<'readRoles' | 'writeRoles', readonly string[]>>): Promise<string> {
    const stream = `listed-${randomUUID()}`
    await admin.appendToStream(stream, noted())
    await admin.setStreamMetadata(stream, { acl: { readRoles: [...acl.readRoles], writeRoles: [...acl.writeRoles] } })
    return stream
  }

  async function read(client: EventStoreDBClient, stream: string, as = {}): Promise<number> {
    let count = 0
    for await (const _event of client.readStream(stream, as)) count += 1
    return count
  }

  test('open a stream to nobody who has not signed in, even when they name everybody', async () => {
    const stream = await listed({ readRoles: ['$all'], writeRoles: ['$all'] })
    const nobody = EventStoreDBClient.connectionString(opened.connectionString.replace(/\/\/[^@/]*@/, '//'))
    await expect(read(nobody, stream)).rejects.toThrow(AccessDeniedError)
    await expect(nobody.appendToStream(stream, noted())).rejects.toThrow(AccessDeniedError)
    await nobody.dispose()
  })

  test('let in whom they name, and nobody else but admins', async () => {
    const theirs = await listed({ readRoles: ['ops'], writeRoles: ['ops'] })
    await admin.appendToStream(theirs, noted(), { credentials })
    expect(await read(admin, theirs, { credentials })).toBe(2)
    const elses = await listed({ readRoles: ['somebody'], writeRoles: ['somebody'] })
    await expect(admin.appendToStream(elses, noted(), { credentials })).rejects.toThrow(AccessDeniedError)
    await expect(read(admin, elses, { credentials })).rejects.toThrow(AccessDeniedError)
    await admin.appendToStream(elses, noted())
    expect(await read(admin, elses)).toBe(2)
  })

  test('are what they were set to', async () => {
    const stream = await listed({ readRoles: ['ada', 'bob'], writeRoles: ['ada'] })
    const { metadata } = await admin.getStreamMetadata(stream)
    expect(metadata?.acl).toMatchObject({ readRoles: ['ada', 'bob'], writeRoles: ['ada'] })
  })

  test('keep $all to admins as long as its own list says nothing else', async () => {
    const reading = (async () => {
      for await (const _event of admin.readAll({ maxCount: 1, credentials })) return true
      return false
    })()
    await expect(reading).rejects.toThrow(AccessDeniedError)
  })

  test('let nobody in with a wrong password', async () => {
    const wrong = { username: 'ops', password: 'wrong' }
    const stream = `listed-${randomUUID()}`
    await expect(admin.appendToStream(stream, noted(), { credentials: wrong })).rejects.toThrow()
    await expect(read(admin, stream)).rejects.toThrow(StreamNotFoundError)
  })
})
