import { describe, expect, test } from 'vitest'
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import { recentMessages } from '../../src/agents/conversation-memory.ts'
import { estimateTokens, type ModelMessage } from '../../src/agents/language-model.ts'

const messages = Array.from({ length: 10 }, (_, index): ModelMessage => {
  return { role: index % 2 === 0 ? 'user' : 'assistant', text: `message ${index}` }
})
const limits = agentFor('learning').limits

describe('what a model gets to read of a conversation', () => {
  test('is all of it when it fits', () => {
    expect(recentMessages(messages, limits)).toEqual(messages)
  })

  test('is the newest messages, in order, up to the count', () => {
    expect(recentMessages(messages, { ...limits, historyMessagesMax: 3 })).toEqual(messages.slice(-3))
  })

  test('is the newest messages within the token budget', () => {
    const tokensOfTwo = estimateTokens('message 9') + estimateTokens('message 8')
    expect(recentMessages(messages, { ...limits, historyTokensMax: tokensOfTwo })).toEqual(messages.slice(-2))
    expect(recentMessages(messages, { ...limits, historyTokensMax: tokensOfTwo - 1 })).toEqual(messages.slice(-1))
  })

  test('holds the question, however long it is', () => {
    const question: ModelMessage = { role: 'user', text: 'x'.repeat(20_000) }
    expect(recentMessages([...messages, question], { ...limits, historyTokensMax: 10 })).toEqual([question])
  })
})

describe('the token estimate', () => {
  test('is one for every four characters begun', () => {
    expect(['', 'a', 'abcd', 'abcde'].map(estimateTokens)).toEqual([0, 1, 1, 2])
  })
})
