/** Tells a turn in the AI SDK's UI message stream protocol, version 1, which knows parts of one message. */
import type { LiveFact } from '../events/live-facts.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import { answerFailureText } from './error-catalogue.ts'

/** Clients refuse a part of a type they do not know, so what is ours travels as `data-…`; with an id it is changed in place. */
export type UiPart = { readonly type: string } & Readonly<Record<string, unknown>>

export const UI_STREAM_HEADERS = { 'x-vercel-ai-ui-message-stream': 'v1' }
export const UI_STREAM_END = '[DONE]'

const TEXT_ID = 'answer'

export interface UiMessageParts {
  /** Opens the message: its id is the answer's, known before it is written, so that a client that resumes finds its own. */
  readonly start: () => readonly UiPart[]
  readonly of: (fact: LiveFact) => readonly UiPart[]
}

export function createUiMessageParts(turnId: string): UiMessageParts {
  let isTextOpen = false

  function closeText(): readonly UiPart[] {
    const parts = isTextOpen ? [{ type: 'text-end', id: TEXT_ID }] : []
    isTextOpen = false
    return parts
  }

  function openText(): readonly UiPart[] {
    const parts = isTextOpen ? [] : [{ type: 'text-start', id: TEXT_ID }]
    isTextOpen = true
    return parts
  }

  return {
    start: () => [{ type: 'start', messageId: responseMessageIdOf(turnId), messageMetadata: { turnId } }],
    of(fact) {
      switch (fact.type) {
        case 'message.sent':
          return []
        case 'intent.routed': {
          const { intent, agent, method, confidence } = fact
          return [{ type: 'data-routing', id: 'routing', data: { intent, agent, method, confidence } }]
        }
        case 'tool.started': {
          const { tool, call } = fact
          return [{ type: 'data-tool', id: `tool-${call}`, data: { tool, call, state: 'running' } }]
        }
        case 'tool.finished': {
          const { tool, call, outcome, tookMs } = fact
          return [{ type: 'data-tool', id: `tool-${call}`, data: { tool, call, state: 'finished', outcome, tookMs } }]
        }
        case 'response.delta':
          return [...openText(), { type: 'text-delta', id: TEXT_ID, delta: fact.text }]
        case 'response.completed': {
          const { agent, model, usage, finishReason } = fact
          const messageMetadata = { turnId, status: 'completed', agent, model, usage }
          return [...closeText(), { type: 'finish', finishReason, messageMetadata }]
        }
        case 'response.stopped':
          return [
            ...closeText(),
            { type: 'message-metadata', messageMetadata: { turnId, status: 'stopped' } },
            { type: 'abort', reason: 'stopped' },
          ]
        case 'response.failed':
          return [
            ...closeText(),
            { type: 'message-metadata', messageMetadata: { turnId, status: 'failed', code: fact.code } },
            { type: 'error', errorText: answerFailureText(fact.code) },
          ]
      }
    },
  }
}
