/** Reads labelled utterances, one JSON object a line, in the forms that this project and others write them. */
import { z } from 'zod'
import type { Intent } from '../events/conversation-events.ts'
import { Fault } from '../shared/failures.ts'
import { isAgentName, isIntent } from './intents.ts'
import type { PastMessage } from './routing-decision.ts'

export interface LabelledUtterance {
  readonly text: string
  readonly intent: Intent
  readonly history?: readonly PastMessage[]
  /** Names under which the row is also reported on its own: `language:de`, `source:explicit`. */
  readonly slices: readonly string[]
}

export interface LabelledUtterances {
  readonly rows: readonly LabelledUtterance[]
  /** Rows whose context is described in words and not given: what they mean cannot be told without it. */
  readonly withoutTheirContext: number
  /** Rows labelled with something that is none of the eight intents. */
  readonly withOtherLabels: number
}

/** What others call our intents. */
const OTHER_NAMES: Readonly<Record<string, Intent>> = {
  games: 'smalltalk',
  'project-creation': 'creation',
  'image-generation': 'image',
  adversarial: 'unsafe',
}

const pastMessageSchema = z.object({
  role: z.enum(['user', 'assistant']),
  text: z.string().optional(),
  content: z.string().optional(),
  agent: z.string().optional(),
  asked: z.boolean().optional(),
})

const rowSchema = z.object({
  text: z.string(),
  intent: z.string().min(1),
  history: z.array(pastMessageSchema).optional(),
  context: z.union([z.string(), z.array(pastMessageSchema)]).optional(),
  language: z.string().optional(),
  lang: z.string().optional(),
  kinds: z.array(z.string()).optional(),
  source: z.string().optional(),
  strength: z.string().optional(),
  part: z.string().optional(),
})
type Row = z.infer<typeof rowSchema>

/**
 * Takes `{text, intent}` with, if wished, `history` or `context` (earlier messages as `{role, text | content, agent?}`), `language` or
 * `lang`, `kinds`, `source`, `strength`. With `part` only rows of that part are taken. Throws `utterances-unreadable` with the line.
 */
export function parseUtterances(file: string, part?: string): LabelledUtterances {
  const rows: LabelledUtterance[] = []
  let withoutTheirContext = 0
  let withOtherLabels = 0
  file.split('\n').forEach((line, at) => {
    if (line.trim() === '') return
    const row = parseRow(line, at + 1)
    if (part !== undefined && row.part !== part) return
    const intent = intentNamed(row.intent)
    if (intent === undefined) withOtherLabels += 1
    else if (typeof row.context === 'string' && row.history === undefined) withoutTheirContext += 1
    else rows.push(utteranceOf({ ...row, intent }))
  })
  return { rows, withoutTheirContext, withOtherLabels }
}

/** Of several, as in `learning+image`, the first counts. */
function intentNamed(label: string): Intent | undefined {
  const [first = ''] = label.split('+')
  return isIntent(first) ? first : OTHER_NAMES[first]
}

function parseRow(line: string, number: number): Row {
  try {
    return rowSchema.parse(JSON.parse(line))
  } catch (cause) {
    throw new Fault('utterances-unreadable', { line: number }, { cause })
  }
}

function utteranceOf({
  text,
  intent,
  history,
  context,
  language,
  lang,
  kinds = [],
  source,
  strength,
}: Row & { readonly intent: Intent }) {
  const earlier = history ?? (Array.isArray(context) ? context : undefined)
  const spoken = language ?? lang
  return {
    text,
    intent,
    ...(earlier !== undefined && { history: earlier.map(pastMessageOf) }),
    slices: [
      ...(spoken === undefined ? [] : [`language:${spoken}`]),
      `history:${earlier === undefined ? 'no' : 'yes'}`,
      ...kinds.filter((kind) => kind !== 'history').map((kind) => `kind:${kind}`),
      ...(source === undefined ? [] : [`source:${source}`]),
      ...(strength === undefined ? [] : [`strength:${strength}`]),
    ],
  }
}

function pastMessageOf({ role, text, content, agent, asked }: z.infer<typeof pastMessageSchema>): PastMessage {
  return {
    role,
    text: text ?? content ?? '',
    ...(agent !== undefined && isAgentName(agent) && { agent }),
    ...(asked !== undefined && { asked }),
  }
}
