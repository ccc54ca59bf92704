/** Shows operators how the language models are doing, as Prometheus metrics. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ModelName } from './language-model.ts'
import type { BreakerState, ModelMeter } from './model-meter.ts'

const FIRST_TOKEN_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30]
const breakerStates: readonly BreakerState[] = ['closed', 'half-open', 'open']

export function createModelMetrics(registry: Registry): ModelMeter {
  const counter = (name: string, help: string, ...labels: string[]) =>
    new Counter({
      name: `emberlog_model_${name}_total`,
      help,
      labelNames: [...names, ...labels],
      registers: [registry],
    })
  const calls = counter('calls', 'Requests to a model, repeated ones included.')
  const failures = counter('failures', 'Requests that failed, by code (docs/errors.md).', 'code')
  const retries = counter('retries', 'Requests repeated after a failure, by its code.', 'code')
  const fallbacks = counter(
    'fallbacks',
    'Answers left to another model, by the reason.',
    'to_provider',
    'to_model',
    'code',
  )
  const tokens = counter(
    'tokens',
    'Tokens of finished answers: counted by the provider, or estimated.',
    'direction',
    'source',
  )
  const firstTokens = new Histogram({
    name: 'emberlog_model_first_token_seconds',
    help: 'Time from a request to the first part of its answer.',
    labelNames: names,
    buckets: FIRST_TOKEN_BUCKETS_S,
    registers: [registry],
  })
  const breakers = new Gauge({
    name: 'emberlog_model_breaker_state',
    help: 'Circuit breaker: 1 for the state it is in. Open: the model is left alone after repeated failures.',
    labelNames: [...names, 'state'],
    registers: [registry],
  })

  return {
    called: (model) => calls.inc(named(model)),
    firstToken: (model, afterMs) => firstTokens.observe(named(model), afterMs / 1_000),
    answered(model, { inputTokens, outputTokens, isEstimated }) {
      const source = isEstimated === true ? 'estimated' : 'counted'
      tokens.inc({ ...named(model), direction: 'input', source }, inputTokens)
      tokens.inc({ ...named(model), direction: 'output', source }, outputTokens)
    },
    failed: (model, code) => failures.inc({ ...named(model), code }),
    retried: (model, code) => retries.inc({ ...named(model), code }),
    fellBack: (from, to, code) => fallbacks.inc({ ...named(from), to_provider: to.provider, to_model: to.id, code }),
    breakerIs(model, current) {
      for (const state of breakerStates) breakers.set({ ...named(model), state }, state === current ? 1 : 0)
    },
  }
}

const names = ['provider', 'model']
const named = ({ provider, id }: ModelName) => ({ provider, model: id })
