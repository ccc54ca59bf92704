/** What the system before this one sent to the wrong place goes to the right one here. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Intent } from '../../src/events/conversation-events.ts'
import type { PastMessage } from '../../src/routing/routing-decision.ts'
import { router } from './the-router.ts'

const rows: readonly (readonly [text: string, intent: Intent])[] = [
  ['What is RAG in AI?', 'learning'],
  ['What is a context window?', 'learning'],
  ['Create an image of a sunset', 'image'],
  ['Play a game', 'smalltalk'],
  ["I'm bored", 'smalltalk'],
  ['How do I create a project?', 'support'],
  ['What is GitHub?', 'learning'],
  ['I need help importing', 'support'],
  ['Find a video about RAG', 'discovery'],
  ['Show me what is trending', 'discovery'],
  ['Generate an image of a cozy coffee shop', 'image'],
  ['I want to create an infographic about AI', 'image'],
  ['make an image of a lighthouse', 'image'],
  ['Make me an infographic about recycling', 'image'],
  ['Make me a picture of a red fox', 'image'],
  ['Generate a futuristic city with flying cars', 'image'],
  ['Do not create an image, just explain', 'learning'],
  ['Help me understand RAG and create an infographic about it', 'learning'],
  ['[QUICK_WIN_TOPIC: git] Create an infographic about this topic for me.', 'image'],
  ['What is All Thrive and what can I do here?', 'support'],
  ['What are others building?', 'discovery'],
  ["What's trending?", 'discovery'],
  ["What's my progress?", 'learning'],
  ['How do I change my profile settings', 'support'],
  ["I don't want to create a project, just learn about RAG", 'learning'],
  ['Create a RAG chatbot project', 'creation'],
]

describe('a known misrouting is right now', () => {
  test.each(rows)('%s → %s', (text, intent) => {
    expect(router.route({ text }).intent).toBe(intent)
  })

  const question = 'Is this your own video, or are you clipping something you found? What tool did you use?'
  const answers: readonly (readonly [text: string, assistant: string, agent: 'creation' | 'image'])[] = [
    ['my own and Midjourney', question, 'creation'],
    ['It is not mine, I just want to save it', question, 'creation'],
    ['a cozy coffee shop', 'Your wish is a bit vague. What would you like me to create?', 'image'],
  ]
  test.each(answers)('%s, in answer to a question → %s', (text, assistant, agent) => {
    expect(router.route({ text, history: [{ role: 'assistant', text: assistant, agent }] }).intent).toBe(agent)
  })

  test('what an uploaded file means does not depend on who reads it', () => {
    expect(router.route({ text: '[File: filename]' }).intent).toBe('support')
    expect(router.route({ text: '[image: a.png](https://cdn.example.org/a.png)' }).intent).toBe('creation')
  })

  test('a follow-up question about a concept stays with learning', () => {
    const history: PastMessage[] = [
      { role: 'user', text: 'What is RAG in AI?' },
      { role: 'assistant', text: 'A model that looks things up before it answers.', agent: 'learning' },
    ]
    expect(router.route({ text: 'How do I implement it in my project?', history }).intent).toBe('learning')
  })

  test('something ambiguous asks back or shows what there is', () => {
    for (const text of ['Show me', 'what tools should I use', 'Make something cool']) {
      const { intent, clarify } = router.route({ text })
      expect(clarify !== undefined || ['discovery', 'smalltalk', 'image', 'creation'].includes(intent), text).toBe(true)
    }
  })
})

describe('the list of utterances whose route the old system’s own tests and prompts state', () => {
  interface Row {
    readonly text: string
    readonly intent: Intent
    readonly strength: 'explicit' | 'inferred'
    readonly history?: readonly PastMessage[]
  }
  const listed = readFileSync(new URL('../../data/routing/regressions.jsonl', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
  const shareRight = (some: readonly Row[]): number =>
    some.filter(({ text, history, intent }) => router.route({ text, ...(history && { history }) }).intent === intent)
      .length / some.length

  test('is met in 98 of 100 rows where the source asserts the route', () => {
    expect(shareRight(listed.filter(({ strength }) => strength === 'explicit'))).toBeGreaterThanOrEqual(0.98)
  })

  test('is met in 96 of 100 rows over all', () => {
    expect(shareRight(listed)).toBeGreaterThanOrEqual(0.96)
  })

  test('never sends a learning question to the profile', () => {
    const strays = listed.filter(
      ({ text, history, intent, strength }) =>
        intent === 'learning' &&
        strength === 'explicit' &&
        router.route({ text, ...(history && { history }) }).intent === 'profile',
    )
    expect(strays).toEqual([])
  })
})
