import { describe, expect, it, vi } from 'vitest'
import { createSteadyModel, type SteadyModelOptions } from '../../src/agents/steady-model.ts'
import { Fault } from '../../src/shared/failures.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { createNotes, finish, question, readAll, type ScriptedModel, scripted, silent, text } from './model-examples.ts'

function steady(model: ScriptedModel, changes: Partial<SteadyModelOptions> = {}) {
  const { lines, meter } = createNotes()
  const limits = { retriesMax: 2, retryAfterMsMax: 1_000, breakerFailuresMax: 3, breakerOpenMs: 60_000 }
  const parts = { meter, logger: silentLogger, elapsedMs: () => performance.now() }
  return { steady: createSteadyModel(model, { ...limits, ...parts, ...changes }), lines }
}

const well = [text('So '), text('it is.'), finish]

describe('a steady model', () => {
  it('hands on what the model writes, and is counted', async () => {
    const { steady: model, lines } = steady(scripted('a', well))
    expect(await readAll(model)).toMatchObject({ parts: well, failure: undefined })
    expect(lines).toEqual(['a is closed', 'a called', 'a begins', 'a answered 2'])
  })

  it.each([
    'model-overloaded',
    'model-unreachable',
    'model-connection-lost',
    'model-answer-invalid',
    'model-answer-empty',
  ])('is asked again after %s', async (code) => {
    const inner = scripted('a', [code], well)
    const { steady: model, lines } = steady(inner)
    expect(await readAll(model)).toMatchObject({ words: 'So it is.', failure: undefined })
    expect(lines).toContain('a retried')
    expect(inner.asked).toHaveLength(2)
  })

  it.each([
    'model-unauthorized',
    'model-request-refused',
    'model-answer-filtered',
    'model-first-token-timeout',
    'model-stalled',
  ])('is not asked again after %s', async (code) => {
    const inner = scripted('a', [code], well)
    expect(await readAll(steady(inner).steady)).toMatchObject({ code, words: '' })
    expect(inner.asked).toHaveLength(1)
  })

  it('is not asked again once a word was shown: two beginnings never make one text', async () => {
    const inner = scripted('a', [text('So '), 'model-connection-lost'], well)
    expect(await readAll(steady(inner).steady)).toMatchObject({ code: 'model-connection-lost', words: 'So ' })
    expect(inner.asked).toHaveLength(1)
  })

  it('is asked again a bounded number of times', async () => {
    const inner = scripted('a', ['model-overloaded'])
    expect(await readAll(steady(inner, { breakerFailuresMax: 10 }).steady)).toMatchObject({ code: 'model-overloaded' })
    expect(inner.asked).toHaveLength(3)
  })

  it('is given the time it asks for, and no model waits for longer than is allowed', async () => {
    const patient = scripted('a', [new Fault('model-rate-limited', { retryAfterMs: 400 })], well)
    const startedMs = performance.now()
    expect(await readAll(steady(patient).steady)).toMatchObject({ failure: undefined })
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(399)
    const busy = scripted('b', [new Fault('model-rate-limited', { retryAfterMs: 60_000 })], well)
    expect(await readAll(steady(busy).steady)).toMatchObject({ code: 'model-rate-limited' })
    expect(busy.asked).toHaveLength(1)
  })

  it('ends its waiting at once when the answer is ended', async () => {
    const abort = new AbortController()
    const inner = scripted('a', [new Fault('model-rate-limited', { retryAfterMs: 900 })], well)
    const { meter } = createNotes()
    const { steady: model } = steady(inner, {
      meter: { ...meter, retried: () => queueMicrotask(() => abort.abort(new Error('stopped'))) },
    })
    expect((await readAll(model, question, abort.signal)).failure).toEqual(new Error('stopped'))
    expect(inner.asked).toHaveLength(1)
  })
})

describe('the breaker of a model', () => {
  it('leaves it alone after failures in a row, and asks once to see whether it is well again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const inner = scripted('a', ['model-stalled'], ['model-stalled'], ['model-stalled'], ['model-stalled'], well)
      const { steady: model, lines } = steady(inner)
      for (let time = 1; time <= 3; time += 1) expect((await readAll(model)).code).toBe('model-stalled')
      expect((await readAll(model)).code).toBe('model-unavailable')
      expect(inner.asked).toHaveLength(3)
      vi.setSystemTime(Date.now() + 60_001)
      expect((await readAll(model)).code).toBe('model-stalled')
      expect((await readAll(model)).code).toBe('model-unavailable')
      vi.setSystemTime(Date.now() + 60_001)
      expect((await readAll(model)).words).toBe('So it is.')
      expect((await readAll(model)).words).toBe('So it is.')
      const states = lines.filter((line) => line.includes(' is '))
      expect(states).toEqual(
        ['closed', 'open', 'half-open', 'open', 'half-open', 'closed'].map((state) => `a is ${state}`),
      )
    } finally {
      vi.useRealTimers()
    }
  })

  it('lets nobody wait for the one question that tests it', async () => {
    const inner = silent('a')
    const { steady: model } = steady(inner, { breakerFailuresMax: 1, breakerOpenMs: 0 })
    const late = new AbortController()
    const first = readAll(model, question, late.signal)
    late.abort(new Fault('model-first-token-timeout'))
    await first
    const abort = new AbortController()
    const test = readAll(model, question, abort.signal)
    expect((await readAll(model)).code).toBe('model-unavailable')
    abort.abort(new Error('enough'))
    await test
    expect(inner.asked).toHaveLength(2)
  })

  it('counts an answer that breaks off in its middle, until a whole one comes', async () => {
    const broken = [text('So '), 'model-connection-lost']
    const { steady: model, lines } = steady(scripted('a', broken, well, broken, broken), { breakerFailuresMax: 2 })
    for (let time = 1; time <= 3; time += 1) await readAll(model)
    expect(lines).not.toContain('a is open')
    await readAll(model)
    expect(lines).toContain('a is open')
  })

  it.each(['model-request-refused', 'model-answer-filtered', 'model-answer-empty'])(
    'does not count %s: it says nothing about the model’s health',
    async (code) => {
      const { steady: model, lines } = steady(scripted('a', [code]), { breakerFailuresMax: 1, retriesMax: 0 })
      await readAll(model)
      expect(lines).not.toContain('a is open')
    },
  )

  it('does not count an answer that a person has stopped', async () => {
    const abort = new AbortController()
    const { steady: model, lines } = steady(silent('a'), { breakerFailuresMax: 1 })
    const reading = readAll(model, question, abort.signal)
    abort.abort(new Error('stopped'))
    expect((await reading).failure).toEqual(new Error('stopped'))
    expect(lines.filter((line) => /open|failed/.test(line))).toEqual([])
  })
})
