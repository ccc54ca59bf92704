/** The port to what agents can do besides writing: which tools each agent has, and what carrying out a call of one gives. */
import { assert } from '../shared/assert.ts'
import type { ToolDefinition } from './agent-catalogue.ts'
import type { AgentName } from './agent-name.ts'
import type { PictureMaking } from './image-model.ts'
import type { Citation } from './language-model.ts'

export interface AgentTools {
  readonly definitionsFor: (agent: AgentName) => readonly ToolDefinition[]
  /**
   * Carries out one call, whose arguments fit the tool's schema. A failure that the model can do something about is an
   * outcome `failed` with an explanation as its result; a fault may be thrown, the model is then told its code. Work that
   * goes on after `signal` aborts is nobody's: the loop does not wait for it.
   */
  readonly execute: (call: ToolCall, context: ToolContext, signal: AbortSignal) => Promise<ToolOutcome>
}

export interface ToolCall {
  readonly tool: string
  /** Parsed by the tool's own schema. */
  readonly arguments: Readonly<Record<string, unknown>>
  /**
   * Counts 1, 2, 3 … in the turn. A turn that is answered afresh after a crash makes its calls again: together with the
   * turn's id this makes a command id, so that a repeated call is no second act.
   */
  readonly number: number
}

/** For whom and in answer to what a tool works; only what belongs to this person may be read or changed. */
export interface ToolContext {
  readonly ownerId: string
  readonly conversationId: string
  readonly turnId: string
  /** The person's message that is being answered, and its text. */
  readonly messageId: string
  readonly question: string
  readonly agent: AgentName
  readonly correlationId: string
  /** The event that asked for the answer. */
  readonly causationId: string
}

export interface ToolOutcome {
  readonly outcome: 'succeeded' | 'failed'
  /** Any JSON value; the model reads it, cut at `TOOL_RESULT_CHARACTERS_MAX`. */
  readonly result: unknown
  /** Become attachments of the answer. */
  readonly attachments?: readonly Attachment[]
  /** Become citations of the answer. */
  readonly citations?: readonly Omit<Citation, 'number'>[]
}

export interface Attachment {
  readonly mediaType: string
  readonly name: string
  readonly reference: string
  /** Absent: nothing was made for it. */
  readonly made?: PictureMaking
}

export const noTools: AgentTools = {
  definitionsFor: () => [],
  execute() {
    assert(false, 'a tool was called where there is none')
  },
}
