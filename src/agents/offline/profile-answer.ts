/** Listens to what people tell about themselves, and says that offline nothing of it becomes part of a profile. */
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'

export function profileAnswer(): AnswerDraft {
  return createAnswerDraft()
    .paragraph(
      'Thank you for telling me. To be plain about it: I have not put this into a profile. As the offline assistant I keep no facts about you beyond this conversation, which is recorded like every other.',
    )
    .paragraph(
      'Within this conversation you can build on it: ask me something, and mention what matters about you where it helps. To see everything that is kept about you, open the page My data at `/me`.',
    )
}
