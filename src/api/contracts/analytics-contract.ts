/** Figures as analysts see them: a range of time, in buckets; nobody's words or names. */
import { z } from 'zod'
import { buckets } from '../../projections/analytics/analytics-queries.ts'
import { timeSchema } from './common-contract.ts'

const countSchema = z.number().int()
const shareSchema = z.number().min(0).max(1).nullable().meta({ description: 'A share, 0 to 1; null of nothing.' })

const momentSchema = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => new Date(text))
  .meta({ description: 'A time (ISO 8601 with its offset), or a day in UTC, which stands for its beginning.' })

export const rangeQuerySchema = z.object({
  from: momentSchema.optional().meta({ description: 'From here on; left out: 30 days before `to`.' }),
  to: momentSchema.optional().meta({ description: 'Up to here, not included; left out: now.' }),
})

export const bucketQuerySchema = rangeQuerySchema.extend({
  bucket: z.enum(buckets).default('day').meta({ description: 'Weeks begin on Monday; all of it in UTC.' }),
})

const rangeFields = { from: timeSchema, to: timeSchema }
const bucketedFields = { ...rangeFields, bucket: z.enum(buckets) }
const startField = { start: timeSchema.meta({ description: 'When the bucket begins; it may be earlier than `from`.' }) }

const percentilesSchema = z
  .object({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number() })
  .nullable()
  .meta({ id: 'Percentiles', description: 'Milliseconds; null when no turn was completed.' })

const turnFields = {
  ...{ turns: countSchema, people: countSchema, conversations: countSchema },
  ...{ completed: countSchema, failed: countSchema, stopped: countSchema, open: countSchema },
  ...{ firstTokenMs: percentilesSchema, totalMs: percentilesSchema },
}

const routingFields = {
  routed: countSchema,
  byMethod: z.record(z.string(), countSchema),
  ...{ fallbackRate: shareSchema, corrected: countSchema, correctionRate: shareSchema, meanConfidence: shareSchema },
}

const tokenFields = {
  ...{ inputTokens: countSchema, outputTokens: countSchema },
  costUsd: z.number().nullable().meta({ description: 'US dollars; null as soon as one price is not known.' }),
  unpricedTurns: countSchema,
}

export const overviewSchema = z
  .object({
    ...rangeFields,
    ...turnFields,
    ...routingFields,
    ...tokenFields,
    ...{ ratedUp: countSchema, ratedDown: countSchema },
  })
  .meta({ id: 'AnalyticsOverview' })

export const turnFiguresSchema = z
  .object({ ...bucketedFields, results: z.array(z.object({ ...startField, ...turnFields })) })
  .meta({ id: 'TurnFigures' })

export const routingFiguresSchema = z
  .object({
    ...bucketedFields,
    results: z.array(z.object({ ...startField, ...routingFields })),
    intents: z.array(
      z.object({ intent: z.string(), turns: countSchema, corrected: countSchema, meanConfidence: z.number() }),
    ),
    misroutes: z.array(z.object({ intent: z.string(), correctedIntent: z.string(), turns: countSchema })),
  })
  .meta({ id: 'RoutingFigures' })

export const usageFiguresSchema = z
  .object({
    ...bucketedFields,
    results: z.array(z.object({ ...startField, turns: countSchema, ...tokenFields })),
    models: z.array(z.object({ provider: z.string(), id: z.string(), turns: countSchema, ...tokenFields })),
  })
  .meta({ id: 'UsageFigures' })

export const analystCorrectionSchema = z.object({
  intent: z.string().min(1).max(64),
  askedAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .meta({
      description: '`asked_at` of the turn, as the views of schema `analytics` show it.',
      example: '2026-11-23T19:00:00.000Z',
    }),
})
