/** Notes what people state about themselves, says word for word what was noted, and takes back what they ask to forget. */
import { z } from 'zod'
import { statedFacts } from '../facts/stated-facts.ts'
import type { KnowledgeBase } from '../knowledge-base.ts'
import { foldText } from '../question-terms.ts'
import { asksToRemove, LIST_FACTS, NOTE_FACTS, REMOVE_FACTS } from '../tools/profile-tools.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import type { ToolWish, ToolWork } from './tool-work.ts'

const factSchema = z.object({ kind: z.string(), value: z.string(), isNew: z.boolean().optional() })
const notedSchema = z.object({ noted: z.array(factSchema) })
const listedSchema = z.object({ facts: z.array(factSchema) })
const removedSchema = z.object({ removed: z.array(factSchema) })

const FACTS_SHOWN_MAX = 40

export function profileAnswer(
  { text }: AskedQuestion,
  _knowledge: KnowledgeBase,
  toolWork: ToolWork,
): AnswerDraft | ToolWish {
  const [noted] = toolWork.resultsOf(NOTE_FACTS)
  if (noted !== undefined) return notedAnswer(notedSchema.safeParse(noted.result).data?.noted ?? [])
  const [removed] = toolWork.resultsOf(REMOVE_FACTS)
  if (removed !== undefined) return removedAnswer(removedSchema.safeParse(removed.result).data?.removed ?? [])
  const [listed] = toolWork.resultsOf(LIST_FACTS)
  if (listed !== undefined) return listedAnswer(listedSchema.safeParse(listed.result).data?.facts ?? [])
  return toolsFor(text, toolWork) ?? nothingNoted()
}

function toolsFor(text: string, toolWork: ToolWork): ToolWish | undefined {
  if (toolWork.has(REMOVE_FACTS) && asksToRemove(text)) return { calls: [{ tool: REMOVE_FACTS, arguments: {} }] }
  const stated = statedFacts(text)
  if (toolWork.has(NOTE_FACTS) && stated.length > 0) {
    const facts = stated.map(({ kind, value, span }) => ({ kind, value, quote: text.slice(span.from, span.to) }))
    return { calls: [{ tool: NOTE_FACTS, arguments: { facts } }] }
  }
  if (toolWork.has(LIST_FACTS) && asksForProfile.test(foldText(text)))
    return { calls: [{ tool: LIST_FACTS, arguments: {} }] }
  return undefined
}

const asksForProfile =
  /\b(what (do|did) you (know|remember|note\w*|have)|know about me|remember about me|(show|see|view|list|open|read)\w* (me )?(my|the) (profile|facts|bio)|my profile|que sabes (de|sobre) mi|mi perfil|was wei(ss|t) du uber mich|mein profil|que sais tu (de|sur) moi|mon profil)\b/

type Facts = readonly z.infer<typeof factSchema>[]

function asList(facts: Facts): string {
  return facts
    .slice(0, FACTS_SHOWN_MAX)
    .map(({ kind, value, isNew }) => `- **${kind}**: ${quoted(value)}${isNew === false ? ' (known already)' : ''}`)
    .join('\n')
}

function notedAnswer(facts: Facts): AnswerDraft {
  if (facts.length === 0) return nothingNoted()
  return createAnswerDraft()
    .paragraph(`Noted in your profile, in your own words:\n\n${asList(facts)}`)
    .paragraph('You can undo each one right below, or later on the page My data at `/me`.')
}

function removedAnswer(facts: Facts): AnswerDraft {
  if (facts.length > 0) return createAnswerDraft().paragraph(`Taken out of your profile:\n\n${asList(facts)}`)
  return createAnswerDraft().paragraph(
    'I found nothing in your profile with those words, so nothing was removed. Ask “What do you know about me?” to see what is there, or remove it on the page My data at `/me`.',
  )
}

function listedAnswer(facts: Facts): AnswerDraft {
  if (facts.length === 0) {
    return createAnswerDraft().paragraph(
      'Your profile is empty: nothing was noted about you. Tell me something in the first person, such as “I work as a nurse”, and I note it in your words.',
    )
  }
  const more = facts.length > FACTS_SHOWN_MAX ? ` The first ${FACTS_SHOWN_MAX} of ${facts.length}:` : ''
  return createAnswerDraft()
    .paragraph(`What is noted about you.${more}\n\n${asList(facts)}`)
    .paragraph('Each came from a message of yours. You can remove any of them on the page My data at `/me`.')
}

function nothingNoted(): AnswerDraft {
  return createAnswerDraft()
    .paragraph(
      'To be plain about it: I have not put this into a profile. I note only what you state about yourself in the first person, such as “I work as a nurse”, or ask me to write down, such as “Remember that I prefer short answers”; never a question, and never what I would have to guess.',
    )
    .paragraph('To see everything that is kept about you, open the page My data at `/me`.')
}
