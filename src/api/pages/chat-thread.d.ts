/** The shapes of chat-thread.js, for those who read it with types. */
import type { ServerFrame } from '../contracts/socket-frames.ts'

export interface ThreadItem {
  readonly role: 'user' | 'assistant'
  readonly messageId: string | undefined
  readonly turnId: string | undefined
  readonly text: string
  readonly status: string
  readonly agent?: string
  readonly reason?: string
  readonly attachments?: readonly { attachmentId: string; mediaType: string; name: string; made?: object }[]
  readonly facts?: readonly { factId: string; kind: string; value: string; isUndone?: boolean }[]
}

export interface Thread {
  write(message: { messageId: string; text: string; parentMessageId?: string }): void
  markSending(messageId: string): void
  refuse(messageId: string, reason: string): void
  withdraw(messageId: string): void
  load(rows: readonly Record<string, unknown>[]): void
  openTurns(): { turnId: string; lastDelta: number }[]
  isConfirmed(messageId: string): boolean
  apply(frame: ServerFrame): boolean
  forget(turnId: string): void
  noteFacts(facts: readonly { turnId: string; factId: string; kind: string; value: string }[]): void
  undoFact(turnId: string, factId: string): void
  rate(turnId: string, rating: 'up' | 'down' | null): void
  items(): ThreadItem[]
}

export function createThread(): Thread
