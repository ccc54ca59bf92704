/** An HTTP address as a place for checkpoints: each is posted there as text, and any success means that it was taken. */
import { Fault } from '../shared/failures.ts'
import type { CheckpointPlace } from './checkpoint-places.ts'

export function httpPlace(url: string): CheckpointPlace {
  const address = new URL(url)
  return {
    // Without user, password and parameters, which may be secrets.
    name: `${address.origin}${address.pathname}`,
    async hand({ note }, signal) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' }
      const answer = await fetch(address, { method: 'POST', headers, body: note, signal, redirect: 'error' })
      await answer.body?.cancel()
      if (!answer.ok) throw new Fault('checkpoint-not-taken', { place: address.origin, status: answer.status })
      return ''
    },
  }
}
