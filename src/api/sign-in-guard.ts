/** A route behind this guard knows who asks; everybody else gets 401, and a person without the role 403. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { assert } from '../shared/assert.ts'
import { isRefusal, type Refusal, refusal } from '../shared/failures.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { EndedSessions } from './ended-sessions.ts'
import { isOriginAllowed } from './origin-check.ts'
import type { Person, Role } from './person.ts'
import { answerProblem } from './problem-answer.ts'

/** Where the page keeps its access token: out of reach of scripts, sent to no other site. */
export const SESSION_COOKIE = 'emberlog_session'

export interface SignInGuard {
  /** A hook for routes: asks for a signed-in person who has one of the roles, if any are named. */
  readonly requires: (...anyOf: readonly Role[]) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>
  /** The person a request speaks for, or why it speaks for none. */
  readonly identify: (request: FastifyRequest) => Promise<Person | Refusal>
  /** The person a guarded request speaks for. */
  readonly personOf: (request: FastifyRequest) => Person
}

export interface SignInGuardParts {
  readonly accessTokens: AccessTokens
  readonly endedSessions: EndedSessions
  readonly allowedOrigins: readonly string[]
}

export function createSignInGuard(parts: SignInGuardParts): SignInGuard {
  const people = new WeakMap<FastifyRequest, Person>()
  return {
    identify: (request) => identify(request, parts),
    requires:
      (...anyOf) =>
      async (request, reply) => {
        const person = await identify(request, parts)
        if (isRefusal(person)) return answerProblem(reply, person)
        if (anyOf.length > 0 && !anyOf.some((role) => person.roles.includes(role))) {
          return answerProblem(reply, refusal('role-missing', `This needs the role ${anyOf.join(' or ')}.`))
        }
        people.set(request, person)
        return undefined
      },
    personOf(request) {
      const person = people.get(request)
      assert(person !== undefined, 'the route is behind the sign-in guard')
      return person
    },
  }
}

/** A bearer token is decisive when it is there: a bad one never falls back to the cookie. */
async function identify(request: FastifyRequest, parts: SignInGuardParts): Promise<Person | Refusal> {
  const { authorization } = request.headers
  if (authorization !== undefined) return verify(/^Bearer +(\S+)$/i.exec(authorization)?.[1], parts)
  const fromCookie = cookieOf(request, SESSION_COOKIE)
  if (fromCookie !== undefined && isFromElsewhere(request, parts)) return refusal('origin-not-allowed')
  return verify(fromCookie, parts)
}

async function verify(
  token: string | undefined,
  { accessTokens, endedSessions }: SignInGuardParts,
): Promise<Person | Refusal> {
  const person = token === undefined ? undefined : await accessTokens.verify(token)
  return person === undefined || endedSessions.isEnded(person) ? refusal('not-signed-in') : person
}

/** Browsers send cookies on their own; a request that changes something must come from a page we allow. */
function isFromElsewhere(request: FastifyRequest, { allowedOrigins }: SignInGuardParts): boolean {
  const isSafe = request.method === 'GET' || request.method === 'HEAD'
  return !isSafe && !isOriginAllowed(request, allowedOrigins)
}

function cookieOf(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2)
    if (key === name && value !== undefined && value !== '') return value
  }
  return undefined
}
