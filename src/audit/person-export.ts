/** Everything the record holds about one person, as one archive: JSON for programs, pages for people; streamed, never whole in memory. */
import { Zip, ZipDeflate } from 'fflate'
import type { Codec, RecordedEvent } from '../events/codec.ts'
import { attachmentStream, userStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import { isFault } from '../shared/failures.ts'
import type { EventReader } from '../store/event-store.ts'
import { looksAt, type SeenLook } from './access-log.ts'
import {
  conversationPageEnd,
  conversationPageStart,
  indexPage,
  type ListedConversation,
  messageOf,
} from './person-export-pages.ts'

export interface PersonExportParts {
  readonly reader: Pick<EventReader, 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
  /** The person's conversation streams. */
  readonly streamsOf: (person: string) => Promise<readonly string[]>
}

/** Conversations in one archive; a person with more gets those of the first ones by id, and the index says so. */
const CONVERSATIONS_MAX = 50_000
/** Looks are searched so many months back. */
const MONTHS_MAX = 24
const LEVEL = 6

/** The bytes of a ZIP archive, in order, as they are made. */
export type PersonExport = (person: string) => AsyncIterable<Uint8Array>

export function createPersonExport(parts: PersonExportParts): PersonExport {
  return async function* exportOf(person) {
    const archive = openArchive()
    yield* writeAll(parts, person, archive)
    archive.end()
    yield* archive.taken()
  }
}

async function* writeAll(parts: PersonExportParts, person: string, archive: Archive): AsyncGenerator<Uint8Array> {
  const streams = (await parts.streamsOf(person)).slice(0, CONVERSATIONS_MAX)
  const listed: ListedConversation[] = []
  for (const [index, stream] of streams.entries()) {
    yield* writeConversation(parts, archive, { person, stream, number: index + 1, listed })
  }
  const own = archive.open('my-record.json')
  own.write('[')
  const facts: RecordedEvent[] = []
  let isFirst = true
  for await (const event of eventsOf(parts, userStream(person))) {
    own.write(`${isFirst ? '\n' : ',\n'}${asJson(event)}`)
    isFirst = false
    facts.push(event)
    yield* archive.taken()
  }
  own.end('\n]\n')
  const looks: SeenLook[] = []
  for (const month of lastMonths(parts.clock())) {
    looks.push(...(await looksAt(parts.reader, parts.codec, { ownerId: person, month })).looks)
  }
  archive.open('who-looked.json').end(`${JSON.stringify(looks, null, 2)}\n`)
  const madeAt = parts.clock().toISOString()
  archive.open('conversations.json').end(`${JSON.stringify({ person, madeAt, conversations: listed }, null, 2)}\n`)
  archive.open('index.html').end(indexPage({ person, madeAt, conversations: listed, own: facts, looks }))
  yield* archive.taken()
}

/** `yyyy-mm`, the latest first. */
function lastMonths(now: Date): string[] {
  return Array.from({ length: MONTHS_MAX }, (_, ago) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago, 1)).toISOString().slice(0, 'yyyy-mm'.length),
  )
}

interface Exported {
  readonly person: string
  readonly stream: string
  readonly number: number
  readonly listed: ListedConversation[]
}

/** One stream at a time, and of that one page of the store at a time. Two files grow side by side, so the archive reads it twice. */
async function* writeConversation(
  parts: PersonExportParts,
  archive: Archive,
  { person, stream, number, listed }: Exported,
): AsyncGenerator<Uint8Array> {
  const name = `conversations/${String(number).padStart(5, '0')}`
  let json: ReturnType<Archive['open']> | undefined
  let summary: { title: string; startedAt: string } | undefined
  let messages = 0
  const attachments: string[] = []
  for await (const event of eventsOf(parts, stream)) {
    json ??= archive.open(`${name}.json`)
    json.write(`${summary === undefined ? '[\n' : ',\n'}${asJson(event)}`)
    summary ??= { title: 'Conversation', startedAt: event.envelope.occurredAt }
    const title = titleOf(event)
    if (title !== undefined) summary = { ...summary, title }
    if (messageOf(event) !== undefined) messages += 1
    if (event.type === 'ResponseCompleted')
      attachments.push(...event.data.attachments.map(({ reference }) => reference))
    yield* archive.taken()
  }
  if (json === undefined || summary === undefined) return // A key was made, and nothing was said.
  json.end('\n]\n')
  listed.push({ file: `${name}.html`, ...summary, messages })
  const page = archive.open(`${name}.html`)
  page.write(conversationPageStart(summary.title))
  for await (const event of eventsOf(parts, stream)) {
    const message = messageOf(event)
    if (message !== undefined) page.write(message)
    yield* archive.taken()
  }
  page.end(conversationPageEnd)
  for (const reference of attachments) yield* writeAttachment(parts, archive, { person, reference })
}

async function* writeAttachment(
  parts: PersonExportParts,
  archive: Archive,
  { person, reference }: { readonly person: string; readonly reference: string },
): AsyncGenerator<Uint8Array> {
  const id = /[0-9a-f-]{36}/.exec(reference)?.[0]
  if (id === undefined) return
  let file: ReturnType<Archive['open']> | undefined
  for await (const event of eventsOf(parts, attachmentStream(person, id))) {
    if (event.type !== 'AttachmentStored' || event.erased.length > 0) continue
    file ??= archive.open(`attachments/${id}.${extensionOf(event.data.mediaType)}`)
    file.writeBytes(Buffer.from(event.data.content, 'base64'))
    yield* archive.taken()
  }
  file?.end('')
}

function extensionOf(mediaType: string): string {
  return /\/([a-z0-9]{1,8})/.exec(mediaType)?.[1] ?? 'bin'
}

function titleOf(event: RecordedEvent): string | undefined {
  if (event.erased.length > 0) return undefined
  if (event.type === 'ConversationRenamed') return event.data.title
  return event.type === 'ConversationStarted' ? (event.data.title ?? event.data.clientConversationId) : undefined
}

/** An event that this version cannot read is left out: what cannot be read cannot be told. */
async function* eventsOf({ reader, codec }: PersonExportParts, stream: string): AsyncGenerator<RecordedEvent> {
  for await (const stored of reader.readStream(stream)) {
    const [event] = await codec.decodeAll([stored])
    if (event !== undefined && !isFault(event)) yield event
  }
}

function asJson({ type, data, envelope, eventId, revision, position, erased }: RecordedEvent): string {
  const { occurredAt, actor } = envelope
  const place = { eventId, revision: String(revision), position: String(position) }
  return JSON.stringify({ type, occurredAt, actor, data, ...(erased.length > 0 && { erased }), ...place })
}

interface Archive {
  readonly open: (name: string) => {
    readonly write: (text: string) => void
    readonly writeBytes: (bytes: Uint8Array) => void
    readonly end: (text: string) => void
  }
  readonly end: () => void
  /** What is ready to be sent. */
  readonly taken: () => Generator<Uint8Array>
}

function openArchive(): Archive {
  const ready: Uint8Array[] = []
  const zip = new Zip((error, chunk) => {
    if (error !== null) throw error
    if (chunk.length > 0) ready.push(chunk)
  })
  const encoder = new TextEncoder()
  return {
    open(name) {
      const file = new ZipDeflate(name, { level: LEVEL })
      zip.add(file)
      return {
        write: (text) => file.push(encoder.encode(text)),
        writeBytes: (bytes) => file.push(bytes),
        end: (text) => file.push(encoder.encode(text), true),
      }
    },
    end: () => zip.end(),
    *taken() {
      yield* ready.splice(0)
    },
  }
}
