/** The write side as its callers see it: plain wishes in, an outcome with a position out. */
import type { ConversationKind, Intent } from '../events/conversation-events.ts'
import type { Refusal } from '../shared/failures.ts'
import type { Position, Uuid } from '../shared/ids.ts'

/** Who wishes, and from where; `commandId` makes a repeated wish a no-op with the first outcome. */
export interface Request {
  readonly ownerId: string
  readonly clientConversationId: string
  /** Left out: every call is a wish of its own. */
  readonly commandId?: string
  readonly traceparent?: string
}

/** An analyst's wish about a conversation of somebody else, named as the record names it. */
export interface AnalystRequest extends Pick<Request, 'commandId' | 'traceparent'> {
  readonly analystId: string
  readonly conversationId: Uuid
}

export interface Accepted {
  readonly kind: 'accepted'
  readonly conversationId: Uuid
  /** The position of the last event that this wish added, or that an earlier same wish had added. */
  readonly position: Position
}

export type Outcome<Extra = unknown> = (Accepted & Extra) | Refusal

export interface ConversationGateway {
  /** Somebody is about to write: what a first message would wait for is done now. Changes nothing in the record. */
  readonly prepare: (request: Request) => Promise<void>
  /** `isNew` is false when it existed already, which is no refusal. */
  readonly start: (
    request: Request,
    wish: { readonly kind?: ConversationKind; readonly title?: string },
  ) => Promise<Outcome<{ readonly isNew: boolean }>>
  /** Starts the conversation when it does not exist. `isRepeat`: the message was recorded before. Repeated with the same `messageId`: the same answer, whatever the text.
   * Refuses: text-blank, text-too-long, text-not-storable, message-id-invalid, conversation-id-invalid, conversation-deleted, parent-unknown. */
  readonly sendMessage: (
    request: Request,
    wish: {
      readonly messageId: string
      readonly text: string
      readonly parentMessageId?: string
      readonly channel: 'socket' | 'rest' | 'cli'
      /** What the answer is to be about, when the person chose it; what is unsafe goes to the guard all the same. */
      readonly intent?: Intent
    },
  ) => Promise<Outcome<{ readonly messageId: string; readonly turnId: string; readonly isRepeat: boolean }>>
  /** Refuses: turn-unknown, turn-in-progress. */
  readonly regenerate: (
    request: Request,
    wish: { readonly turnId: string },
  ) => Promise<Outcome<{ readonly turnId: string }>>
  /** A stop of a turn that has ended is accepted and changes nothing. Refuses: turn-unknown. */
  readonly stop: (request: Request, wish: { readonly turnId: string }) => Promise<Outcome>
  /** With `reroute` the message is answered once more, by the agent of that intent, in the turn that is answered with; without it
   * `turnId` is the corrected turn's. Refuses: turn-unknown, intent-unknown, turn-in-progress. */
  readonly correctIntent: (
    request: Request,
    wish: { readonly turnId: string; readonly intent: string; readonly note?: string; readonly reroute?: boolean },
  ) => Promise<Outcome<{ readonly turnId: string }>>
  /**
   * An analyst says what a message was about, without having seen it; nothing is answered again. What the person said of it stands.
   * Refuses: turn-unknown, intent-unknown, intent-corrected-by-person.
   */
  readonly correctAsAnalyst: (
    request: AnalystRequest,
    wish: { readonly turnId: string; readonly intent: string },
  ) => Promise<Outcome>
  /** Refuses: message-unknown. */
  readonly rate: (
    request: Request,
    wish: { readonly messageId: string; readonly rating: 'up' | 'down' | 'none'; readonly note?: string },
  ) => Promise<Outcome>
  /** Refuses: conversation-unknown, title-blank, title-too-long. */
  readonly rename: (request: Request, wish: { readonly title: string }) => Promise<Outcome>
  readonly archive: (request: Request) => Promise<Outcome>
  readonly unarchive: (request: Request) => Promise<Outcome>
  readonly delete: (request: Request) => Promise<Outcome>
  readonly restore: (request: Request) => Promise<Outcome>
}
