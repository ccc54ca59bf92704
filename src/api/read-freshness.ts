/** Read your writes: who names a position waits for it, bounded, and is told how far the read models have come. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { ConversationQueries } from '../projections/query-types.ts'
import { type Position, parsePosition } from '../shared/ids.ts'
import { positionSchema } from './contracts/common-contract.ts'

/** The header that queries accept. Other headers pass untouched. */
export const freshnessHeaders = z.looseObject({ 'x-min-position': positionSchema.optional() })

export interface ReadFreshness {
  /** Past the bound a query answers with what there is: `x-read-position` tells the client how far that goes. */
  readonly ofQuery: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** For a command that must look something up first; without the header it does not wait. */
  readonly ofCommand: (request: FastifyRequest) => Promise<void>
}

export function createReadFreshness(queries: ConversationQueries, waitMsMax: number): ReadFreshness {
  return {
    async ofQuery(request, reply) {
      const wanted = wantedBy(request)
      const position =
        wanted === undefined
          ? await queries.position()
          : (await queries.waitFor({ position: wanted, waitMsMax })).position
      reply.header('x-read-position', String(position))
    },
    async ofCommand(request) {
      const wanted = wantedBy(request)
      if (wanted !== undefined) await queries.waitFor({ position: wanted, waitMsMax })
    },
  }
}

function wantedBy(request: FastifyRequest): Position | undefined {
  const header = request.headers['x-min-position']
  return typeof header === 'string' ? parsePosition(header) : undefined
}
