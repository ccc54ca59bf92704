/** What the API needs of access tokens: who one speaks for; in development mode also how to make one. */
import { createHash } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { isOwnerId, type Person, type Role, rolesFrom } from './person.ts'

export interface AccessTokens {
  /** The person an access token speaks for; undefined when it is not valid (expired, not ours, not readable). */
  readonly verify: (accessToken: string) => Promise<Person | undefined>
  /** Only in development mode. */
  readonly issue?: (
    ownerId: string,
    roles: readonly Role[],
  ) => Promise<{ readonly accessToken: string; readonly expiresInS: number }>
}

export interface DevelopmentTokensOptions {
  /** At least 32 bytes: a shorter key is weaker than the signature it makes. */
  readonly jwtSecret: string
  readonly lifetimeMs: number
  readonly clock: Clock
}

const SECRET_BYTES_MIN = 32
const ISSUER = 'emberlog'
/** A claim of our own: `iat` counts whole seconds, too few to tell a session from the one ended just before it. */
const BEGUN_AT_MS = 'emberlog_begun_at_ms'

/** Signs and verifies its own tokens (HS256). Throws a Fault `jwt-secret-too-short`. */
export function createDevelopmentTokens({ jwtSecret, lifetimeMs, clock }: DevelopmentTokensOptions): AccessTokens {
  const key = new TextEncoder().encode(jwtSecret)
  if (key.byteLength < SECRET_BYTES_MIN) throw new Fault('jwt-secret-too-short', { bytesMin: SECRET_BYTES_MIN })
  return {
    async verify(accessToken) {
      return personOf(accessToken, () =>
        jwtVerify(accessToken, key, {
          algorithms: ['HS256'],
          issuer: ISSUER,
          audience: ISSUER,
          requiredClaims: ['sub', 'exp'],
          currentDate: clock(),
        }),
      )
    },
    async issue(ownerId, ownRoles) {
      const begunAtMs = clock().getTime()
      const issuedAtS = Math.floor(begunAtMs / 1000)
      const expiresInS = Math.floor(lifetimeMs / 1000)
      const accessToken = await new SignJWT({ roles: ownRoles, [BEGUN_AT_MS]: begunAtMs })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(ISSUER)
        .setAudience(ISSUER)
        .setSubject(ownerId)
        .setIssuedAt(issuedAtS)
        .setExpirationTime(issuedAtS + expiresInS)
        .setJti(crypto.randomUUID())
        .sign(key)
      return { accessToken, expiresInS }
    },
  }
}

/** Runs a verification of `jose` and reads the person from the claims; anything wrong with the token is undefined. */
export async function personOf(
  accessToken: string,
  verify: () => Promise<{ payload: JWTPayload }>,
): Promise<Person | undefined> {
  try {
    const { payload } = await verify()
    if (payload.sub === undefined || payload.exp === undefined || !isOwnerId(payload.sub)) return undefined
    return {
      ownerId: payload.sub,
      roles: rolesFrom(payload['roles']),
      tokenId: createHash('sha256').update(accessToken).digest('base64url'),
      begunAt: begunAtOf(payload),
      expiresAt: new Date(payload.exp * 1000),
    }
  } catch (error) {
    if (!isProviderFailure(error)) return undefined
    throw new Fault('identity-provider-unavailable', {}, { cause: error })
  }
}

function begunAtOf(payload: JWTPayload): Date {
  const ms = payload[BEGUN_AT_MS]
  return new Date(typeof ms === 'number' ? ms : (payload.iat ?? 0) * 1_000)
}

/** A key set that cannot be fetched or read is the world's failure, not the token's. */
function isProviderFailure(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true
  return (
    error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.constructor === errors.JOSEError
  )
}
