/** What every command of a person carries besides its wish, and how every command answers with its position. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Accepted, Request as CommandRequest } from '../commands/conversation-gateway.ts'
import type { OwnWish } from '../commands/user-gateway.ts'
import { commandIdSchema } from './contracts/common-contract.ts'
import type { Person } from './person.ts'

/** W3C Trace Context, version 00. */
const traceparentPattern = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The headers that commands accept. Other headers pass untouched. */
export const commandHeaders = z.looseObject({ 'idempotency-key': commandIdSchema.optional() })

export function commandOf(request: FastifyRequest, person: Person, clientConversationId: string): CommandRequest {
  return { ...ownWishOf(request, person), clientConversationId }
}

/** A wish about what belongs to the person besides conversations; `part` tells apart the wishes of one request. */
export function ownWishOf(request: FastifyRequest, person: Person, part?: string): OwnWish {
  const key = request.headers['idempotency-key']
  const commandId = typeof key === 'string' && part !== undefined ? `${key}:${part}` : key
  const { traceparent } = request.headers
  return {
    ownerId: person.ownerId,
    ...(typeof commandId === 'string' ? { commandId } : {}),
    ...(typeof traceparent === 'string' && traceparentPattern.test(traceparent) ? { traceparent } : {}),
  }
}

/** One request may hold two wishes: each gets an idempotency key of its own. */
export function partOf(command: CommandRequest, part: string): CommandRequest {
  return command.commandId === undefined ? command : { ...command, commandId: `${command.commandId}:${part}` }
}

export function withPosition<Reply extends FastifyReply>(reply: Reply, { position }: Accepted): Reply {
  reply.header('x-position', String(position))
  return reply
}
