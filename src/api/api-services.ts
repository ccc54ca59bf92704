/** What routes and sockets share, built once from the parts. */
import { type AccessTokens, createDevelopmentTokens } from './access-tokens.ts'
import { type ApiMetrics, createApiMetrics } from './api-metrics.ts'
import type { ApiParts } from './api-parts.ts'
import { type ConnectionTokens, createConnectionTokensInMemory } from './connection-tokens.ts'
import { createEndedTokens, type EndedTokens } from './ended-tokens.ts'
import { createOidcTokens } from './oidc-tokens.ts'
import { createOpenSockets, type OpenSockets } from './open-sockets.ts'
import { createRateLimit, type RateLimit } from './rate-limit.ts'
import { createReadFreshness, type ReadFreshness } from './read-freshness.ts'
import { createRecentTurns, type RecentTurns } from './recent-turns.ts'
import { createSignInGuard, type SignInGuard } from './sign-in-guard.ts'

export interface ApiServices extends ApiParts {
  readonly collected: ApiMetrics
  readonly accessTokens: AccessTokens
  readonly connectionTokens: ConnectionTokens
  readonly endedTokens: EndedTokens
  readonly guard: SignInGuard
  readonly messageRate: RateLimit
  readonly connectionRate: RateLimit
  readonly recentTurns: RecentTurns
  readonly freshness: ReadFreshness
  readonly sockets: OpenSockets
}

export function createApiServices(parts: ApiParts): ApiServices {
  const { clock, settings, queries } = parts
  const { limits, allowedOrigins } = settings
  const collected = createApiMetrics(parts.metrics)
  const accessTokens = createAccessTokens(parts)
  const endedTokens = createEndedTokens({ clock, tokensMax: limits.endedTokensMax })
  return {
    ...parts,
    collected,
    accessTokens,
    endedTokens,
    connectionTokens: createConnectionTokensInMemory({
      clock,
      lifetimeMs: limits.connectionTokenLifetimeMs,
      tokensMax: limits.connectionTokensMax,
      tokensPerPersonMax: limits.connectionTokensPerPersonMax,
    }),
    guard: createSignInGuard({ accessTokens, endedTokens, allowedOrigins }),
    messageRate: createRateLimit({
      perMinute: limits.messagesPerPersonPerMinuteMax,
      keysMax: limits.ratedPeopleMax,
      clock,
    }),
    connectionRate: createRateLimit({
      perMinute: limits.newSocketsPerPersonPerMinuteMax,
      keysMax: limits.ratedPeopleMax,
      clock,
    }),
    recentTurns: createRecentTurns({ turnsMax: limits.recentTurnsMax }),
    freshness: createReadFreshness(queries, limits.readWaitMsMax),
    sockets: createOpenSockets({ limits, metrics: collected }),
  }
}

function createAccessTokens({ settings, clock }: ApiParts): AccessTokens {
  const { auth, limits } = settings
  if (auth.mode === 'oidc') return createOidcTokens({ issuer: auth.issuer, audience: auth.audience, clock })
  return createDevelopmentTokens({ jwtSecret: auth.jwtSecret, lifetimeMs: limits.accessTokenLifetimeMs, clock })
}
