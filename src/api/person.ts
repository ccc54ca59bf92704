/** Who asks: an owner id fit to be part of stream names, and roles. */

export const roles = ['user', 'auditor', 'analyst', 'operator'] as const
export type Role = (typeof roles)[number]

export interface Person {
  readonly ownerId: string
  readonly roles: readonly Role[]
  /** Names the access token without being usable as one; sockets opened with it close when it is ended. */
  readonly tokenId: string
  /** When the session began, as far as its token says; then the epoch. */
  readonly begunAt: Date
  readonly expiresAt: Date
}

const OWNER_ID_CHARACTERS_MAX = 128
/** Control characters, line and paragraph separators, and the separator inside names of streams. */
const FORBIDDEN_IN_OWNER_IDS = /[\p{Cc}\u2028\u2029\u241F]/u

/** True for 1 to 128 characters that cannot break a stream's name, a header or a log line. */
export function isOwnerId(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= OWNER_ID_CHARACTERS_MAX &&
    text.trim() === text &&
    text.isWellFormed() &&
    !FORBIDDEN_IN_OWNER_IDS.test(text)
  )
}

/** Keeps the roles that exist; a person without any is a `user`. */
export function rolesFrom(claim: unknown): readonly Role[] {
  const known = Array.isArray(claim) ? roles.filter((role) => claim.includes(role)) : []
  return known.length === 0 ? ['user'] : known
}
