/** An answer to the assistant's own question goes back to the agent that asked, whatever nouns are in it. */
import type { Intent } from '../events/conversation-events.ts'
import { REQUEST_WORDS } from './request-words.ts'
import { wordsOf } from './text-features.ts'
import type { TurnContext } from './turn-context.ts'

/** What the model makes of the message on its own, without the conversation. */
interface AloneReading {
  readonly intent: Intent
  readonly probability: number
}

const ANSWER_WORDS_MAX = 60
/** A message that reads this clearly as something else is taken to change the subject. */
const NEW_SUBJECT_PROBABILITY_MIN = 0.8

/** A whole question needs less: answers are seldom put as one. */
const NEW_QUESTION_PROBABILITY_MIN = 0.45

const CHANGE_OF_MIND =
  /^(?:(?:no|ok|oh|hmm|wait|well|thanks)[,.! ]+)*(?:actually|never ?mind|instead|first|before that|forget (?:it|that)|wait|stop|en realidad|mejor|olvida(?:lo)?|eigentlich|doch lieber|vergiss es|en fait|finalement|laisse tomber|na verdade|deixa|anzi|lascia)\b/
const REQUEST_OPENING = new RegExp(
  `^(?:(?:and|so|ok|okay|but|please|now|then|no|yes)[,.! ]+)*[¿¡]?(?:${REQUEST_WORDS})\\b`,
)
const THANKS =
  /^(?:ok |oh |wow |great |cool )?(?:thanks|thank you|thx|ty|gracias|danke|merci|obrigad[oa]|grazie|bye|goodbye|hi|hello|hey)\b[^?]{0,40}$/

/** Whether the message answers what the assistant asked, rather than asking for something new. */
export function answersTheQuestion(normalized: string, context: TurnContext, alone: AloneReading): boolean {
  if (!context.isAsked || context.agent === undefined) return false
  if (wordsOf(normalized).length > ANSWER_WORDS_MAX) return false
  if (CHANGE_OF_MIND.test(normalized)) return false
  if (alone.intent === context.agent) return true
  if (THANKS.test(normalized)) return false
  if (context.isAskedForWords && !normalized.includes('?')) return true
  const opensRequest = REQUEST_OPENING.test(normalized)
  const asks = normalized.includes('?')
  if (asks && opensRequest) return alone.probability < NEW_QUESTION_PROBABILITY_MIN
  return !((asks || opensRequest) && alone.probability >= NEW_SUBJECT_PROBABILITY_MIN)
}
