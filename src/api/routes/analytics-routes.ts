/** Figures for analysts, and for operators: bounded ranges, bounded buckets; and what analysts say a turn was about. */
import { z } from 'zod'
import type { AnalyticsRange, Bucket } from '../../projections/analytics/analytics-queries.ts'
import { isRefusal, type Refusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { commandHeaders, ownWishOf, withPosition } from '../command-context.ts'
import {
  analystCorrectionSchema,
  bucketQuerySchema,
  overviewSchema,
  rangeQuerySchema,
  routingFiguresSchema,
  turnFiguresSchema,
  usageFiguresSchema,
} from '../contracts/analytics-contract.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { commandAcceptedSchema } from '../contracts/conversation-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders, notFound } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const DAY_MS = 86_400_000
const RANGE_DAYS_DEFAULT = 30
const RANGE_DAYS_MAX = 3_660
const BUCKETS_MAX = 1_000
/** At least: months are counted as the shortest one. */
const bucketMs: Record<Bucket, number> = { hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS, month: 28 * DAY_MS }

const described = { tags: ['analytics'], headers: freshnessHeaders }

export function registerAnalyticsRoutes(app: ApiServer, services: ApiServices): void {
  registerOverview(app, services)
  registerTurns(app, services)
  registerRouting(app, services)
  registerUsage(app, services)
  registerCorrection(app, services)
}

function registerOverview(app: ApiServer, services: ApiServices): void {
  app.get(
    '/api/v1/analytics/overview',
    {
      onRequest: services.guard.requires('analyst', 'operator'),
      schema: {
        ...described,
        summary: 'The figures of a time range, all in all',
        querystring: rangeQuerySchema,
        response: { 200: overviewSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const range = rangeOf({ ...request.query, bucket: 'month' }, services.clock())
      if (isRefusal(range)) return answerProblem(reply, range)
      await services.freshness.ofQuery(request, reply)
      const { from, to } = range
      return { from: from.toISOString(), to: to.toISOString(), ...(await services.analytics.overview({ from, to })) }
    },
  )
}

function registerTurns(app: ApiServer, services: ApiServices): void {
  app.get(
    '/api/v1/analytics/turns',
    {
      onRequest: services.guard.requires('analyst', 'operator'),
      schema: {
        ...described,
        summary: 'Turns, people and waiting times, in buckets of time',
        querystring: bucketQuerySchema,
        response: { 200: turnFiguresSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const range = rangeOf(request.query, services.clock())
      if (isRefusal(range)) return answerProblem(reply, range)
      await services.freshness.ofQuery(request, reply)
      return { ...rangeFields(range), results: started(await services.analytics.turns(range)) }
    },
  )
}

function registerRouting(app: ApiServer, services: ApiServices): void {
  app.get(
    '/api/v1/analytics/routing',
    {
      onRequest: services.guard.requires('analyst', 'operator'),
      schema: {
        ...described,
        summary: 'How turns were routed, and what people corrected',
        querystring: bucketQuerySchema,
        response: { 200: routingFiguresSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const range = rangeOf(request.query, services.clock())
      if (isRefusal(range)) return answerProblem(reply, range)
      await services.freshness.ofQuery(request, reply)
      const { results, intents, misroutes } = await services.analytics.routing(range)
      return { ...rangeFields(range), results: started(results), intents: [...intents], misroutes: [...misroutes] }
    },
  )
}

function registerUsage(app: ApiServer, services: ApiServices): void {
  app.get(
    '/api/v1/analytics/usage',
    {
      onRequest: services.guard.requires('analyst', 'operator'),
      schema: {
        ...described,
        summary: 'Tokens and their cost, by time and by model',
        querystring: bucketQuerySchema,
        response: { 200: usageFiguresSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const range = rangeOf(request.query, services.clock())
      if (isRefusal(range)) return answerProblem(reply, range)
      await services.freshness.ofQuery(request, reply)
      const { results, models } = await services.analytics.usage(range)
      return { ...rangeFields(range), results: started(results), models: [...models] }
    },
  )
}

/** By the key that analysts know: a turn's id would tell whose it is. */
function registerCorrection(app: ApiServer, { analytics, gateway, guard, freshness }: ApiServices): void {
  app.post(
    '/api/v1/analytics/turns/:turnKey/intent',
    {
      onRequest: guard.requires('analyst'),
      schema: {
        tags: ['analytics'],
        summary: 'Say what a turn was really about, as a row to train on; nothing is answered again',
        headers: commandHeaders.extend(freshnessHeaders.shape),
        // A pseudonym has the form of a UUID and nothing else of one: its version is as random as the rest.
        params: z.object({ turnKey: z.guid().toLowerCase().meta({ description: '`turn_key` of the turn.' }) }),
        body: analystCorrectionSchema,
        response: { 202: commandAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { intent, askedAt } = request.body
      const { ownerId: analystId, ...wish } = ownWishOf(request, guard.personOf(request))
      const isReached = await freshness.ofCommand(request)
      const turn = await analytics.turnOf(request.params.turnKey, askedAt)
      if (turn === undefined) return answerProblem(reply, notFound(isReached, 'turn-unknown'))
      const { conversationId, turnId } = turn
      const outcome = await gateway.correctAsAnalyst({ ...wish, analystId, conversationId }, { turnId, intent })
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      withPosition(reply, outcome).code(202)
      return { position: String(outcome.position) }
    },
  )
}

interface AskedRange {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly bucket: Bucket
}

function rangeOf({ from, to, bucket }: AskedRange, now: Date): AnalyticsRange | Refusal {
  const until = to ?? now
  const since = from ?? new Date(until.getTime() - RANGE_DAYS_DEFAULT * DAY_MS)
  const spanMs = until.getTime() - since.getTime()
  if (!(spanMs > 0)) return refusal('range-invalid')
  if (spanMs > RANGE_DAYS_MAX * DAY_MS || spanMs / bucketMs[bucket] > BUCKETS_MAX) {
    return refusal('range-too-long', `At most ${BUCKETS_MAX} buckets and ${RANGE_DAYS_MAX} days.`)
  }
  return { from: since, to: until, bucket }
}

function rangeFields({ from, to, bucket }: AnalyticsRange) {
  return { from: from.toISOString(), to: to.toISOString(), bucket }
}

function started<Counts extends { readonly start: Date }>(rows: readonly Counts[]) {
  return rows.map((row) => ({ ...row, start: row.start.toISOString() }))
}
