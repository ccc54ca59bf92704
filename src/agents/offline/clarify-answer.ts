/** Asks which of two things a person wants, when the router could not tell. */
import type { AgentName } from '../agent-name.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'

export function clarifyAnswer([one, other]: readonly [AgentName, AgentName]): AnswerDraft {
  const [first, second] = [offers[one], offers[other]]
  return createAnswerDraft().closing(
    `I can read that in two ways. Shall I **${first.offer}**, or **${second.offer}**? One word is enough: *${first.word}* or *${second.word}*.`,
  )
}

const offers: Readonly<Record<AgentName, { readonly offer: string; readonly word: string }>> = {
  learning: { offer: 'explain the topic', word: 'explain' },
  discovery: { offer: 'look at tools and projects that exist', word: 'explore' },
  creation: { offer: 'help you to plan a project of your own', word: 'project' },
  image: { offer: 'prepare a picture or infographic', word: 'picture' },
  profile: { offer: 'take it as something about yourself', word: 'me' },
  support: { offer: 'show how Emberlog works', word: 'help' },
  smalltalk: { offer: 'just chat for a moment', word: 'chat' },
  guard: { offer: 'talk about AI security as a topic', word: 'security' },
}
