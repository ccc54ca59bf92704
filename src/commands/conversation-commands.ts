/** The wishes people and reactors have of a conversation. Each may be accepted, refused, or found to be no news. */
import type { DataOf } from '../events/conversation-events.ts'

export type ConversationCommand =
  | { readonly type: 'StartConversation'; readonly data: DataOf<'ConversationStarted'> }
  | {
      readonly type: 'SendMessage'
      readonly data: DataOf<'MessageSent'> & { readonly start: DataOf<'ConversationStarted'> }
    }
  | { readonly type: 'RequestResponse'; readonly data: DataOf<'ResponseRequested'> }
  | { readonly type: 'RouteIntent'; readonly data: DataOf<'IntentRouted'> }
  | { readonly type: 'CompleteResponse'; readonly data: DataOf<'ResponseCompleted'> }
  | { readonly type: 'FailResponse'; readonly data: DataOf<'ResponseFailed'> }
  | { readonly type: 'StopResponse'; readonly data: DataOf<'ResponseStopped'> }
  | {
      readonly type: 'CorrectIntent'
      /** `rerouteTo`: the turn in which the message is answered once more, by the agent of the corrected intent. */
      readonly data: DataOf<'IntentCorrected'> & { readonly rerouteTo?: string }
    }
  | { readonly type: 'RateResponse'; readonly data: DataOf<'ResponseRated'> }
  | { readonly type: 'RenameConversation'; readonly data: DataOf<'ConversationRenamed'> }
  | {
      readonly type: 'ArchiveConversation' | 'UnarchiveConversation' | 'DeleteConversation' | 'RestoreConversation'
      readonly data: Record<string, never>
    }
