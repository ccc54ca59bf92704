/** Answers what the API asks for analysts: figures of a time range, counted over the live read models, in buckets of time. */
import type { Uuid } from '../../shared/ids.ts'
import type { Database } from '../database.ts'
import { createQueryGate } from './query-gate.ts'

export const buckets = ['hour', 'day', 'week', 'month'] as const
export type Bucket = (typeof buckets)[number]

/** Turns asked from `from` on and before `to`; both at most as far apart as the API allows. */
export interface AnalyticsRange {
  readonly from: Date
  readonly to: Date
  /** Buckets begin at whole hours, days, Mondays or months in UTC; those without turns are there, too. */
  readonly bucket: Bucket
}

/** Milliseconds; null when no turn was completed. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
}

export interface TurnCounts {
  readonly turns: number
  readonly people: number
  readonly conversations: number
  readonly completed: number
  readonly failed: number
  readonly stopped: number
  readonly open: number
  readonly firstTokenMs: Percentiles | null
  readonly totalMs: Percentiles | null
}

export interface RoutingCounts {
  readonly routed: number
  readonly byMethod: Readonly<Record<string, number>>
  /** Shares of the routed turns, 0 to 1; null when there were none. */
  readonly fallbackRate: number | null
  readonly corrected: number
  readonly correctionRate: number | null
  readonly meanConfidence: number | null
}

export interface UsageCounts {
  readonly turns: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Null as soon as one price is not known. */
  readonly costUsd: number | null
  readonly unpricedTurns: number
}

export interface IntentCounts {
  readonly intent: string
  readonly turns: number
  readonly corrected: number
  readonly meanConfidence: number
}

export interface Misroute {
  readonly intent: string
  readonly correctedIntent: string
  readonly turns: number
}

type Bucketed<Counts> = readonly (Counts & { readonly start: Date })[]

/** A turn under its real ids. */
export interface TurnPlace {
  readonly conversationId: Uuid
  readonly turnId: Uuid
}

export interface AnalyticsQueries {
  /** The turn that analysts know by this key, asked at this time: a key alone would have to be compared with every turn's. */
  readonly turnOf: (turnKey: string, askedAt: Date) => Promise<TurnPlace | undefined>
  readonly overview: (
    range: Omit<AnalyticsRange, 'bucket'>,
  ) => Promise<TurnCounts & RoutingCounts & UsageCounts & { readonly ratedUp: number; readonly ratedDown: number }>
  readonly turns: (range: AnalyticsRange) => Promise<Bucketed<TurnCounts>>
  readonly routing: (range: AnalyticsRange) => Promise<{
    readonly results: Bucketed<RoutingCounts>
    readonly intents: readonly IntentCounts[]
    readonly misroutes: readonly Misroute[]
  }>
  readonly usage: (range: AnalyticsRange) => Promise<{
    readonly results: Bucketed<UsageCounts>
    readonly models: readonly (UsageCounts & { readonly provider: string; readonly id: string })[]
  }>
}

/** At the same time, of all that read; the others wait, and chatting people pass. */
const RUNNING_MAX = 2
const WAITING_MAX = 20

export function createAnalyticsQueries({
  database,
}: {
  readonly database: Pick<Database, 'queries'>
}): AnalyticsQueries {
  const gate = createQueryGate({ runningMax: RUNNING_MAX, waitingMax: WAITING_MAX })
  const ask = <Row extends object>(text: string, values: readonly unknown[]) =>
    gate(() => database.queries.query<Row>(text, values))

  const bucketed = async <Row extends object>(figures: string, { from, to, bucket }: AnalyticsRange, where = '') =>
    ask<Row & { start: Date }>(bucketStatement(figures, where), [from, to, bucket])

  return {
    async turnOf(turnKey, askedAt) {
      const [turn] = await ask<TurnPlace>(TURN_OF_KEY, [turnKey, askedAt])
      return turn
    },

    async overview({ from, to }) {
      const [row] = await ask<TurnRow & RoutingRow & UsageRow & { ratedUp: bigint; ratedDown: bigint }>(
        `select ${TURN_FIGURES}, ${ROUTING_FIGURES}, ${USAGE_FIGURES},
          count(*) filter (where rating = 'up') as "ratedUp",
          count(*) filter (where rating = 'down') as "ratedDown"
        from emberlog.turn_fact
        where ${IN_RANGE}`,
        [from, to],
      )
      const found = row as NonNullable<typeof row> // Without a group there is always one row.
      return {
        ...usageCounts(found),
        ...routingCounts(found),
        ...turnCounts(found), // Its number of turns is the one of all turns, priced or not.
        ratedUp: Number(found.ratedUp),
        ratedDown: Number(found.ratedDown),
      }
    },

    async turns(range) {
      const rows = await bucketed<TurnRow>(TURN_FIGURES, range)
      return rows.map((row) => ({ start: row.start, ...turnCounts(row) }))
    },

    async routing(range) {
      const { from, to } = range
      const rows = await bucketed<RoutingRow>(ROUTING_FIGURES, range, 'and routed_at is not null')
      return {
        results: rows.map((row) => ({ start: row.start, ...routingCounts(row) })),
        intents: await ask<IntentCounts>(INTENTS, [from, to]),
        misroutes: await ask<Misroute>(MISROUTES, [from, to]),
      }
    },

    async usage(range) {
      const rows = await bucketed<UsageRow>(USAGE_FIGURES, range, 'and input_tokens is not null')
      const models = await ask<UsageRow & { provider: string; id: string }>(MODELS, [range.from, range.to])
      return {
        results: rows.map((row) => ({ start: row.start, ...usageCounts(row) })),
        models: models.map((row) => ({ provider: row.provider, id: row.id, ...usageCounts(row) })),
      }
    },
  }
}

const TURN_OF_KEY = `select conversation_id as "conversationId", turn_id as "turnId"
  from chat.turn
    cross join emberlog.analyst_key
  where asked_at = $2
    and emberlog.pseudonym(inner_pad, outer_pad, 'turn:' || turn_id) = $1`

const IN_RANGE = 'asked_at >= $1 and asked_at < $2'
const RANKS = 'array[0.5, 0.9, 0.95, 0.99]'

const TURN_FIGURES = `count(turn_id) as turns,
  count(distinct owner_id) as people,
  count(distinct conversation_id) as conversations,
  count(*) filter (where status = 'completed') as completed,
  count(*) filter (where status = 'failed') as failed,
  count(*) filter (where status = 'stopped') as stopped,
  count(*) filter (where status = 'open') as open,
  percentile_disc(${RANKS}) within group (order by first_token_ms) as "firstTokenMs",
  percentile_disc(${RANKS}) within group (order by total_ms) as "totalMs"`

const ROUTING_FIGURES = `count(routed_at) as routed,
  count(*) filter (where method = 'override') as override,
  count(*) filter (where method = 'continuation') as continuation,
  count(*) filter (where method = 'rule') as rule,
  count(*) filter (where method = 'model') as model,
  count(*) filter (where method = 'llm') as llm,
  count(*) filter (where method = 'fallback') as fallback,
  count(*) filter (where method = 'guard') as guard,
  count(*) filter (where is_misrouted) as corrected,
  avg(confidence) as "meanConfidence"`

const USAGE_FIGURES = `count(input_tokens) as "pricedTurns",
  coalesce(sum(input_tokens), 0)::bigint as "inputTokens",
  coalesce(sum(output_tokens), 0)::bigint as "outputTokens",
  coalesce(sum(cost_usd), 0)::double precision as "costUsd",
  count(input_tokens) - count(cost_usd) as "unpricedTurns"`

/** The figures of each bucket of the range, the empty ones included. */
function bucketStatement(figures: string, where: string): string {
  return `with bucket as (
      select start
      from generate_series(
        date_trunc($3, $1::timestamptz at time zone 'UTC'),
        $2::timestamptz at time zone 'UTC' - interval '1 millisecond',
        ('1 ' || $3)::interval
      ) as start
    ),
    turn as (
      select *, date_trunc($3, asked_at at time zone 'UTC') as start
      from emberlog.turn_fact
      where ${IN_RANGE} ${where}
    )
    select start at time zone 'UTC' as start, ${figures}
    from bucket
      left join turn using (start)
    group by bucket.start, 1
    order by 1`
}

const INTENTS = `select intent, count(*)::integer as turns, count(*) filter (where is_misrouted)::integer as corrected,
    avg(confidence) as "meanConfidence"
  from emberlog.turn_fact
  where ${IN_RANGE}
    and intent is not null
  group by intent
  order by turns desc, intent`

const MISROUTES = `select intent, corrected_intent as "correctedIntent", count(*)::integer as turns
  from emberlog.turn_fact
  where ${IN_RANGE}
    and is_misrouted
  group by intent, corrected_intent
  order by turns desc, intent, corrected_intent`

const MODELS = `select model_provider as provider, model_id as id, ${USAGE_FIGURES}
  from emberlog.turn_fact
  where ${IN_RANGE}
    and input_tokens is not null
  group by model_provider, model_id
  order by count(*) desc, model_provider, model_id`

interface TurnRow extends Record<'turns' | 'people' | 'conversations', bigint> {
  readonly completed: bigint
  readonly failed: bigint
  readonly stopped: bigint
  readonly open: bigint
  readonly firstTokenMs: readonly number[] | null
  readonly totalMs: readonly number[] | null
}

const methods = ['override', 'continuation', 'rule', 'model', 'llm', 'fallback', 'guard'] as const

interface RoutingRow extends Record<(typeof methods)[number], bigint> {
  readonly routed: bigint
  readonly corrected: bigint
  readonly meanConfidence: number | null
}

interface UsageRow {
  readonly pricedTurns: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly costUsd: number
  readonly unpricedTurns: bigint
}

function turnCounts(row: TurnRow): TurnCounts {
  const { turns, people, conversations, completed, failed, stopped, open } = row
  return {
    ...{ turns: Number(turns), people: Number(people), conversations: Number(conversations) },
    ...{ completed: Number(completed), failed: Number(failed), stopped: Number(stopped), open: Number(open) },
    ...{ firstTokenMs: percentilesOf(row.firstTokenMs), totalMs: percentilesOf(row.totalMs) },
  }
}

function percentilesOf(values: readonly (number | null)[] | null): Percentiles | null {
  const [p50, p90, p95, p99] = values ?? []
  if (p50 == null || p90 == null || p95 == null || p99 == null) return null
  return { p50, p90, p95, p99 }
}

function routingCounts(row: RoutingRow): RoutingCounts {
  const routed = Number(row.routed)
  const share = (count: bigint) => (routed === 0 ? null : Number(count) / routed)
  return {
    routed,
    byMethod: Object.fromEntries(methods.map((method) => [method, Number(row[method])])),
    fallbackRate: share(row.fallback),
    corrected: Number(row.corrected),
    correctionRate: share(row.corrected),
    meanConfidence: row.meanConfidence,
  }
}

function usageCounts(row: UsageRow): UsageCounts {
  return {
    turns: Number(row.pricedTurns),
    inputTokens: Number(row.inputTokens),
    outputTokens: Number(row.outputTokens),
    costUsd: row.unpricedTurns === 0n ? row.costUsd : null,
    unpricedTurns: Number(row.unpricedTurns),
  }
}
