/** Tells what a person wrote earlier in the conversation, when they ask for that. */
import { foldText } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'

const messagesShownMax = 6

/** Returns undefined when nothing is to be recalled: another question, or nothing said before. */
export function recallAnswer({ text, earlier }: AskedQuestion): AnswerDraft | undefined {
  if (!recalling.test(foldText(text))) return undefined
  const said = earlier.filter(({ role }) => role === 'user').slice(-messagesShownMax)
  if (said.length === 0) return undefined
  const list = said.map((message, index) => `${index + 1}. ${quoted(message.text)}`)
  return createAnswerDraft()
    .paragraph(`In this conversation you wrote${said.length === messagesShownMax ? ' most recently' : ''}:`)
    .paragraph(list.join('\n'))
    .closing('Name one of them to go on from there. Other conversations I do not look into; they are in your list.')
}

const recalling =
  /\bwhat (?:did|have) (?:i|we) (?:just )?(?:say|said|ask|asked|talk|talked|discuss|discussed|tell|told|write|written|mention)|\bwhat (?:was|were) (?:the|my|our|we) (?:\w+ )?(?:topic|question|message|thing|discussing|talking)|\b(?:do you|can you) (?:still )?remember (?:what|my|the|our)|\bwas habe ich (?:gesagt|gefragt|geschrieben)|\bworuber haben wir|\bde que hablamos|\bque (?:te )?(?:dije|pregunte)|\bde quoi (?:avons|on)|\bqu(?:est)? ?ce que jai (?:dit|demande)/
