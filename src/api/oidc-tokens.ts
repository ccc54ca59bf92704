/** Access tokens of an OpenID Connect provider, verified against its published keys; source: OpenID Connect Discovery 1.0. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { type AccessTokens, personOf } from './access-tokens.ts'

export interface OidcTokensOptions {
  /** As it stands in the tokens' `iss`. */
  readonly issuer: string
  readonly audience: string
  readonly clock: Clock
}

const DISCOVERY_TIMEOUT_MS = 5_000
const KEYS_TIMEOUT_MS = 5_000
/** Clocks of two machines differ a little. */
const CLOCK_TOLERANCE_S = 5
/** Signatures by key pairs only: a shared secret has no place in a published key set. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() })

/** Finds the provider's keys on first use, and again after a failure. A provider that cannot be reached is a Fault. */
export function createOidcTokens({ issuer, audience, clock }: OidcTokensOptions): AccessTokens {
  let keySet: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined

  function keys(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    keySet ??= discoverKeys(issuer).catch((cause) => {
      keySet = undefined
      throw cause
    })
    return keySet
  }

  return {
    async verify(accessToken) {
      const currentKeys = await keys()
      return personOf(accessToken, () =>
        jwtVerify(accessToken, currentKeys, {
          algorithms,
          issuer,
          audience,
          requiredClaims: ['sub', 'exp'],
          clockTolerance: CLOCK_TOLERANCE_S,
          currentDate: clock(),
        }),
      )
    },
  }
}

async function discoverKeys(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) })
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    const found = discoverySchema.parse(await answer.json())
    if (found.issuer !== issuer) throw new Error(`speaks for another issuer: ${found.issuer}`)
    return createRemoteJWKSet(new URL(found.jwks_uri), { timeoutDuration: KEYS_TIMEOUT_MS })
  } catch (cause) {
    throw new Fault('identity-provider-unavailable', { address }, { cause })
  }
}
