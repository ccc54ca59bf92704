import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import { recentMessages, recentResults, TOOL_RESULTS_TOKENS_MAX } from '../../src/agents/conversation-memory.ts'
import { estimateTokens, type ModelMessage, type ToolRound } from '../../src/agents/language-model.ts'

const said = (text: string, index: number): ModelMessage => ({ role: index % 2 === 0 ? 'user' : 'assistant', text })
const messages = Array.from({ length: 11 }, (_, index) => said(`message ${index}`, index))
const limits = agentFor('learning').limits
const tokensOf = (all: readonly ModelMessage[]) => all.reduce((sum, { text }) => sum + estimateTokens(text), 0)

/** About a thousand letters of running text, as people of many countries write it. */
const languages: Record<string, string> = {
  English: 'Retrieval finds passages before the model writes. ',
  German: 'Die Suche findet Textstellen, bevor das Modell schreibt; größere Bände kürzt sie für später. ',
  Russian: 'Поиск находит отрывки до того, как модель начинает писать. ',
  Arabic: 'يعثر البحث على المقاطع قبل أن يكتب النموذج. ',
  Hindi: 'मॉडल के लिखने से पहले खोज अंश ढूँढती है। ',
  Chinese: '检索在模型写作之前找到段落。',
  Japanese: '検索はモデルが書く前に文章を見つけます。',
  Korean: '검색은 모델이 쓰기 전에 구절을 찾습니다. ',
  emoji: '🔎📚✍️🤖 ',
}
const pageOf = (language: string) => (languages[language] ?? '').repeat(60)

describe('what a model gets to read of a conversation', () => {
  test('is all of it when it fits', () => {
    expect(recentMessages(messages, limits)).toEqual(messages)
  })

  test('is nothing when nothing was said', () => {
    expect(recentMessages([], limits)).toEqual([])
  })

  test('is the newest messages, in order, up to the count', () => {
    expect(recentMessages(messages, { ...limits, historyMessagesMax: 3 })).toEqual(messages.slice(-3))
  })

  test('is the newest messages within the token budget', () => {
    const tokensOfTwo = tokensOf(messages.slice(-2))
    expect(recentMessages(messages, { ...limits, historyTokensMax: tokensOfTwo })).toEqual(messages.slice(-2))
    expect(recentMessages(messages, { ...limits, historyTokensMax: tokensOfTwo - 1 })).toEqual(messages.slice(-1))
  })

  test('holds the question, however long it is', () => {
    const question: ModelMessage = { role: 'user', text: 'x'.repeat(20_000) }
    expect(recentMessages([...messages, question], { ...limits, historyTokensMax: 10 })).toEqual([question])
  })

  test('holds the beginning of a huge message that the question is about, and nothing older', () => {
    const pasted = said(`The report. ${'It goes on and on. '.repeat(2_000)}`, 0)
    const chat = [...messages, pasted, said('Noted.', 1), said('Summarise it, please.', 0)]
    const read = recentMessages(chat, limits)
    expect(read).toHaveLength(3)
    expect(read[0]?.text).toMatch(/^The report\. It goes on.*is left out here/s)
    expect(read.slice(1)).toEqual(chat.slice(-2))
    expect(tokensOf(read)).toBeLessThanOrEqual(limits.historyTokensMax)
    expect(tokensOf(read)).toBeGreaterThan(limits.historyTokensMax * 0.9)
  })

  test.each(Object.keys(languages))(
    'keeps to the budget over a long conversation in %s, and ends with what was said last',
    (language) => {
      const chat = Array.from({ length: 101 }, (_, index) => said(`${index}: ${pageOf(language)}`, index))
      const read = recentMessages(chat, { ...limits, historyMessagesMax: 1_000 })
      expect(tokensOf(read)).toBeLessThanOrEqual(limits.historyTokensMax)
      expect(tokensOf(read)).toBeGreaterThan(limits.historyTokensMax * 0.7)
      expect(read.slice(1)).toEqual(chat.slice(-(read.length - 1)))
      expect(chat[chat.length - read.length]?.text.startsWith((read[0]?.text ?? '').slice(0, 100))).toBe(true)
    },
  )

  test('of a long message ends with whole signs', () => {
    const read = recentMessages([said('🔎'.repeat(5_000), 0), said('What are these?', 0)], limits)
    expect(read[0]?.text).toMatch(/^(?:🔎)+\n\[/u)
  })

  test('keeps to the budget, whatever is said', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.constantFrom(...Object.keys(languages)).map(pageOf),
    )
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 2_000 }),
        (texts, budget) => {
          const chat = texts.map(said)
          const question = chat.at(-1) as ModelMessage
          const read = recentMessages(chat, { ...limits, historyTokensMax: budget })
          expect(read.at(-1)).toBe(question)
          expect(tokensOf(read)).toBeLessThanOrEqual(Math.max(budget, estimateTokens(question.text)))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('what a model gets to read of its tools', () => {
  const roundOf = (name: string, ...texts: string[]): ToolRound => ({
    text: '',
    calls: texts.map((_, index) => ({
      type: 'tool-call',
      toolCallId: `${name}${index}`,
      tool: 'search',
      arguments: {},
    })),
    results: texts.map((text, index) => ({
      toolCallId: `${name}${index}`,
      tool: 'search',
      isFailed: false,
      result: { text },
    })),
  })
  const tokensOfResults = (rounds: readonly ToolRound[]) =>
    rounds
      .flatMap(({ results }) => results)
      .reduce((sum, { result }) => sum + estimateTokens(JSON.stringify(result)), 0)
  const long = 'A line of the result. '.repeat(800)

  test('is all of it when it fits', () => {
    const rounds = [roundOf('a', 'one', 'two'), roundOf('b', 'three')]
    expect(recentResults(rounds)).toEqual(rounds)
  })

  test('is within the budget after many rounds: the newest whole, older ones cut or named as left out, every call answered', () => {
    const rounds = Array.from({ length: 10 }, (_, index) => roundOf(`r${index}-`, long))
    const read = recentResults(rounds)
    expect(tokensOfResults(read)).toBeLessThanOrEqual(TOOL_RESULTS_TOKENS_MAX + 10 * 40)
    expect(read.at(-1)).toEqual(rounds.at(-1))
    expect(read[0]?.results[0]?.result).toEqual({ note: expect.stringContaining('left out') })
    expect(read.map(({ calls, results }) => [calls.length, results.length])).toEqual(rounds.map(() => [1, 1]))
  })

  test('of one round with many long results is a beginning of each, and short ones whole', () => {
    const [round] = recentResults([roundOf('a', ...Array(7).fill(long), 'short')])
    expect(tokensOfResults([round as ToolRound])).toBeLessThanOrEqual(TOOL_RESULTS_TOKENS_MAX)
    expect(round?.results.at(-1)?.result).toEqual({ text: 'short' })
    const lengths = (round?.results.slice(0, -1) ?? []).map(
      ({ result }) => (result as { beginning: string }).beginning.length,
    )
    expect(Math.min(...lengths)).toBeGreaterThan(5_000)
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(300)
  })

  test('is within the budget, whatever tools answer', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc.constantFrom(long, '"'.repeat(9_000), pageOf('Chinese')),
    )
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 8 }), { maxLength: 10 }), (all) => {
        const rounds = all.map((texts, index) => roundOf(`r${index}-`, ...texts))
        const calls = all.flat().length
        expect(tokensOfResults(recentResults(rounds))).toBeLessThanOrEqual(TOOL_RESULTS_TOKENS_MAX + calls * 40)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the token estimate', () => {
  test('is one for every four letters of English begun', () => {
    expect(['', 'a', 'abcd', 'abcde'].map(estimateTokens)).toEqual([0, 1, 1, 2])
  })

  test('is one for two letters of other alphabets, and one for every sign', () => {
    expect(['дом', 'größe', '检索', '🔎'].map(estimateTokens)).toEqual([2, 2, 2, 2])
  })
})
