/** A question about a concept is never taken for something about oneself, whatever stands before it. */
import { expect, test } from 'vitest'
import { router } from './the-router.ts'

const topics = [
  'RAG',
  'fine-tuning',
  'a neural network',
  'embeddings',
  'prompt engineering',
  'diffusion models',
  'a user profile in recommender systems',
  'a vector database',
  'backpropagation',
  'the attention mechanism',
  'AI agents',
  'quantum error correction',
  'kubernetes',
  'an image encoder',
  'project management',
  'model evaluation',
  'memory profiling',
  'transfer learning',
  'a system prompt',
  'dynamic programming',
]
const questions = [
  'what is {}?',
  'what is {}',
  'how does {} work?',
  'can you explain {}?',
  'explain {} to me',
  'could you tell me what {} means?',
  'teach me about {}',
  'I want to understand {}',
  'why does {} matter?',
  'help me understand {}',
  'where do I start with {}?',
  'Was ist {}?',
  '¿qué es {}?',
  "c'est quoi {} ?",
]
const selfDescriptions = [
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
]

test('learning never goes to profile, over topics × question forms × self-descriptions', () => {
  const messages = topics.flatMap((topic) =>
    questions.flatMap((question) => selfDescriptions.map((self) => `${self}${question.replace('{}', topic)}`)),
  )
  expect(messages.length).toBeGreaterThanOrEqual(2_000)
  expect(messages.filter((text) => router.route({ text }).intent === 'profile')).toEqual([])
})

test('nor after a turn in which the assistant noted a fact or asked for one', () => {
  const history = [
    { role: 'user', text: "I'm a nurse" },
    { role: 'assistant', text: 'Noted. What do you like to do in your free time?', agent: 'profile' },
  ] as const
  const messages = topics.flatMap((topic) =>
    questions.filter((question) => question.includes('?')).map((question) => question.replace('{}', topic)),
  )
  expect(messages.filter((text) => router.route({ text, history }).intent === 'profile')).toEqual([])
})
