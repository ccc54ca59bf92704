/** What the configuration means for the API: who signs people in, which key nodes share, and its limits. */
import { hkdfSync } from 'node:crypto'
import { defaultApiLimits } from '../api/api-limits.ts'
import type { ApiSettings } from '../api/api-parts.ts'
import type { Config } from '../config.ts'
import { developmentSecret } from './data-directory.ts'

const NODES_KEY_BYTES = 32

/** In development, a secret that is not given is made once and kept in the data directory. */
export async function apiSettings(config: Config): Promise<ApiSettings> {
  const secret = config.AUTH_JWT_SECRET ?? (await developmentSecret(config.dataDirectory))
  return {
    auth: authSettings(config, secret),
    nodesKey: new Uint8Array(hkdfSync('sha256', secret, '', 'emberlog connection tokens', NODES_KEY_BYTES)),
    allowedOrigins: config.EMBERLOG_ALLOWED_ORIGINS,
    isBehindProxy: false,
    limits: {
      ...defaultApiLimits,
      messagesPerPersonPerMinuteMax: config.EMBERLOG_MESSAGES_PER_MINUTE_MAX,
      socketsPerPersonMax: config.EMBERLOG_SOCKETS_PER_PERSON_MAX,
    },
  }
}

function authSettings({ AUTH_MODE, OIDC_ISSUER, OIDC_AUDIENCE }: Config, jwtSecret: string): ApiSettings['auth'] {
  if (AUTH_MODE === 'oidc' && OIDC_ISSUER !== undefined && OIDC_AUDIENCE !== undefined) {
    return { mode: 'oidc', issuer: OIDC_ISSUER, audience: OIDC_AUDIENCE }
  }
  return { mode: 'development', jwtSecret }
}
