/** What the router is asked and what it answers; every field of an answer ends up in the permanent record. */
import type { Intent } from '../events/conversation-events.ts'
import type { AgentName, RoutingMethod } from './intents.ts'

/** One earlier message of the conversation, oldest first. */
export interface PastMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Who answered; known for the assistant's messages unless they come from elsewhere. */
  readonly agent?: AgentName
  /** Whether the assistant asked something it waits to be answered; read from the text when not given. */
  readonly asked?: boolean
}

export interface RoutingInput {
  readonly text: string
  readonly history?: readonly PastMessage[]
  /** An intent the client or the person chose; the guard still comes first. */
  readonly override?: Intent
}

export interface Candidate {
  readonly intent: Intent
  /** 0 to 1; the candidates of one decision add up to 1. */
  readonly probability: number
}

/** One reason for (weight above 0) or against (below 0) the decision. */
export interface Evidence {
  readonly kind: 'rule' | 'feature' | 'sense' | 'context'
  readonly name: string
  readonly weight: number
}

/** What of the conversation so far a decision rests on. */
export interface UsedContext {
  /** Earlier messages that were read. */
  readonly messages: number
  /** Who had answered last; null at the start and where nobody can tell. */
  readonly agent: AgentName | null
  /** How sure that is: 1 when the history says so, less when it was inferred. */
  readonly agentProbability: number
  readonly isAsked: boolean
}

/** What the guard found: nothing, an attack, or words of an attack in a question asked in order to learn. */
export type GuardVerdict = 'clear' | 'blocked' | 'learning-about-security'

export interface RoutingDecision {
  readonly intent: Intent
  readonly agent: AgentName
  readonly method: RoutingMethod
  /** How likely the decision is right, 0 to 1. */
  readonly confidence: number
  /** All intents, most likely first. */
  readonly candidates: readonly Candidate[]
  /** Strongest first, at most `EVIDENCE_MAX`. */
  readonly evidence: readonly Evidence[]
  /** The rules that spoke are among the evidence. */
  readonly guard: GuardVerdict
  /** What of the conversation was used. */
  readonly context: UsedContext
  /** Version and hash of the weights: `1+sha256:0123456789ab`. */
  readonly routerVersion: string
  /** The two likeliest intents, when the router is unsure and the person should be asked. */
  readonly clarify?: readonly [Intent, Intent]
}

export const EVIDENCE_MAX = 12
