/** What kind of conversation an id speaks of, when its client does not say. */
import type { ConversationKind } from '../events/conversation-events.ts'

interface KindRule {
  readonly pattern: RegExp
  readonly kind: ConversationKind
  readonly title: string
}

/** The ids that the replaced system's clients use; `ava-…` is its later name for `ember-…`. */
const rules: readonly KindRule[] = [
  { pattern: /^(ember|ava)-chat(-|$)/, kind: 'ember_chat', title: 'Ember Chat' },
  { pattern: /^(ember|ava)-learn(-|$)/, kind: 'ember_learn', title: 'Ember Learn Chat' },
  { pattern: /^(ember|ava)-explore(-|$)/, kind: 'ember_explore', title: 'Ember Explore Chat' },
  { pattern: /^learn-/, kind: 'learning_path', title: 'Learning Path Chat' },
  { pattern: /^avatar-/, kind: 'avatar', title: 'Avatar Generation' },
  { pattern: /^project-/, kind: 'project', title: 'Project Chat' },
  { pattern: /^\d{13}$/, kind: 'image', title: 'Image Generation' },
]

/** The kind, and for ids with a fixed meaning the title. Any other id is an ordinary chat that its first message names. */
export function kindOfConversationId(clientConversationId: string): {
  readonly kind: ConversationKind
  readonly title?: string
} {
  const rule = rules.find(({ pattern }) => pattern.test(clientConversationId))
  return rule === undefined ? { kind: 'ember_chat' } : { kind: rule.kind, title: rule.title }
}

/** `project` chats age out of the record; everything else is kept. */
export function retentionOf(kind: ConversationKind): 'kept' | 'transient' {
  return kind === 'project' ? 'transient' : 'kept'
}
