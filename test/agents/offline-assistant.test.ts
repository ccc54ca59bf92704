import { describe, expect, test } from 'vitest'
import { agentCatalogue, agentFor } from '../../src/agents/agent-catalogue.ts'
import { estimateTokens, type ModelRequest } from '../../src/agents/language-model.ts'
import { createOfflineAssistant } from '../../src/agents/offline-assistant.ts'
import { allParts, ask, assistant, conversation, knowledge } from './conversation.ts'

const question: ModelRequest = {
  agent: agentFor('learning'),
  messages: [{ role: 'user', text: 'What is RAG in AI?' }],
}

describe('an answer of the offline assistant', () => {
  test('comes in word-sized deltas followed by its citations and exactly one finish', async () => {
    const { parts, deltas } = await ask('learning', 'What is RAG in AI?')
    expect(deltas.length).toBeGreaterThan(50)
    expect(deltas.every((delta) => /^\s*\S+\s*$/.test(delta))).toBe(true)
    const types = parts.map(({ type }) => type)
    expect(types.lastIndexOf('text')).toBeLessThan(types.indexOf('citation'))
    expect(types.filter((type) => type === 'finish')).toHaveLength(1)
    expect(types.at(-1)).toBe('finish')
  })

  test('cites the entry it comes from, with its source, in the text and as a part', async () => {
    const { text, citations } = await ask('learning', 'What is RAG in AI?')
    expect(text).toContain('looks things up before it answers')
    expect(text).toContain('[1]')
    expect(text).toContain('https://arxiv.org/abs/2005.11401')
    expect(citations).toEqual([
      {
        type: 'citation',
        number: 1,
        entryId: 'rag',
        title: 'Retrieval-augmented generation (RAG)',
        source: 'https://arxiv.org/abs/2005.11401',
      },
    ])
  })

  test('is the same, part by part, whenever the same request is made', async () => {
    const again = createOfflineAssistant(knowledge)
    const one = await allParts(assistant.stream(question, new AbortController().signal))
    const two = await allParts(again.stream(question, new AbortController().signal))
    expect(two).toEqual(one)
  })

  test('counts usage by the stated estimate, and says that it is one', async () => {
    const { text, finish } = await ask('learning', 'What is RAG in AI?')
    expect(finish).toEqual({
      type: 'finish',
      finishReason: 'stop',
      usage: {
        inputTokens: estimateTokens('What is RAG in AI?'),
        outputTokens: estimateTokens(text),
        isEstimated: true,
      },
    })
  })

  test('is cut after a whole word at the agent’s limit, and says so in the finish', async () => {
    const whole = (await ask('learning', 'What is RAG in AI?')).text
    const agent = { ...agentFor('learning'), limits: { ...agentFor('learning').limits, outputCharactersMax: 100 } }
    const parts = await allParts(assistant.stream({ ...question, agent }, new AbortController().signal))
    const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
    expect(text.length).toBeLessThanOrEqual(100)
    expect(whole.startsWith(text)).toBe(true)
    expect(text.at(-1)).toBe(' ')
    expect(parts.at(-1)).toMatchObject({ type: 'finish', finishReason: 'length' })
  })

  test('names the version of the knowledge as its model', () => {
    expect(assistant.provider).toBe('offline')
    expect(assistant.id).toBe(`emberlog-knowledge-${knowledge.version}`)
    expect(knowledge.version).toMatch(/^[0-9a-f]{12}$/)
  })
})

describe('an aborted answer', () => {
  test('throws the reason at once when the signal was aborted before', async () => {
    const reason = new Error('stopped by the person')
    const parts = assistant.stream(question, AbortSignal.abort(reason))
    await expect(allParts(parts)).rejects.toBe(reason)
  })

  test('hands out no part after the abort', async () => {
    const controller = new AbortController()
    const reason = new Error('stopped by the person')
    const seen: string[] = []
    const reading = async () => {
      for await (const part of assistant.stream(question, controller.signal)) {
        if (part.type === 'text') seen.push(part.text)
        if (seen.length === 3) controller.abort(reason)
      }
    }
    await expect(reading()).rejects.toBe(reason)
    expect(seen).toHaveLength(3)
  })

  test('does not wait for the pace, and leaves no timer behind', async () => {
    const timersBefore = openTimers()
    const paced = createOfflineAssistant(knowledge, { deltaDelayMs: 3_600_000 })
    const controller = new AbortController()
    const reason = new Error('stopped by the person')
    const stream = paced.stream(question, controller.signal)
    await stream[Symbol.asyncIterator]().next() // The first word does not wait.
    const reading = allParts(stream)
    await Promise.resolve()
    expect(openTimers()).toBe(timersBefore + 1)
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
    expect(openTimers()).toBe(timersBefore)
  })

  test('is a prefix of the whole answer, which can be written again identically', async () => {
    const whole = await ask('learning', 'What is RAG in AI?')
    const seen: string[] = []
    for await (const part of assistant.stream(question, new AbortController().signal)) {
      if (part.type === 'text') seen.push(part.text)
      if (seen.length === 20) break
    }
    expect(whole.deltas.slice(0, 20)).toEqual(seen)
  })
})

describe('any text a person may send', () => {
  const texts = [
    '',
    '   ',
    '\0\0\0',
    '\ud800 lone surrogate \udfff',
    '🔥🔥🔥',
    '你好，什么是人工智能？',
    'مرحبا، ما هو الذكاء الاصطناعي؟',
    '<script>alert(1)</script>',
    'a'.repeat(20_000),
    'what is RAG '.repeat(1_600),
    '(((((((((((((((((((((((((((('.repeat(700),
    '1. - * ** ``` | https:// '.repeat(700),
  ]

  test.each(Object.values(agentCatalogue))('gets an answer from $name', async ({ name: agent }) => {
    for (const text of texts) {
      const reply = await ask(agent, text)
      expect(reply.text.trim().length, JSON.stringify(text.slice(0, 30))).toBeGreaterThan(20)
      expect(reply.finish.finishReason).toBe('stop')
    }
  })

  test('is never repeated as markup', async () => {
    const hostile = [
      'a `<script>alert(1)</script>` project with ![x](https://example.org/x)',
      'picture of a `<img src=x onerror=alert(1)>`',
      'https://example.org/`<script>alert(1)</script>',
    ]
    for (const { name: agent } of Object.values(agentCatalogue)) {
      for (const message of hostile) {
        const { say } = conversation()
        await say(agent, message)
        const { text } = await say(agent, 'What did I say?')
        const other = await ask(agent, message)
        expect(`${text}\n\n${other.text}`.replaceAll(/`[^`]*`/g, ''), agent).not.toMatch(/<script|<img|!\[/)
      }
    }
  })
})

describe('a question in another language', () => {
  test.each([
    ['Was ist ein neuronales Netz?', 'Meine Wissensbasis ist auf Englisch', 'neural-network'],
    ['¿Qué es RAG?', 'Mi base de conocimientos está en inglés', 'rag'],
    ['Qu’est-ce que le surapprentissage ?', 'Ma base de connaissances est en anglais', 'overfitting'],
    ['O que é um modelo de linguagem?', 'A minha base de conhecimento está em inglês', 'llm'],
  ])('%s is answered in English after a sentence in that language', async (text, notice, entryId) => {
    const reply = await ask('learning', text)
    expect(reply.text.startsWith(notice)).toBe(true)
    expect(reply.citations[0]?.entryId).toBe(entryId)
  })

  test('is remembered over messages that give no sign, and its sentence is said once', async () => {
    const { say } = conversation()
    const first = await say('learning', 'Was ist Überanpassung?')
    const second = await say('learning', 'Wie kann ich das verhindern?')
    expect(first.text).toContain('Meine Wissensbasis')
    expect(second.text).not.toContain('Meine Wissensbasis')
    expect(second.text).toContain('In practice: get more or more varied data')
    const spanish = conversation()
    await spanish.say('learning', '¿Qué es un modelo de lenguaje?')
    expect((await spanish.say('learning', 'dame un ejemplo')).text).toContain(
      'Example: given "The capital of France is"',
    )
  })

  test('is told by its script, unless it is a mere greeting inside another', async () => {
    expect((await ask('smalltalk', '你好，你是谁？')).text).toMatch(/^我的知识库/)
    expect((await ask('smalltalk', 'Hello! How are you today? 你好')).text).not.toContain('我的知识库')
  })

  test('is not suspected in English', async () => {
    for (const text of [
      'What is RAG in AI?',
      'explain die casting of tokens',
      'RAG',
      'transformers, please',
      'LoRA?',
    ]) {
      expect((await ask('learning', text)).text).not.toMatch(/Englisch|inglés|anglais|inglês|inglese|Engels/)
    }
  })
})

describe('a conversation', () => {
  test('resolves “it” to the topic before', async () => {
    const { say } = conversation()
    await say('learning', 'What is RAG in AI?')
    const reply = await say('learning', 'How do I implement it in my project?')
    expect(reply.citations.map(({ entryId }) => entryId)).toEqual(['rag-in-practice'])
  })

  test('resolves “the first one you mentioned” to the list before', async () => {
    const { say } = conversation()
    const first = await say('learning', 'What is RAG in AI?')
    expect(first.text).toContain('Related: Building RAG into a project · Embeddings')
    const reply = await say('learning', 'Tell me more about the second one you mentioned')
    expect(reply.citations[0]?.entryId).toBe('embedding')
  })

  test('keeps “this” when another thing is named to compare with', async () => {
    const { say } = conversation()
    await say('learning', 'What are transformers in AI?')
    const reply = await say('learning', 'How is this different from RNNs?')
    expect(reply.citations.map(({ entryId }) => entryId)).toEqual(['transformer', 'rnn'])
  })

  test('gives the example, the limits and the short form of its topic when asked for them', async () => {
    const { say } = conversation()
    await say('learning', 'What are transformers?')
    expect((await say('learning', 'Can you give me an example?')).text).toContain('Example: in "The trophy did not fit')
    expect((await say('learning', 'And what are its limits?')).text).toContain('Limits: plain attention compares')
    const short = await say('learning', "I don't understand")
    expect(short.text).toContain('in one sentence: A transformer is')
    expect(short.citations.map(({ entryId }) => entryId)).toEqual(['transformer'])
  })

  test('tells the whole entry when it has no part of the kind asked for', async () => {
    const { say } = conversation()
    await say('learning', 'What is prompt injection?')
    const reply = await say('learning', 'Why is it dangerous?')
    expect(reply.text).toContain('has no part of its own on that')
    expect(reply.citations.map(({ entryId }) => entryId)).toEqual(['prompt-injection'])
  })

  test('says what was written before when asked, in whichever agent', async () => {
    const { say } = conversation()
    await say('smalltalk', 'Hello, remember this message about blue elephants')
    expect((await say('learning', 'What was the topic we discussed?')).text).toContain('blue elephants')
    expect((await say('smalltalk', 'What did I say?')).text).toContain('blue elephants')
    expect((await ask('support', 'What was the topic we discussed?')).citations[0]?.entryId).toBe('what-did-we-discuss')
  })

  test('leaves a topic out of what is asked with a subject of its own, even an unknown one', async () => {
    const { say } = conversation()
    await say('learning', 'What is RAG?')
    expect((await say('learning', 'What is the best recipe for banana bread?')).text).toContain(
      'I have no entry on that',
    )
  })

  test('says plainly that it has no entry, and names the nearest ones', async () => {
    const { text } = await ask('learning', 'How do embeddings of ancient pottery get catalogued in museums?')
    expect(text).toContain('I have no entry on that.')
    const near = text.match(/^\d\. .+/gm) ?? []
    expect(near.length).toBeGreaterThan(0)
    expect(text).toMatch(/The nearest I have:[\s\S]*embedding/i)
  })

  test('takes a plain no for an answer', async () => {
    const { say } = conversation()
    await say('learning', 'Make me a learning path about context windows')
    expect((await say('learning', 'no thanks, I have a different question')).text).toContain('All right')
  })

  test('keeps its topic when a path is asked for without naming one', async () => {
    const { say } = conversation()
    await say('learning', 'What is a context window?')
    const reply = await say('learning', 'yes, please create a learning path for me')
    expect(reply.text).toContain('A path into **Context window**')
  })

  test('lets a new topic replace the old one', async () => {
    const { say } = conversation()
    await say('learning', 'What is RAG?')
    await say('learning', 'What is overfitting?')
    const reply = await say('learning', 'How do I prevent it?')
    expect(reply.citations[0]?.entryId).toBe('overfitting')
  })

  test('finds its way over five turns, and after a reload from the same messages', async () => {
    const { say } = conversation()
    await say('learning', 'I want to learn about building AI chatbots')
    const tools = await say('learning', 'What tools would I need?')
    expect(tools.text).toMatch(/chatbot/i)
    const easiest = await say('learning', 'Which one is easiest to start with?')
    expect(easiest.citations.length).toBeGreaterThan(0)
  })
})

function openTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}
