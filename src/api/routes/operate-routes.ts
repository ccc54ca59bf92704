/** What operators see at a glance: readiness, generations of read models, parked events, connections. Read only: acts are commands of the CLI. */
import { z } from 'zod'
import type { ApiServices } from '../api-services.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import type { ApiServer } from '../server-type.ts'

const countSchema = z.string().meta({ description: 'A 64-bit decimal.' })

const overviewSchema = z.object({
  parts: z.array(z.object({ name: z.string(), isReady: z.boolean(), detail: z.string() })),
  generations: z.array(
    z.object({
      number: z.number().int(),
      state: z.string(),
      projectorsVersion: z.number().int(),
      position: countSchema,
      eventCount: countSchema,
      createdAt: z.string(),
    }),
  ),
  parked: z.array(
    z.object({
      generation: z.number().int(),
      stream: z.string(),
      events: countSchema,
      firstPosition: countSchema,
      firstType: z.string(),
      reason: z.string(),
    }),
  ),
  connections: z.array(
    z.object({
      name: z.string(),
      connectionsMax: z.number().int(),
      inUse: z.number().int(),
      idle: z.number().int(),
      waiting: z.number().int(),
    }),
  ),
})

export function registerOperateRoutes(app: ApiServer, { guard, operations, readiness }: ApiServices): void {
  app.get(
    '/api/v1/operate/overview',
    {
      onRequest: guard.requires('operator'),
      schema: {
        tags: ['operate'],
        summary: 'The state of this process and of the read models',
        response: { 200: overviewSchema, ...problemAnswers },
      },
    },
    async () => {
      const { generations, parked, connections } = await operations()
      return {
        parts: readiness().map(({ name, isReady, detail }) => ({ name, isReady, detail })),
        generations: generations.map((generation) => ({
          ...generation,
          position: String(generation.position),
          eventCount: String(generation.eventCount),
          createdAt: generation.createdAt.toISOString(),
        })),
        parked: parked.map((stream) => ({
          ...stream,
          events: String(stream.events),
          firstPosition: String(stream.firstPosition),
        })),
        connections: connections.map(({ name, connectionsMax, inUse, idle, waiting }) => ({
          ...{ name, connectionsMax, inUse },
          ...{ idle, waiting },
        })),
      }
    },
  )
}
