/** The one reply to requests that Emberlog does not act on: fixed, polite, and repeating nothing of the request. */
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'

export function guardAnswer(): AnswerDraft {
  return createAnswerDraft()
    .paragraph(
      'I leave that request aside: it asks for something Emberlog does not act on. It stays in the record, like every message.',
    )
    .paragraph(
      'What I gladly do: explain AI topics, AI security included, help you to plan a project, and show how Emberlog works. If I misread you, say in other words what you want to learn or do.',
    )
}
