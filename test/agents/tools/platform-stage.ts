/** The agents with their tools, over a real record: a person talks, the router decides, the offline assistant answers. */
import { randomUUID } from 'node:crypto'
import { agentFor } from '../../../src/agents/agent-catalogue.ts'
import type { AgentName } from '../../../src/agents/agent-name.ts'
import type { Attachment } from '../../../src/agents/agent-tools.ts'
import { recentMessages } from '../../../src/agents/conversation-memory.ts'
import type { LanguageModel, ModelMessage } from '../../../src/agents/language-model.ts'
import { svgDrawing } from '../../../src/agents/offline/svg-drawing.ts'
import { answerWithTools } from '../../../src/agents/tool-loop.ts'
import type { SharedProject } from '../../../src/agents/tools/catalogue-tools.ts'
import { createCodec } from '../../../src/events/codec.ts'
import { conversationIdOf, turnIdOf, userStream } from '../../../src/events/stream-names.ts'
import { createBelongings } from '../../../src/main/belongings.ts'
import { createPlatformTools } from '../../../src/main/tool-adapters.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { router } from '../../routing/the-router.ts'
import { type RecordHarness, startRecord } from '../../support/record-harness.ts'
import { assistant } from '../conversation.ts'

export interface Said {
  readonly agent: AgentName
  readonly text: string
  /** Name and outcome of each call. */
  readonly calls: readonly string[]
  readonly attachments: readonly Attachment[]
}

export interface Talk {
  readonly ownerId: string
  /** Sends a message; without an agent the router decides. */
  readonly say: (text: string, options?: { agent?: AgentName; messageId?: string }) => Promise<Said>
  /** Handles the last message once more, as a second delivery would. */
  readonly again: () => Promise<Said>
}

export interface PlatformStage {
  readonly record: RecordHarness
  readonly owned: ReturnType<typeof createBelongings>
  readonly talk: (options?: { ownerId?: string; model?: LanguageModel }) => Talk
  /** The types of the events of a person's own stream. */
  readonly eventsOf: (ownerId: string) => Promise<string[]>
  readonly stop: () => Promise<void>
}

export async function startPlatform(shared: readonly SharedProject[] = []): Promise<PlatformStage> {
  const record = await startRecord()
  const { store } = record
  // Tools read what they write from the record; no read model is asked but that of shared projects.
  const database = { queries: undefined as never }
  const owned = createBelongings({ store, codec: createCodec(), clock: systemClock, database })
  const found = async (words: readonly string[]) =>
    shared.filter(
      ({ title }) => words.length === 0 || words.some((word) => title.toLowerCase().includes(word)),
    ) as never
  const tools = createPlatformTools({ ...owned, searchShared: found }, svgDrawing)

  return {
    record,
    owned,
    talk({ ownerId = `person-${randomUUID()}`, model = assistant } = {}) {
      const conversationId = conversationIdOf(ownerId, 'c1')
      const messages: ModelMessage[] = []
      let last: { text: string; agent: AgentName; messageId: string } | undefined
      return { ownerId, say, again: () => answer(last as NonNullable<typeof last>) }

      async function say(
        text: string,
        { agent: wanted, messageId = randomUUID() }: { agent?: AgentName; messageId?: string } = {},
      ): Promise<Said> {
        const agent = wanted ?? router.route({ text, history: messages }).agent
        messages.push({ role: 'user', text })
        last = { text, agent, messageId }
        const said = await answer(last)
        messages.push({ role: 'assistant', text: said.text, agent })
        return said
      }

      async function answer({ text, agent, messageId }: NonNullable<typeof last>): Promise<Said> {
        const turnId = turnIdOf(conversationId, messageId)
        const turn = {
          ownerId,
          conversationId,
          turnId,
          messageId,
          question: text,
          correlationId: turnId,
          causationId: turnId,
        }
        const definition = agentFor(agent)
        const asked = messages.slice(0, messages.findLastIndex(({ role }) => role === 'user') + 1)
        const request = { agent: definition, messages: recentMessages(asked, definition.limits) }
        const parts = { model, tools, elapsedMs: () => performance.now() }
        let written = ''
        const calls: string[] = []
        const attachments: Attachment[] = []
        for await (const part of answerWithTools(parts, request, turn, new AbortController().signal)) {
          if (part.type === 'text') written += part.text
          if (part.type !== 'tool-finished') continue
          calls.push(`${part.tool} ${part.outcome}`)
          attachments.push(...part.attachments)
        }
        return { agent, text: written, calls, attachments }
      }
    },
    async eventsOf(ownerId) {
      const types: string[] = []
      for await (const event of store.readStream(userStream(ownerId))) types.push(event.type)
      return types
    },
    stop: () => record.stop(),
  }
}
