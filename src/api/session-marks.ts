/** What the API needs all nodes to know of sessions: which single-use tokens are taken, and which sessions were ended. */

export interface SessionMarks {
  /** True for the first that takes the token, on whichever node; false for everybody after. */
  readonly take: (tokenId: string, expiresAt: Date) => Promise<boolean>
  /** Resolves when it is recorded: from then on every node hears of it, and a restart forgets nothing. */
  readonly end: (ended: EndedSession) => Promise<void>
  /** Tells of every end, on any node; the earlier ones first. */
  readonly onEnded: (listener: (ended: EndedSession) => void) => void
}

export type EndedSession =
  | { readonly kind: 'token'; readonly tokenId: string; readonly ownerId: string; readonly expiresAt: Date }
  /** Every session of the person that began before the moment. */
  | { readonly kind: 'person'; readonly ownerId: string; readonly begunBefore: Date }
