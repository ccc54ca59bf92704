/**
 * The profile agent's tools. A fact is noted only when the person's own message states it: the tool reads the message
 * itself, whatever a model claims, and writes nothing for a message that asks something.
 */
import { z } from 'zod'
import type { ToolContext } from '../agent-tools.ts'
import { factKinds } from '../facts/fact-patterns.ts'
import { foldInPlace } from '../facts/message-clauses.ts'
import { FACTS_PER_MESSAGE_MAX, isStatedIn, type StatedFact, statedFacts } from '../facts/stated-facts.ts'
import { type AgentTool, failed, succeeded } from './tool-set.ts'

/** Where facts are kept; what is noted or removed twice in one turn is so once. */
export interface FactNotebook {
  readonly note: (context: ToolContext, fact: StatedFact) => Promise<NotedFact | { readonly refused: string }>
  /** Removes at most `max` of the facts that are meant; handled again, a turn is told the same and removes nothing more. */
  readonly remove: (
    context: ToolContext,
    isMeant: (fact: KeptFact) => boolean,
    max: number,
  ) => Promise<{ readonly removed: readonly KeptFact[]; readonly remaining: number } | { readonly refused: string }>
  readonly list: (ownerId: string) => Promise<readonly KeptFact[]>
}

export interface KeptFact {
  readonly factId: string
  readonly kind: string
  readonly value: string
}

/** `isNew` is false when it was known before; without a fact, the person took it back meanwhile. */
export interface NotedFact {
  readonly fact: KeptFact | undefined
  readonly isNew: boolean
}

const TIMEOUT_MS = 10_000
const REMOVED_MAX = 20

export const NOTE_FACTS = 'note_profile_facts'
export const LIST_FACTS = 'list_profile_facts'
export const REMOVE_FACTS = 'remove_profile_facts'

export function profileTools(notebook: FactNotebook): readonly AgentTool[] {
  return [noteFacts(notebook), listFacts(notebook), removeFacts(notebook)]
}

const noteArguments = z.object({
  facts: z
    .array(
      z.object({
        kind: z.enum(factKinds),
        value: z.string().min(1).max(200).describe('The fact in the person’s own words, copied from the quote.'),
        quote: z.string().min(1).max(1_000).describe('The statement, copied from the message letter by letter.'),
      }),
    )
    .min(1)
    .max(FACTS_PER_MESSAGE_MAX),
})

function noteFacts(notebook: FactNotebook): AgentTool {
  return {
    agents: ['profile'],
    definition: {
      name: NOTE_FACTS,
      description:
        'Notes facts that the person states about themselves in the message being answered, in the first person, or asks to write down. Never for a question, never for anything derived. Each fact needs the exact words it stands in.',
      parameters: noteArguments,
      timeoutMs: TIMEOUT_MS,
    },
    async execute(call, context) {
      const { facts } = noteArguments.parse(call.arguments)
      const noted: unknown[] = []
      const refused: unknown[] = []
      for (const proposed of facts) {
        const stated = statementOf(proposed, context.question)
        const outcome = stated && (await notebook.note(context, stated))
        if (outcome === undefined) refused.push({ quote: proposed.quote, why: NOT_STATED })
        else if ('refused' in outcome) refused.push({ quote: proposed.quote, why: outcome.refused })
        else if (outcome.fact !== undefined) noted.push({ ...outcome.fact, isNew: outcome.isNew })
      }
      if (noted.length === 0 && refused.length > 0) return { outcome: 'failed', result: { noted, refused } }
      return succeeded({ noted, refused, undo: 'The person can undo each fact beside this answer and at /me.' })
    },
  }
}

const NOT_STATED =
  'The message does not state this in the first person, or it asks something; nothing was noted from these words.'

/** What the message itself says at the quoted place: its own kind and words where it can be read, else the quote as it stands. */
function statementOf(
  { kind, value, quote }: z.infer<typeof noteArguments>['facts'][number],
  question: string,
): StatedFact | undefined {
  const from = question.indexOf(quote)
  if (from === -1) return undefined
  const to = from + quote.length
  const read = statedFacts(question).find(({ span }) => span.from < to && from < span.to && quote.includes(value))
  if (read !== undefined && quote.includes(read.value)) return read
  if (!quote.includes(value) || !isStatedIn(question, quote)) return undefined
  return { kind, value, span: { from, to } }
}

function listFacts(notebook: FactNotebook): AgentTool {
  return {
    agents: ['profile'],
    definition: {
      name: LIST_FACTS,
      description: 'Lists what was noted about the person so far.',
      parameters: z.object({}),
      timeoutMs: TIMEOUT_MS,
    },
    execute: async (_call, { ownerId }) => succeeded({ facts: await notebook.list(ownerId) }),
  }
}

const REMOVING =
  /(?:^|[^\p{L}])(?:forget|remove|delete|erase|drop|strike|clear|olvida|elimina|quita|borra|vergiss|losch\w*|entfern\w*|oublie|supprime|enleve|efface|retire)(?![\p{L}])/u
const EVERYTHING = /(?:^|[^\p{L}])(?:everything|all|todo|alles|tout)(?![\p{L}])/u

function removeFacts(notebook: FactNotebook): AgentTool {
  return {
    agents: ['profile'],
    definition: {
      name: REMOVE_FACTS,
      description:
        'Takes back noted facts whose words stand in the message being answered, when the person asks to forget or remove them.',
      parameters: z.object({}),
      timeoutMs: TIMEOUT_MS,
    },
    async execute(_call, context) {
      if (!asksToRemove(context.question)) return failed('The message does not ask to remove anything.')
      const folded = foldInPlace(context.question)
      const isMeant = ({ value }: KeptFact) => EVERYTHING.test(folded) || folded.includes(foldInPlace(value))
      const outcome = await notebook.remove(context, isMeant, REMOVED_MAX)
      return 'refused' in outcome ? failed(outcome.refused) : succeeded(outcome)
    },
  }
}

/** Whether a message asks to forget something noted. */
export function asksToRemove(question: string): boolean {
  return REMOVING.test(foldInPlace(question))
}
