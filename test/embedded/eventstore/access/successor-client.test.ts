/** In a file of its own: the two clients overwrite each other's messages when one process loads both. */
import { jsonEvent, KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, test } from 'vitest'
import { startSecureServer } from './secure-server.ts'

describe('the official client’s successor over TLS', () => {
  test('appends, subscribes, and is refused without a password', async () => {
    const stage = await startSecureServer()
    const open = (who?: string) =>
      KurrentDBClient.connectionString(stage.connectionString(who).replace('esdb:', 'kurrentdb:'))
    const [admin, stranger] = [open('admin:changeit'), open()]
    await admin.appendToStream('successor', jsonEvent({ type: 'noted', data: { label: 'a' } }))
    for await (const { event } of admin.subscribeToStream('successor')) {
      expect(event?.data).toEqual({ label: 'a' })
      break
    }
    const refused = stranger.appendToStream('successor', jsonEvent({ type: 'noted', data: {} }))
    await expect(refused).rejects.toMatchObject({ type: 'access-denied' })
    await Promise.all([admin.dispose(), stranger.dispose()])
    await stage.server.close()
  })
})
