/** A question never writes a profile fact: not through the router, not when the profile agent is asked, not when a model insists. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LanguageModel } from '../../../src/agents/language-model.ts'
import { NOTE_FACTS } from '../../../src/agents/tools/profile-tools.ts'
import { type PlatformStage, startPlatform } from './platform-stage.ts'

let platform: PlatformStage
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

const topics = [
  'RAG',
  'fine-tuning',
  'a neural network',
  'embeddings',
  'diffusion models',
  'a user profile in recommender systems',
  'a vector database',
  'AI agents',
  'memory in chatbots',
  'skills in AI',
]
const english = [
  'what is {}?',
  'what is {}',
  'how does {} work?',
  'can you explain {}?',
  'explain {} to me',
  'could you tell me what {} means?',
  'teach me about {}',
  'I want to understand {}',
  'help me understand {}',
  'do you know {}?',
]
const questions: Readonly<Record<string, readonly string[]>> = {
  en: english,
  es: ['¿qué es {}?', 'qué es {}', '¿cómo funciona {}?', 'explícame {}', 'quiero entender {}'],
  de: ['Was ist {}?', 'was ist {}', 'Wie funktioniert {}?', 'Erklär mir {}', 'Ich möchte {} verstehen?'],
  fr: ["C'est quoi {} ?", "qu'est-ce que {}", 'Comment fonctionne {} ?', 'Explique-moi {}', 'je veux comprendre {}'],
}
const selfDescriptions: Readonly<Record<string, readonly string[]>> = {
  en: [
    '',
    "I'm a nurse. ",
    'I love hiking and AI, ',
    "I'm a product manager from Lisbon and I like chess. ",
    'My name is Ana. ',
    'I work in finance. ',
    'I prefer videos. ',
    "I'm new to AI, ",
    'As a teacher, ',
    "I've been a developer for ten years; ",
    'I have two kids and I live in Berlin: ',
  ],
  es: ['', 'Soy enfermera. ', 'Me llamo Ana y vivo en Madrid. ', 'Me gusta el ajedrez, ', 'Trabajo en un banco; '],
  de: [
    '',
    'Ich bin Lehrerin. ',
    'Ich heiße Jürgen und wohne in Köln. ',
    'Ich mag Schach, ',
    'Ich arbeite bei Siemens; ',
  ],
  fr: [
    '',
    'Je suis infirmière. ',
    "Je m'appelle Ana et j'habite à Lyon. ",
    "J'aime les échecs, ",
    'Je travaille chez Airbus ; ',
  ],
}

const messages = Object.entries(questions).flatMap(([language, forms]) =>
  topics.flatMap((topic) =>
    forms.flatMap((form) => (selfDescriptions[language] ?? []).map((self) => `${self}${form.replace('{}', topic)}`)),
  ),
)
/** Half of the questions once more, with the self-description after them. */
const turnedAround = topics.flatMap((topic) =>
  english.flatMap((form) =>
    (selfDescriptions['en'] ?? []).slice(1, 6).map((self) => `${form.replace('{}', topic)} ${self}`),
  ),
)
const everyQuestion = [...messages, ...turnedAround]

test('there are at least 2,000 questions', () => {
  expect(new Set(everyQuestion).size).toBeGreaterThanOrEqual(2_000)
})

test('no fact is written through the router, whichever agent it asks', async () => {
  const person = platform.talk()
  for (const text of everyQuestion) await platform.talk({ ownerId: person.ownerId }).say(text)
  expect((await platform.eventsOf(person.ownerId)).filter((type) => type.startsWith('ProfileFact'))).toEqual([])
}, 300_000)

test('no fact is written when the profile agent answers a question', async () => {
  const person = platform.talk()
  for (const text of everyQuestion) await platform.talk({ ownerId: person.ownerId }).say(text, { agent: 'profile' })
  expect(await platform.eventsOf(person.ownerId)).toEqual([])
}, 300_000)

/** Wants every part of the message noted, and the whole of it. */
const insistent: LanguageModel = {
  provider: 'test',
  id: 'insistent',
  async *stream({ messages: said, rounds = [] }) {
    const usage = { inputTokens: 1, outputTokens: 1 }
    if (rounds.length > 0) {
      yield { type: 'text', text: 'Done.' }
      yield { type: 'finish', finishReason: 'stop', usage }
      return
    }
    const text = said.at(-1)?.text ?? ''
    const quotes = [text, ...text.split(/(?<=[.,;:])\s/)].filter((quote) => quote !== '').slice(0, 8)
    const facts = quotes.map((quote) => ({ kind: 'about', value: quote.slice(0, 200), quote }))
    yield { type: 'tool-call', toolCallId: 'c1', tool: NOTE_FACTS, arguments: { facts } }
    yield { type: 'finish', finishReason: 'tool-calls', usage }
  },
}

test('no fact is written when a model wants every question noted', async () => {
  const person = platform.talk()
  for (const text of everyQuestion) {
    const said = await platform.talk({ ownerId: person.ownerId, model: insistent }).say(text, { agent: 'profile' })
    expect(said.calls).toEqual([`${NOTE_FACTS} failed`])
  }
  expect(await platform.eventsOf(person.ownerId)).toEqual([])
}, 300_000)

test('the same road does write a statement, so the silence above means something', async () => {
  const person = platform.talk()
  await person.say("I'm a nurse from Lisbon and I like chess.")
  await platform.talk({ ownerId: person.ownerId, model: insistent }).say('I work in finance.', { agent: 'profile' })
  expect(await platform.eventsOf(person.ownerId)).toEqual(Array(3).fill('ProfileFactNoted'))
})
