/** The ledger over HTTP: its signed head, proofs, and tiles. There are only hashes here, nothing that anybody wrote. */
import { z } from 'zod'
import { isRefusal, refusal } from '../../shared/failures.ts'
import { parsePosition } from '../../shared/ids.ts'
import type { ApiServices } from '../api-services.ts'
import {
  consistencyQuerySchema,
  consistencySchema,
  inclusionQuerySchema,
  inclusionSchema,
} from '../contracts/audit-contract.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'

const tags = ['audit']
const BYTES = 'application/octet-stream'
/** A tile never changes. */
const FOR_EVER = 'private, max-age=31536000, immutable'

export function registerLedgerRoutes(app: ApiServer, services: ApiServices): void {
  registerHead(app, services)
  registerInclusion(app, services)
  registerConsistency(app, services)
  registerTiles(app, services)
}

function registerHead(app: ApiServer, { guard, audit }: ApiServices): void {
  app.get(
    '/api/v1/audit/ledger/checkpoint',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary: 'The last signed head of the ledger, as a C2SP checkpoint',
        produces: ['text/plain'],
        response: { 200: z.string(), ...problemAnswers },
      },
    },
    async (_request, reply) => {
      const checkpoint = await audit.ledger.checkpoint()
      if (checkpoint === undefined) return answerProblem(reply, refusal('ledger-empty'))
      reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8')
      return reply.serializer((body) => body as string).send(checkpoint.note)
    },
  )
}

function registerInclusion(app: ApiServer, { guard, audit }: ApiServices): void {
  app.get(
    '/api/v1/audit/ledger/inclusion',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary:
          'Proof that the event at a position is a leaf; only its hashes when asked for `application/octet-stream`',
        querystring: inclusionQuerySchema,
        response: { 200: inclusionSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const position = parsePosition(request.query.position)
      if (position === undefined) return answerProblem(reply, refusal('position-invalid'))
      const found = await audit.ledger.inclusion(position, request.query.size)
      if (isRefusal(found)) return answerProblem(reply, found)
      if (request.headers.accept === BYTES) return reply.type(BYTES).send(Buffer.concat(found.hashes) as never)
      return {
        position: String(found.position),
        index: found.index,
        size: found.size,
        leafHash: found.leafHash.toString('base64'),
        rootHash: found.root.toString('base64'),
        hashes: texts(found.hashes),
        checkpoint: found.note ?? null,
      }
    },
  )
}

function registerConsistency(app: ApiServer, { guard, audit }: ApiServices): void {
  app.get(
    '/api/v1/audit/ledger/consistency',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary: 'Proof that the ledger of `to` leaves begins with that of `from` leaves',
        querystring: consistencyQuerySchema,
        response: { 200: consistencySchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { from, to } = request.query
      const found = await audit.ledger.consistency(from, to)
      if (isRefusal(found)) return answerProblem(reply, found)
      if (request.headers.accept === BYTES) return reply.type(BYTES).send(Buffer.concat(found.hashes) as never)
      return {
        from: found.from,
        to: found.to,
        fromRootHash: found.fromRoot.toString('base64'),
        toRootHash: found.toRoot.toString('base64'),
        hashes: texts(found.hashes),
      }
    },
  )
}

function registerTiles(app: ApiServer, { guard, audit }: ApiServices): void {
  app.get(
    '/api/v1/audit/ledger/tiles/*',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary: 'A tile of hashes by its C2SP path, such as `tile/0/x001/234` or `tile/1/000.p/17`',
        params: z.object({ '*': z.string().max(200) }),
        response: {
          200: z.instanceof(Buffer).meta({ description: 'Hashes of 32 bytes, one after the other.' }),
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const bytes = await audit.ledger.tile(request.params['*'])
      if (bytes === undefined) return answerProblem(reply, refusal('tile-unknown'))
      return reply.header('cache-control', FOR_EVER).type(BYTES).send(bytes)
    },
  )
}

const texts = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('base64'))
