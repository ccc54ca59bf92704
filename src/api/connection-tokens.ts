/** Tokens that open one socket each: short-lived, single use on whichever node, bound to the person who asked. */
import { EncryptJWT, errors, jwtDecrypt } from 'jose'
import type { Clock } from '../shared/clock.ts'
import { mintId } from '../shared/ids.ts'
import { isOwnerId, type Person, rolesFrom } from './person.ts'
import type { SessionMarks } from './session-marks.ts'

export interface ConnectionTokens {
  readonly issue: (person: Person) => Promise<{ readonly connectionToken: string; readonly expiresInS: number }>
  /** The person it was issued to, once; undefined for a token that is unknown, expired or taken already. Throws what the marks throw. */
  readonly take: (connectionToken: string) => Promise<Person | undefined>
}

export interface ConnectionTokensParts {
  readonly clock: Clock
  readonly lifetimeMs: number
  /** 32 bytes that all nodes share. */
  readonly key: Uint8Array
  readonly marks: Pick<SessionMarks, 'take'>
}

const ISSUER = 'emberlog'
const AUDIENCE = 'emberlog-socket'

/** The token itself holds the person, sealed, so that any node can open it; the marks see to it that only one does. */
export function createConnectionTokens({ clock, lifetimeMs, key, marks }: ConnectionTokensParts): ConnectionTokens {
  return {
    async issue({ ownerId, roles, tokenId, begunAt, expiresAt }) {
      const nowMs = clock().getTime()
      const connectionToken = await new EncryptJWT({
        roles,
        session: { tokenId, begunAtMs: begunAt.getTime(), expiresAtMs: expiresAt.getTime() },
        endsAtMs: nowMs + lifetimeMs,
      })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(ownerId)
        .setJti(mintId())
        .setExpirationTime(Math.ceil((nowMs + lifetimeMs) / 1_000))
        .encrypt(key)
      return { connectionToken, expiresInS: Math.floor(lifetimeMs / 1000) }
    },

    async take(connectionToken) {
      const payload = await open(connectionToken)
      const person = payload && personOf(payload)
      if (payload?.jti === undefined || person === undefined) return undefined
      const endsAt = new Date(Number(payload['endsAtMs'])) // The token's own `exp` counts whole seconds.
      if (endsAt <= clock()) return undefined
      return (await marks.take(payload.jti, endsAt)) ? person : undefined
    },
  }

  async function open(connectionToken: string) {
    try {
      const options = { issuer: ISSUER, audience: AUDIENCE, currentDate: clock() }
      return (await jwtDecrypt(connectionToken, key, options)).payload
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined
      throw error
    }
  }
}

function personOf(payload: { sub?: string; [claim: string]: unknown }): Person | undefined {
  const session = payload['session'] as { tokenId: string; begunAtMs: number; expiresAtMs: number } | undefined
  if (payload.sub === undefined || !isOwnerId(payload.sub) || session === undefined) return undefined
  return {
    ownerId: payload.sub,
    roles: rolesFrom(payload['roles']),
    tokenId: session.tokenId,
    begunAt: new Date(session.begunAtMs),
    expiresAt: new Date(session.expiresAtMs),
  }
}
