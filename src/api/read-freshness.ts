/** Read your writes: who names a position waits for it, bounded, and is told how far the read models have come. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ConversationQueries } from '../projections/query-types.ts'
import { type Refusal, refusal } from '../shared/failures.ts'
import { type Position, parsePosition } from '../shared/ids.ts'
import { positionSchema } from './contracts/common-contract.ts'

/** The header that queries accept. Other headers pass untouched. */
export const freshnessHeaders = z.looseObject({ 'x-min-position': positionSchema.optional() })

export interface ReadFreshness {
  /**
   * Past the bound a query answers with what there is: `x-read-position` tells the client how far that goes. False when that is
   * not as far as was asked for.
   */
  readonly ofQuery: (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>
  /** For a command that must look something up first; without the header it does not wait. False as above. */
  readonly ofCommand: (request: FastifyRequest) => Promise<boolean>
}

/** For what is not in the read models: unknown, or, when they are not as far as was asked for, perhaps only not there yet. */
export function notFound(isReached: boolean, code: string): Refusal {
  return isReached
    ? refusal(code)
    : refusal('database-busy', 'The read models have not come as far as x-min-position yet.')
}

export function createReadFreshness(queries: ConversationQueries, waitMsMax: number): ReadFreshness {
  return {
    async ofQuery(request, reply) {
      const wanted = wantedBy(request)
      const { isReached, position } =
        wanted === undefined
          ? { isReached: true, position: await queries.position() }
          : await queries.waitFor({ position: wanted, waitMsMax })
      reply.header('x-read-position', String(position))
      return isReached
    },
    async ofCommand(request) {
      const wanted = wantedBy(request)
      return wanted === undefined || (await queries.waitFor({ position: wanted, waitMsMax })).isReached
    },
  }
}

function wantedBy(request: FastifyRequest): Position | undefined {
  const header = request.headers['x-min-position']
  return typeof header === 'string' ? parsePosition(header) : undefined
}
