/**
 * Greets, thanks and cheers in a sentence or two, and leaves a door open to something useful. It asks nothing, so that
 * the next message is not taken for an answer to small talk.
 */
import type { KnowledgeBase } from '../knowledge-base.ts'
import { foldText } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'
import { knowledgeAnswer } from './knowledge-answer.ts'

export function smalltalkAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  const folded = foldText(question.text)
  const reply = replies.find(([pattern]) => pattern.test(folded))?.[1]
  if (reply === undefined) {
    const isQuestion = (question.matches[0]?.fit ?? 0) >= clearFitMin
    return (isQuestion ? knowledgeAnswer(question, knowledge) : undefined) ?? createAnswerDraft().paragraph(anyReply)
  }
  if (reply !== surprise) return createAnswerDraft().paragraph(reply)
  const draft = createAnswerDraft()
  const learning = knowledge.entries.filter(({ area }) => area === 'learning')
  const entry = learning[numberFrom(`${question.text} ${question.earlier.length}`) % learning.length]!
  return draft
    .paragraph(
      `Here is something from the knowledge base. **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`,
    )
    .closing('Ask about it, and I will go on; say “surprise me” for another one.')
}

/** From this fit on, what looked like small talk is a question. */
const clearFitMin = 0.8

const surprise = 'surprise'
const anyReply = 'I am with you. Write whatever is on your mind, or name an AI topic and I will explain it.'

/** The first pattern that fits decides; words are folded. */
const replies: readonly (readonly [RegExp, string])[] = [
  [
    /\b(remember (this|that)|keep (this|that) in mind|merk dir|recuerda (esto|que)|souviens toi|retiens)\b/,
    'It stands in this conversation now, which is recorded and stays in your list. Ask “What did I say?” here, and I will look it up.',
  ],
  [
    /\b(joke|make me laugh|something funny|witz|chiste|blague)\b/,
    'Why did the neural network go to school? It had lost touch with its classes. If you want to know what it was trained for, ask me about classification.',
  ],
  [
    /\b(surprise|something (fun|interesting|cool|new)|fun fact|teach me something|quiz me|bored|langweilig|aburrid[oa]|ennuie)\b/,
    surprise,
  ],
  [
    /\b(play|game|snake|battle|challenge someone|spiel\w*|jugar|jouer)\b/,
    'I have no games to start here. What I can offer is a riddle of another kind: say “surprise me”, and I will pick a piece of AI knowledge for you.',
  ],
  [
    /\b(how are you|how is it going|hows it going|whats up|wie gehts?|wie geht es|como estas?|que tal|ca va|comment vas|come stai|tudo bem)\b/,
    'All is well here, thank you: the record is open and I am ready for whatever you want to look at today.',
  ],
  [
    /\b(still there|are you there|can you hear|hear me|bist du da|estas ahi|tu es la)\b/,
    'Yes, I am here, and what you wrote has arrived. Go on when you like.',
  ],
  [
    /\b(who are you|are you (a )?(human|real|robot|bot|person)|your name|wer bist|quien eres|qui es tu)\b/,
    'I am Emberlog’s offline assistant: no person and no large model, but a program that answers from a written knowledge base and cites it. Ask me about AI or about Emberlog.',
  ],
  [
    /\b(bye|goodbye|see you|good night|tschuss|adios|hasta|au revoir|ciao)\b/,
    'Goodbye. This conversation stays in your list, so you can go on where you left off.',
  ],
  [
    /\b(thanks?|thank you|thx|cheers|danke\w*|gracias|merci|obrigad[oa]|grazie|bedankt|dank)\b/,
    'You are welcome. If a question is left over, just ask it.',
  ],
  [
    /\b(great|awesome|cool|nice|perfect|wow|love it|well done|good job|super|toll|genial|parfait|haha|lol)\b/,
    'Glad to hear it. Just name what we shall look at next.',
  ],
  [
    /\b(tired|sad|frustrat\w*|stuck|annoy\w*|angry|hate|give up|stress\w*|overwhelm\w*|mude|triste|fatigue)\b/,
    'That sounds tiring. One small step is often enough for a day: name the one thing that is in your way, and we look at just that.',
  ],
  [
    /\b(test|testing|check|first message|second message|third message)\b/,
    'Your message has arrived and is recorded. Everything works from here; ask me something when you like.',
  ],
  [
    /\b(hi|hello|hey|hiya|good (morning|afternoon|evening)|hallo|guten|moin|hola|buen[oa]s|bonjour|salut|bonsoir|ola|bom dia|buongiorno|greetings|namaste)\b/,
    'Hello! Good to see you. I can explain AI topics with sources, help you to plan a project, and show you around Emberlog. Just write what is on your mind.',
  ],
]

/** A small number from a text, the same every time (FNV-1a, 32 bit). */
function numberFrom(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0
  return hash
}
