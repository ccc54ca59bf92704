/** What a person has written and the server does not have yet survives a reload: drafts, and messages on their way. */

const MESSAGES_MAX = 100

/** Per person and conversation, for this tab only. */
export function createSavedWriting(userId) {
  const keyOf = (kind, conversationId) => `emberlog:${kind}:${userId}:${conversationId}`
  const read = (key, fallback) => {
    try {
      return JSON.parse(sessionStorage.getItem(key)) ?? fallback
    } catch {
      return fallback
    }
  }
  const write = (key, value, isEmpty) => {
    try {
      if (isEmpty) sessionStorage.removeItem(key)
      else sessionStorage.setItem(key, JSON.stringify(value))
    } catch {
      // A full or forbidden storage costs the convenience, not the message on screen.
    }
  }
  return {
    draft: (conversationId) => read(keyOf('draft', conversationId), ''),
    saveDraft: (conversationId, text) => write(keyOf('draft', conversationId), text, text === ''),
    outbox: (conversationId) => read(keyOf('outbox', conversationId), []),
    saveOutbox: (conversationId, messages) =>
      write(keyOf('outbox', conversationId), messages.slice(-MESSAGES_MAX), messages.length === 0),
  }
}
