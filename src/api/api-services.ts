/** What routes and sockets share, built once from the parts. */
import { type AccessTokens, createDevelopmentTokens } from './access-tokens.ts'
import { type ApiMetrics, createApiMetrics } from './api-metrics.ts'
import type { ApiParts } from './api-parts.ts'
import { type ConnectionTokens, createConnectionTokens } from './connection-tokens.ts'
import { createEndedSessions, type EndedSessions } from './ended-sessions.ts'
import { createOidcTokens } from './oidc-tokens.ts'
import { createOpenSockets, type OpenSockets } from './open-sockets.ts'
import { createOpenStreams, type OpenStreams } from './open-streams.ts'
import { createRateLimit, type RateLimit } from './rate-limit.ts'
import { createReadFreshness, type ReadFreshness } from './read-freshness.ts'
import { createRecentTurns, type RecentTurns } from './recent-turns.ts'
import type { EndedSession } from './session-marks.ts'
import { createSignInGuard, type SignInGuard } from './sign-in-guard.ts'

export interface ApiServices extends ApiParts {
  readonly collected: ApiMetrics
  readonly accessTokens: AccessTokens
  readonly connectionTokens: ConnectionTokens
  readonly endedSessions: EndedSessions
  /** Takes the session's tokens no more and closes its sockets, on this node. */
  readonly sessionEnded: (ended: EndedSession) => void
  readonly guard: SignInGuard
  readonly messageRate: RateLimit
  readonly connectionRate: RateLimit
  readonly recentTurns: RecentTurns
  readonly freshness: ReadFreshness
  readonly sockets: OpenSockets
  readonly streams: OpenStreams
}

export function createApiServices(parts: ApiParts): ApiServices {
  const { clock, settings, queries } = parts
  const { limits, allowedOrigins } = settings
  const collected = createApiMetrics(parts.metrics)
  const accessTokens = createAccessTokens(parts)
  const endedSessions = createEndedSessions({ clock, tokensMax: limits.endedTokensMax })
  const sockets = createOpenSockets({ limits, metrics: collected })
  const sessionEnded = (ended: EndedSession) => {
    endedSessions.add(ended)
    sockets.closeEnded(endedSessions.isEnded)
  }
  parts.sessionMarks.onEnded(sessionEnded)
  return {
    ...parts,
    collected,
    accessTokens,
    endedSessions,
    sessionEnded,
    connectionTokens: createConnectionTokens({
      clock,
      lifetimeMs: limits.connectionTokenLifetimeMs,
      key: settings.nodesKey,
      marks: parts.sessionMarks,
    }),
    guard: createSignInGuard({ accessTokens, endedSessions, allowedOrigins }),
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
    sockets,
    streams: createOpenStreams(limits.streamsPerPersonMax),
  }
}

function createAccessTokens({ settings, clock }: ApiParts): AccessTokens {
  const { auth, limits } = settings
  if (auth.mode === 'oidc') return createOidcTokens({ issuer: auth.issuer, audience: auth.audience, clock })
  return createDevelopmentTokens({ jwtSecret: auth.jwtSecret, lifetimeMs: limits.accessTokenLifetimeMs, clock })
}
