/** A node as `main` makes one, over a shared record: handler, responder, live answers, and what it hears of other nodes. */
import { agentFor } from '../../../src/agents/agent-catalogue.ts'
import type { AgentTools } from '../../../src/agents/agent-tools.ts'
import type { LanguageModel, ModelPart, ModelRequest } from '../../../src/agents/language-model.ts'
import { createCommandHandler } from '../../../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../../../src/commands/conversation-decider.ts'
import { createConversationGateway } from '../../../src/commands/conversation-handler.ts'
import { createCodec } from '../../../src/events/codec.ts'
import type { LiveFact } from '../../../src/events/live-facts.ts'
import { withAnswerStops } from '../../../src/reactors/answer-stops.ts'
import { followConversations } from '../../../src/reactors/conversation-feed.ts'
import { createDraftFeed } from '../../../src/reactors/draft-feed.ts'
import { createDraftLog } from '../../../src/reactors/draft-log.ts'
import { createLiveAnswers } from '../../../src/reactors/live-answers.ts'
import { readEnding } from '../../../src/reactors/recorded-facts.ts'
import { createResponder, type ResponderSettings } from '../../../src/reactors/responder.ts'
import { createRouter } from '../../../src/routing/router.ts'
import { loadRouterModel } from '../../../src/routing/router-weights.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import type { Uuid } from '../../../src/shared/ids.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { RecordHarness } from '../../support/record-harness.ts'

const weights = new URL('../../../src/routing/router-weights.json', import.meta.url)
let router: ReturnType<typeof createRouter> | undefined

export type Script = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelPart>

export const finish: ModelPart = { type: 'finish', finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } }

const noTools: AgentTools = { definitionsFor: () => [], execute: () => Promise.reject(new Error('there are none')) }

export interface NodeOptions {
  readonly script: Script
  readonly isReproducible?: boolean
  /** False for a node that only shows what others write. */
  readonly isResponder?: boolean
  readonly tools?: AgentTools
  readonly settings?: Partial<ResponderSettings>
  /** Awaited before these events go to the record; may throw, and then they do not. */
  readonly beforeAppend?: (types: readonly string[]) => Promise<void>
}

export type AnsweringNode = Awaited<ReturnType<typeof startAnsweringNode>>

export async function startAnsweringNode(record: RecordHarness, options: NodeOptions) {
  router ??= createRouter(loadRouterModel(weights))
  const connected = record.another()
  const store: typeof connected = {
    ...connected,
    async append(stream, events, expected) {
      await options.beforeAppend?.(events.map(({ type }) => type))
      return await connected.append(stream, events, expected)
    },
  }
  const codec = createCodec()
  const start = await store.lastPosition()
  const handler = createCommandHandler({
    ...{ store, codec, clock: systemClock, decider: conversationDecider, personOf: ownerOf },
  })
  const live = createLiveAnswers()
  const drafts = createDraftLog({ store, codec, clock: systemClock })
  const model: LanguageModel = {
    ...{ provider: 'test', id: 'scripted', isReproducible: options.isReproducible === true },
    stream: options.script,
  }
  const responder = createResponder({
    ...{ queue: store, reader: store, codec, handler, route: router.route, agentFor, model, live, drafts },
    tools: options.tools ?? noTools,
    settings: {
      ...{ interruptedTurns: 'answer-again', draftIntervalMs: 20, answersMax: 8, drainMs: 0 },
      ...options.settings,
    },
    onLeft: (conversationId, turnId) => feed.onLeft(conversationId, turnId),
    elapsedMs: () => performance.now(),
    logger: silentLogger,
  })
  const feed = createDraftFeed({
    ...{ live, drafts, load: handler.load, isWritingHere: responder.isWriting, logger: silentLogger },
    readEnding: (stream, turnId) => readEnding(store, codec, stream, turnId),
  })
  const gateway = withAnswerStops({
    ...{ gateway: createConversationGateway(handler), handler, responder, live, drafts, store, codec },
    clock: systemClock,
  })
  const answering = new AbortController()
  const following = new AbortController()
  const answered = options.isResponder === false ? Promise.resolve() : responder.run(answering.signal)
  const followed = followConversations(
    {
      ...{ reader: store, codec, live: feed, logger: silentLogger, onEnded: responder.abandon },
      onStopRequested: ({ conversationId, turnId, by }) => void responder.stop(conversationId as Uuid, turnId, by),
    },
    following.signal,
    start ?? 'start',
  )
  return {
    ...{ gateway, responder, live, feed, drafts, store, handler },
    /** Hears what a socket on this node would hear. */
    async hear(conversationId: string) {
      const heard: LiveFact[] = []
      const leave = await feed.attend(conversationId)
      const stop = live.listen(conversationId, (fact) => heard.push(fact))
      return {
        heard,
        leave() {
          stop()
          leave()
        },
      }
    },
    async stop() {
      answering.abort()
      await answered
      following.abort()
      await followed
    },
    /** As when its process is killed: nothing is finished, handed over or told. */
    async die() {
      following.abort()
      await store.close()
    },
  }
}

export function textOfDeltas(facts: readonly LiveFact[]): string {
  return facts.map((fact) => (fact.type === 'response.delta' ? fact.text : '')).join('')
}
