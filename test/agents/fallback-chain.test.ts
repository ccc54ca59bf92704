import { describe, expect, it } from 'vitest'
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import { createFallbackChain } from '../../src/agents/fallback-chain.ts'
import type { LanguageModel, ModelRequest } from '../../src/agents/language-model.ts'
import { createNotes, finish, question, readAll, scripted, silent, text } from './model-examples.ts'

function chainOf(...models: [LanguageModel, ...LanguageModel[]]) {
  const { lines, meter } = createNotes()
  return { chain: createFallbackChain(models, meter), lines }
}

const well = (id: string) => scripted(id, [text(`${id} writes.`), finish])
const writer = (id: string, insteadOf: object[] = []) => ({
  type: 'writer',
  model: { provider: 'test', id },
  insteadOf,
})
const missed = (id: string, code: string) => ({ provider: 'test', id, code })

describe('a chain of models', () => {
  it('lets the first write, and says who it is before its first word', async () => {
    const second = well('b')
    const { chain, lines } = chainOf(well('a'), second)
    expect((await readAll(chain)).parts).toEqual([writer('a'), text('a writes.'), finish])
    expect(second.asked).toEqual([])
    expect(lines).toEqual([])
  })

  it('goes by the name of the first', () => {
    expect(chainOf(well('a'), well('b')).chain).toMatchObject({ provider: 'test', id: 'a' })
  })

  it('asks one after the other, and says who did not write and why', async () => {
    const { chain, lines } = chainOf(
      scripted('a', ['model-unauthorized']),
      scripted('b', ['model-unavailable']),
      well('c'),
    )
    const insteadOf = [missed('a', 'model-unauthorized'), missed('b', 'model-unavailable')]
    expect((await readAll(chain)).parts).toEqual([writer('c', insteadOf), text('c writes.'), finish])
    expect(lines).toEqual(['a -> b: model-unauthorized', 'b -> c: model-unavailable'])
  })

  it('never puts two models’ words together', async () => {
    const second = well('b')
    const { chain } = chainOf(scripted('a', [text('So '), 'model-connection-lost']), second)
    expect(await readAll(chain)).toMatchObject({ code: 'model-connection-lost', words: 'So ' })
    expect(second.asked).toEqual([])
  })

  it('is no way around a filter', async () => {
    const second = well('b')
    const { chain } = chainOf(scripted('a', ['model-answer-filtered']), second)
    expect((await readAll(chain)).code).toBe('model-answer-filtered')
    expect(second.asked).toEqual([])
  })

  it('fails as the last one fails', async () => {
    const { chain } = chainOf(scripted('a', ['model-overloaded']), scripted('b', ['model-stalled']))
    expect((await readAll(chain)).code).toBe('model-stalled')
  })

  it('waits for a first word no longer than half of the answer’s time, over all models but the last', async () => {
    const agent = agentFor('learning')
    const hurried: ModelRequest = {
      ...question,
      agent: { ...agent, limits: { ...agent.limits, answerTimeoutMs: 100 } },
    }
    const second = silent('b')
    const { chain } = chainOf(silent('a'), second, well('c'))
    const insteadOf = [missed('a', 'model-first-token-timeout'), missed('b', 'model-first-token-timeout')]
    expect((await readAll(chain, hurried)).parts[0]).toEqual(writer('c', insteadOf))
  })

  it('ends with the reason of whoever ends it, and asks nobody else', async () => {
    const abort = new AbortController()
    const second = well('b')
    const reading = readAll(chainOf(silent('a'), second).chain, question, abort.signal)
    abort.abort(new Error('stopped'))
    expect((await reading).failure).toEqual(new Error('stopped'))
    expect(second.asked).toEqual([])
  })
})

describe('after tools have worked', () => {
  const afterTools = (words: string): ModelRequest => {
    const begun = { model: { provider: 'test', id: 'b' }, insteadOf: [missed('a', 'model-overloaded')] }
    return { ...question, rounds: [{ text: words, writer: begun, calls: [], results: [] }] }
  }

  it('who asked for them goes on', async () => {
    const first = well('a')
    const { chain } = chainOf(first, well('b'), well('c'))
    const { parts } = await readAll(chain, afterTools(''))
    expect(parts[0]).toEqual(writer('b', [missed('a', 'model-overloaded')]))
    expect(first.asked).toEqual([])
  })

  it('another may take over as long as no word was shown', async () => {
    const { chain } = chainOf(well('a'), scripted('b', ['model-stalled']), well('c'))
    const { parts } = await readAll(chain, afterTools(''))
    expect(parts[0]).toEqual(writer('c', [missed('a', 'model-overloaded'), missed('b', 'model-stalled')]))
  })

  it('nobody takes over once a word was shown', async () => {
    const third = well('c')
    const { chain } = chainOf(well('a'), scripted('b', ['model-stalled']), third)
    expect((await readAll(chain, afterTools('Let me see.'))).code).toBe('model-stalled')
    expect(third.asked).toEqual([])
  })
})
