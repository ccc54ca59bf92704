/** Expands the hand-written templates of data/routing/templates into labelled utterances, the same ones on every run. */
import type { Intent } from '../../src/events/conversation-events.ts'
import { type AgentName, isIntent } from '../../src/routing/intents.ts'
import type { PastMessage } from '../../src/routing/routing-decision.ts'
import { pick, type Random, seededRandom, seedOf } from '../../src/routing/seeded-random.ts'

/** What a row is for: `train` fits weights, `tune` picks settings and calibrates, `test` is sealed and only measured. */
export type Part = 'train' | 'tune' | 'test'

/** One labelled utterance; the rows of data/routing/utterances.jsonl have this shape. */
export interface Utterance {
  readonly text: string
  readonly intent: Intent
  /** Rows of one family share their wording and stay together in one part. */
  readonly family: string
  readonly language: string
  readonly part: Part
  readonly kinds: readonly ('hard' | 'typo' | 'history')[]
  readonly history?: readonly PastMessage[]
}

/** Slot name → what may stand there. */
export type Fillers = ReadonlyMap<string, readonly string[]>

interface Family {
  readonly intent: Intent
  readonly language: string
  readonly name: string
  readonly part: Part
  readonly isHard: boolean
  /** How many different texts one line may give. */
  readonly textsPerLineMax: number
  readonly lines: string[]
}

const SLOT = /\{([a-z-]+)\}/g
const CHOICE = /\(([^()]*\|[^()]*)\)/
/** Two bars part the messages of a history, one parts fillers. */
const FILLER_BREAK = /(?<!\|)\|(?!\|)/
const TEXTS_PER_LINE_MAX = 5
/** A filler may have slots of its own, and those fillers as well. */
const SLOT_DEPTH_MAX = 3

/** Reads `slot: filler | filler` lines; a slot may be continued on further lines of the same name. */
export function parseFillers(text: string): Fillers {
  const fillers = new Map<string, string[]>()
  for (const line of contentLines(text)) {
    const colon = line.indexOf(':')
    const slot = line.slice(0, colon).trim()
    const values = line
      .slice(colon + 1)
      .split(FILLER_BREAK)
      .map((value) => value.trim())
    fillers.set(slot, [...(fillers.get(slot) ?? []), ...values.filter((value) => value !== '')])
  }
  return fillers
}

/**
 * Reads `= intent language` and `## family [@tune|@test] [hard] [xN]` headings with a template a line, and expands each.
 * A line `U text || A agent? text || answer` carries history: the agent's name ends in `?` when it asked, in `.` when it told,
 * and is left out when the history does not say who spoke.
 */
export function expandTemplates(text: string, fillersOf: (language: string) => Fillers): Utterance[] {
  return parseFamilies(text).flatMap((family) => {
    const texts = new Map<string, Utterance>()
    for (const line of family.lines) {
      for (const utterance of expandLine(line, family, fillersOf(family.language))) {
        texts.set(JSON.stringify([utterance.history, utterance.text]), utterance)
      }
    }
    return [...texts.values()]
  })
}

function parseFamilies(text: string): Family[] {
  const families: Family[] = []
  let head: { intent: Intent; language: string } | undefined
  for (const line of contentLines(text)) {
    if (line.startsWith('= ')) {
      const [intent, language] = line.slice(2).trim().split(/\s+/)
      if (!isIntent(intent) || language === undefined) throw new Error(`not a heading: ${line}`)
      head = { intent, language }
    } else if (line.startsWith('## ')) {
      if (head === undefined) throw new Error(`a family before its heading: ${line}`)
      families.push(parseFamily(line.slice(3), head))
    } else {
      const family = families.at(-1)
      if (family === undefined) throw new Error(`a line outside of a family: ${line}`)
      family.lines.push(line)
    }
  }
  return families
}

function parseFamily(heading: string, { intent, language }: { intent: Intent; language: string }): Family {
  const [name = '', ...flags] = heading.trim().split(/\s+/)
  const part = flags.includes('@test') ? 'test' : flags.includes('@tune') ? 'tune' : 'train'
  const count = flags.find((flag) => /^x\d+$/.test(flag))
  return {
    intent,
    language,
    name: `${intent}.${language}.${name}`,
    part,
    isHard: flags.includes('hard'),
    textsPerLineMax: count === undefined ? TEXTS_PER_LINE_MAX : Number(count.slice(1)),
    lines: [],
  }
}

function expandLine(line: string, family: Family, fillers: Fillers): Utterance[] {
  const random = seededRandom(seedOf(`${family.name} ${line}`))
  const texts = new Set<string>()
  const triesMax = /[{(]/.test(line) ? family.textsPerLineMax * 4 : 1
  for (let tries = 0; tries < triesMax && texts.size < family.textsPerLineMax; tries++)
    texts.add(fill(line, fillers, random))
  return [...texts].map((text) => toUtterance(text, family))
}

function fill(template: string, fillers: Fillers, random: Random): string {
  let text = template
  for (let choice = CHOICE.exec(text); choice !== null; choice = CHOICE.exec(text)) {
    text =
      text.slice(0, choice.index) +
      pick((choice[1] ?? '').split('|'), random) +
      text.slice(choice.index + choice[0].length)
  }
  for (let depth = 0; depth < SLOT_DEPTH_MAX; depth++) {
    text = text.replaceAll(SLOT, (_, slot: string) => {
      const values = fillers.get(slot)
      if (values === undefined) throw new Error(`no fillers for {${slot}} in: ${template}`)
      return pick(values, random)
    })
  }
  return text
    .replaceAll('\\n', '\n')
    .replace(/ {2,}/g, ' ')
    .replace(/ ([,.?!])/g, '$1')
    .trim()
}

function toUtterance(filled: string, family: Family): Utterance {
  const parts = filled.split('||').map((part) => part.trim())
  const text = parts.at(-1) ?? ''
  const history = parts.slice(0, -1).map(parsePastMessage)
  return {
    text,
    intent: family.intent,
    family: family.name,
    language: family.language,
    part: family.part,
    kinds: [...(family.isHard ? (['hard'] as const) : []), ...(history.length > 0 ? (['history'] as const) : [])],
    ...(history.length > 0 ? { history } : {}),
  }
}

function parsePastMessage(part: string): PastMessage {
  if (part.startsWith('U ')) return { role: 'user', text: part.slice(2) }
  const signed = /^A ([a-z]+)([.?]) (.*)$/.exec(part)
  if (signed !== null) {
    return { role: 'assistant', text: signed[3] ?? '', agent: signed[1] as AgentName, asked: signed[2] === '?' }
  }
  if (part.startsWith('A ')) return { role: 'assistant', text: part.slice(2) }
  throw new Error(`not a past message: ${part}`)
}

function contentLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'))
}
