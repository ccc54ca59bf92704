/** Holds a conversation with a language model in tests: says something to an agent, collects every part of the answer. */
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import type { AgentName } from '../../src/agents/agent-name.ts'
import { loadKnowledgeBase } from '../../src/agents/knowledge-base.ts'
import type {
  CitationPart,
  FinishPart,
  LanguageModel,
  ModelMessage,
  ModelPart,
  RoutingHint,
} from '../../src/agents/language-model.ts'
import { createOfflineAssistant } from '../../src/agents/offline-assistant.ts'

export const knowledge = loadKnowledgeBase()
export const assistant = createOfflineAssistant(knowledge)

export interface Reply {
  readonly text: string
  readonly deltas: readonly string[]
  readonly citations: readonly CitationPart[]
  readonly finish: FinishPart
  readonly parts: readonly ModelPart[]
}

interface Conversation {
  /** Sends the message to the agent and returns its whole answer, which becomes part of the conversation. */
  say(agent: AgentName, text: string, routing?: RoutingHint): Promise<Reply>
}

export function conversation(model: LanguageModel = assistant): Conversation {
  const messages: ModelMessage[] = []
  return {
    async say(agent, text, routing) {
      messages.push({ role: 'user', text })
      const request = { agent: agentFor(agent), messages: [...messages], ...(routing === undefined ? {} : { routing }) }
      const reply = toReply(await allParts(model.stream(request, new AbortController().signal)))
      messages.push({ role: 'assistant', text: reply.text, agent })
      return reply
    },
  }
}

/** Asks one thing in a conversation of its own. */
export function ask(agent: AgentName, text: string, routing?: RoutingHint): Promise<Reply> {
  return conversation().say(agent, text, routing)
}

export async function allParts(stream: AsyncIterable<ModelPart>): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

function toReply(parts: ModelPart[]): Reply {
  const deltas = parts.filter((part) => part.type === 'text').map(({ text }) => text)
  const citations = parts.filter((part) => part.type === 'citation')
  const finish = parts.at(-1)
  if (finish?.type !== 'finish') throw new Error('the stream does not end with a finish part')
  return { text: deltas.join(''), deltas, citations, finish, parts }
}
