/** The pages of an export that people read: plain HTML without scripts, in which message text is text and nothing else. */
import type { RecordedEvent } from '../events/codec.ts'
import type { SeenLook } from './access-log.ts'

export interface ListedConversation {
  readonly file: string
  readonly title: string
  readonly startedAt: string
  readonly messages: number
}

interface IndexContent {
  readonly person: string
  readonly madeAt: string
  readonly conversations: readonly ListedConversation[]
  /** The events of the person's own stream. */
  readonly own: readonly RecordedEvent[]
  readonly looks: readonly SeenLook[]
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #d9dee3;vertical-align:top}
article{margin:1rem 0;padding:.75rem 1rem;border-radius:.5rem;background:#f3f5f7}article.user{background:#eaf2fb}
article p{white-space:pre-wrap;margin:.25rem 0}small{color:#57606a}`

function pageStart(title: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>
<h1>${escaped(title)}</h1>
`
}

export function indexPage({ person, madeAt, conversations, own, looks }: IndexContent): string {
  const rows = conversations.map(
    ({ file, title, startedAt, messages }) =>
      `<tr><td><a href="${escaped(file)}">${escaped(title)}</a></td><td>${escaped(startedAt)}</td><td>${messages}</td></tr>`,
  )
  return `${pageStart(`The record of ${person}`)}<p><small>Made ${escaped(madeAt)}</small></p>
<h2>Conversations</h2>${table(['Title', 'Started', 'Messages'], rows)}
<h2>Facts, projects, holds and erasures</h2>${table(
    ['When', 'What', 'Details'],
    own.map(
      ({ type, envelope, data, erased }) =>
        `<tr><td>${envelope.occurredAt}</td><td>${type}</td><td>${erased.length > 0 ? '<em>erased</em>' : escaped(JSON.stringify(data))}</td></tr>`,
    ),
  )}
<h2>Who looked at this record</h2>${table(
    ['When', 'Who', 'What was shown', 'Why'],
    looks.map(
      ({ at, who, role, kind, by, purpose, isMine }) =>
        `<tr><td>${at}</td><td>${escaped(who)} (${role})</td><td>${kind}, ${escaped(by)}${isMine ? '' : ' (across records)'}</td><td>${escaped(purpose)}</td></tr>`,
    ),
  )}
</main></body></html>
`
}

function table(heads: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return '<p>Nothing.</p>'
  return `<table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

export const conversationPageStart = pageStart
export const conversationPageEnd = '<p><a href="../index.html">All conversations</a></p></main></body></html>\n'

/** What an event says, for people; undefined when it says nothing. */
export function messageOf(event: RecordedEvent): string | undefined {
  switch (event.type) {
    case 'MessageSent':
      return said(event, 'You', event.data.text)
    case 'ResponseCompleted':
      return said(event, `Answered by ${event.data.agent}`, event.data.text)
    case 'ResponseFailed':
      return said(event, 'Answer that failed', event.data.partialText)
    case 'ResponseStopped':
      return said(event, 'Answer that was stopped', event.data.partialText)
    default:
      return undefined
  }
}

function said(event: RecordedEvent, who: string, text: string): string {
  const words = event.erased.length > 0 ? '<em>Erased.</em>' : escaped(text)
  const by = event.type === 'MessageSent' ? 'user' : 'assistant'
  return `<article class="${by}"><small>${escaped(who)} · ${event.envelope.occurredAt}</small><p>${words}</p></article>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
