/** Turns: why one went where it went, and what may be asked of it. */
import { z } from 'zod'
import { positionSchema } from './common-contract.ts'

const decisionFields = {
  intent: z.string(),
  agent: z.string(),
  method: z.string(),
  confidence: z.number(),
  candidates: z.array(z.object({ intent: z.string(), probability: z.number() })),
  evidence: z.array(z.object({ kind: z.string(), name: z.string(), weight: z.number() })),
  guard: z.string().nullable(),
  routerVersion: z.string(),
}

export const routingSchema = z
  .object({ turnId: z.string(), ...decisionFields, tookMs: z.number() })
  .meta({ id: 'Routing' })

export const routingPreviewSchema = z.object(decisionFields).meta({ id: 'RoutingPreview' })

export const routingQuestionSchema = z.object({
  text: z.string(),
  history: z
    .array(z.object({ role: z.enum(['user', 'assistant']), text: z.string() }))
    .max(50)
    .default([]),
})

export const correctIntentSchema = z.object({ intent: z.string().min(1).max(64), note: z.string().optional() })

export const turnAcceptedSchema = z.object({ turnId: z.string(), position: positionSchema })
