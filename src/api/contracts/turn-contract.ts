/** Turns: why one went where it went, and what may be asked of it. */
import { z } from 'zod'
import { agentNames } from '../../agents/agent-name.ts'
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

const usedContextSchema = z.object({
  messages: z.number().meta({ description: 'Earlier messages that were read.' }),
  agent: z.string().nullable().meta({ description: 'Who had answered last; null when nobody can tell.' }),
  agentProbability: z.number(),
  isAsked: z.boolean().meta({ description: 'Whether the assistant had asked something.' }),
})

export const routingPreviewSchema = z
  .object({
    ...decisionFields,
    context: usedContextSchema,
    clarify: z.array(z.string()).optional().meta({ description: 'The two likeliest intents, when unsure.' }),
    tookMs: z.number(),
  })
  .meta({ id: 'RoutingPreview' })

export const routingQuestionSchema = z.object({
  text: z.string(),
  history: z
    .array(
      z
        .object({
          role: z.enum(['user', 'assistant']),
          text: z.string().optional(),
          content: z.string().optional().meta({ description: 'Another name for `text`.' }),
          agent: z.enum(agentNames).optional().meta({ description: 'Who answered; inferred when left out.' }),
        })
        .refine(({ text, content }) => (text ?? content) !== undefined, { error: 'text-missing' }),
    )
    .max(50)
    .default([]),
})

export const correctIntentSchema = z.object({
  intent: z.string().min(1).max(64),
  note: z.string().optional(),
  reroute: z.boolean().optional().meta({ description: 'Answer the message once more, by the agent of this intent.' }),
})

export const turnAcceptedSchema = z.object({ turnId: z.string(), position: positionSchema })
