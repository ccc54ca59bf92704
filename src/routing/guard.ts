/** Looks for attacks in every readable form of a text, and lets people ask about security in order to learn. */

import { markRules, squeezedPhrases, type WordRule, wordRules } from './guard-rules.ts'
import type { GuardVerdict } from './routing-decision.ts'
import { type ReadableForm, readableForms } from './text-disguises.ts'

/** What the rules found. `rules` are named with the form in which they matched: `ignore-instructions@base64`. */
export interface GuardFinding {
  readonly verdict: GuardVerdict
  readonly rules: readonly string[]
  readonly forms: readonly ReadableForm[]
}

const RULES_NAMED_MAX = 6
const MARKED_LENGTH_MAX = 20_000
const SENTENCES_MAX = 400
const SENTENCE_END = /(?<=[.!?;\n])\s+|\n+/
const WORD = /[\p{L}\p{N}\p{M}]+(?:['-][\p{L}\p{N}]+)*/gu

const rulesByFirstWord = new Map<string, WordRule[]>()
for (const rule of wordRules) {
  for (const word of rule.steps[0] ?? []) rulesByFirstWord.set(word, [...(rulesByFirstWord.get(word) ?? []), rule])
}

export function inspect(raw: string): GuardFinding {
  const forms = readableForms(raw)
  const blocking = new Set<string>()
  const excused = new Set<string>()
  for (const { name, isExcused } of matchMarks(raw, forms[0]?.text ?? '')) {
    ;(isExcused ? excused : blocking).add(`${name}@plain`)
  }
  for (const { form, text } of forms) {
    for (const sentence of text.split(SENTENCE_END, SENTENCES_MAX)) {
      for (const { name, isExcused } of judgeSentence(sentence, form)) {
        ;(isExcused ? excused : blocking).add(`${name}@${form}`)
      }
    }
  }
  if (blocking.size > 0) return { verdict: 'blocked', rules: [...blocking].slice(0, RULES_NAMED_MAX), forms }
  if (excused.size > 0)
    return { verdict: 'learning-about-security', rules: [...excused].slice(0, RULES_NAMED_MAX), forms }
  return { verdict: 'clear', rules: [], forms }
}

interface Judged {
  readonly name: string
  /** Asked in order to learn. */
  readonly isExcused: boolean
}

function matchMarks(raw: string, plain: string): Judged[] {
  const text = raw.slice(0, MARKED_LENGTH_MAX)
  return markRules
    .filter(({ pattern }) => pattern.test(text))
    .map(({ name, mayBeQuoted }) => ({ name, isExcused: mayBeQuoted === true && asksWhatItMeans(plain) }))
}

function judgeSentence(sentence: string, form: ReadableForm['form']): Judged[] {
  const matches = matchSentence(sentence, form)
  const isLesson = form === 'plain' && matches.length > 0 && asksInOrderToLearn(sentence)
  const isOfCriminals = isLesson && tellsOfCriminals(sentence)
  return matches.map(({ name, isCommand, isCrime }) => ({
    name,
    isExcused: isLesson && !isCommand && (!isCrime || isOfCriminals),
  }))
}

interface RuleMatch {
  readonly name: string
  /** The matched words begin a clause of their own (`… and ignore your rules`), so that no question before them excuses them. */
  readonly isCommand: boolean
  readonly isCrime: boolean
}

function matchSentence(sentence: string, form: ReadableForm['form']): RuleMatch[] {
  const tokens = [...sentence.matchAll(WORD)]
  const words = tokens.map(([word]) => word.replace(/'s$/, '').replaceAll("'", ''))
  const matches: RuleMatch[] = []
  words.forEach((word, at) => {
    for (const rule of rulesByFirstWord.get(word) ?? []) {
      if (matches.some(({ name }) => name === rule.name) || !matchesFrom(rule, words, at)) continue
      const isCommand = at > 0 && beginsClause(sentence, tokens[at - 1]!, tokens[at]!)
      matches.push({ name: rule.name, isCommand, isCrime: rule.isCrime === true })
    }
  })
  if (matches.length === 0 && (form === 'joined' || hasLongWord(words))) {
    const squeezed = words.join('')
    const isAttack = squeezedPhrases.some((phrase) => squeezed.includes(phrase))
    if (isAttack && hasLongWord(words)) matches.push({ name: 'squeezed-phrase', isCommand: true, isCrime: false })
  }
  return matches
}

function beginsClause(sentence: string, before: RegExpExecArray, here: RegExpExecArray): boolean {
  const between = sentence.slice(before.index + before[0].length, here.index)
  if (/["“«„'‘]/.test(between)) return false
  return /[,:;\-–—(]/.test(between) || CONJUNCTIONS.has(before[0])
}

const CONJUNCTIONS = new Set(
  'and then also now please but just or y luego ahora und dann jetzt bitte et puis maintenant e depois agora poi adesso ora'.split(
    ' ',
  ),
)

function hasLongWord(words: readonly string[]): boolean {
  return words.some((word) => word.length > 14)
}

function matchesFrom(rule: WordRule, words: readonly string[], start: number): boolean {
  let at = start
  for (const step of rule.steps.slice(1)) {
    let next = -1
    for (let ahead = at + 1; ahead <= at + 1 + rule.gapMax && ahead < words.length; ahead++) {
      if (step.has(words[ahead]!)) {
        next = ahead
        break
      }
    }
    if (next === -1) return false
    at = next
  }
  return !(rule.notBefore?.has(words[at + 1] ?? '') ?? false)
}

const QUESTION_OPENING =
  /^(?:(?:and|so|ok|please|hi|hello|hey|for my [a-z]+:?)[ ,]+)*(?:what(?:'s| is| are| does| do| kind)|how (?:do|does|can|could|to|should|would|are|is)|why|explain|can you explain|could you explain|please explain|teach me|tell me (?:about|how|why|what)|describe|define|help me understand|que|como|por que|explica|was|wie|warum|erklar|qu'est-ce|comment|pourquoi|explique|o que|come|cosa|perche|spiega)\b/
const THIRD_PERSON =
  /\b(?:attackers?|hackers?|people|someone|users?|models?|llms?|chatbots?|criminals?|atacantes?|angreifer|pirates?|on some|works?|working|funciona|funktioniert|marche)\b/
const DEFENCE =
  /\b(?:stop|prevent|protect|defend|detect|block|avoid|mitigate|filter|guard|secure|against|test my|harden|store|evitar|proteger|prevenir|detectar|schutz\w*|verhinder\w*|abwehr\w*|proteger|empecher|eviter|detecter|mean|means|meaning|significa|bedeutet|signifie|phrase|attack|attacks|ataque|angriff|attaque)\b/
const AT_US =
  /\b(?:your (?:system|hidden|secret|initial|instructions|api|own|password|prompt)|tu (?:prompt|sistema)|deine? |ton prompt|tes instructions|votre prompt)/
const QUOTED = /["“«„'‘][^"”»“'’]{8,}["”»“'’]/

const QUOTED_LENGTH_MAX = 300

/** A short question about words in quotation marks that holds nothing a database would run: no comment and no second statement. */
function asksWhatItMeans(text: string): boolean {
  if (text.length > QUOTED_LENGTH_MAX || /--|;|\/\*/.test(text)) return false
  return QUESTION_OPENING.test(text) && !AT_US.test(text)
}

/** Whether a text is a question about attacks that is asked in order to learn, as far as its words tell. */
export function isLessonAboutSecurity(normalized: string): boolean {
  return normalized.split(SENTENCE_END, 1).some(asksInOrderToLearn)
}

const CRIMINALS =
  /\b(?:do|does|did|can|could|would|are) (?:the |most )?(?:attackers?|hackers?|criminals?|scammers?|thieves|fraudsters|terrorists|cartels?|companies|people|they)\b/

/** A question about a crime is a lesson when it is about defence or about those who commit it. */
function tellsOfCriminals(sentence: string): boolean {
  return DEFENCE.test(sentence) || QUOTED.test(sentence) || CRIMINALS.test(sentence) || DESCRIBING.test(sentence)
}

/** Words of people who tell of attacks rather than make one. */
const DESCRIBING =
  /\b(?:attackers? (?:write|say|use|try|often|may|can)|(?:owasp|the paper|the book|the course) (?:describes?|mentions?|covers?|calls)|where an? (?:user|attacker|hacker) (?:tells|asks|tricks)|(?:phrases?|things|messages|prompts) (?:like|such as)|for a (?:blog post|talk|lecture|class|course|paper) (?:about|on) (?:ai |llm |it )?(?:security|safety))\b/

/** A question about an attack: put as a question, and about others, about defence, or with the attack in quotation marks; never about ourselves. */
function asksInOrderToLearn(sentence: string): boolean {
  if (AT_US.test(sentence)) return false
  if (DESCRIBING.test(sentence)) return true
  if (!QUESTION_OPENING.test(sentence)) return false
  return DEFENCE.test(sentence) || QUOTED.test(sentence) || THIRD_PERSON.test(sentence)
}
