/** Appends one event over plain HTTP, for scripts that have no client: `POST /streams/{stream}`, as EventStoreDB takes it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccessControl } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import { checkProposal, type WriteTarget } from '../protocol/append-messages.ts'
import type { ProposedEvent } from '../protocol/recorded-event.ts'
import type { EventStore } from '../streams/event-store.ts'
import { EXPECT, type ExpectedRevision } from '../streams/expected-revision.ts'
import { isMetastream } from '../streams/stream-metadata.ts'
import { isValidStreamName } from '../streams/stream-names.ts'
import { answer, callerOf, type Http1Handler, readBody } from '../transport/http1-exchange.ts'
import { appendOrOverloaded } from './append-rpc.ts'
import { storeFailed } from './rpc-failures.ts'

const CONTENT_TYPES = ['application/json', 'application/octet-stream']
const NO_METADATA = Buffer.alloc(0)

/**
 * Takes the event's data as the body, its type as `ES-EventType`, and if given its id as `ES-EventId` and what is expected
 * of the stream as `ES-ExpectedVersion`. Answers 201 and where the event is, or 307 to an address with an id in it, so that
 * sending again appends nothing twice. Data is stored as it comes: JSON that is none is not refused.
 */
export function http1Append(store: EventStore, access: AccessControl): Http1Handler {
  return async (request, response) => {
    // A page in a browser sends where it comes from with every POST, even one that was led here by a forged name.
    if (request.headers.origin !== undefined) return answer(response, 403, 'Pages of browsers may not append.')
    const wish = readWish(request)
    if ('refusal' in wish) return answer(response, wish.status, wish.refusal)
    const { target, eventId } = wish
    const principal = await callerOf(access, request)
    access.authorizeStream(principal, isMetastream(target.stream) ? 'write-metadata' : 'write', target.stream)
    if (eventId === undefined) return answer(response, 307, undefined, { location: addressWithId(request, target) })
    const data = await readBody(request, LIMITS.appendDataBytesMax)
    const event = checkProposal({ ...wish, id: eventId, data, metadata: NO_METADATA })
    if (typeof event === 'string') return answer(response, 400, event)
    await append(store, target, event, response)
  }
}

interface Wish {
  readonly target: WriteTarget
  readonly type: string
  readonly contentType: string
  readonly eventId: string | undefined
}

type Refusal = { readonly refusal: string; readonly status: number }

/** `/streams/{stream}` or, with an id, `/streams/{stream}/incoming/{id}`. */
const ADDRESS = /^\/streams\/([^/]+)(?:\/incoming\/([^/]+))?$/

/** Whether an address is one to append at. */
export const isAppendAddress = (pathname: string): boolean => ADDRESS.test(pathname)

function readWish({ url = '', headers }: IncomingMessage): Wish | Refusal {
  const [, encoded = '', idInAddress] = ADDRESS.exec(new URL(url, 'http://localhost').pathname) ?? []
  const stream = decode(encoded)
  const type = headerOf(headers['es-eventtype'])
  const expected = parseExpected(headerOf(headers['es-expectedversion']))
  const contentType = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (stream === undefined || !isValidStreamName(stream)) return { status: 400, refusal: 'That is no stream’s name.' }
  if (!type) return { status: 400, refusal: 'The header ES-EventType must name the type of the event.' }
  if (expected === undefined) return { status: 400, refusal: 'ES-ExpectedVersion is a revision, -1, -2 or -4.' }
  if (!CONTENT_TYPES.includes(contentType))
    return { status: 415, refusal: `An event is sent as ${CONTENT_TYPES.join(' or ')}.` }
  return { target: { stream, expected }, type, contentType, eventId: idInAddress ?? headerOf(headers['es-eventid']) }
}

async function append(store: EventStore, target: WriteTarget, event: ProposedEvent, response: ServerResponse) {
  const outcome = appendOrOverloaded(store, target, [event])
  if (outcome.kind === 'deleted') return answer(response, 410, 'The stream is deleted.')
  if (outcome.kind === 'wrong-revision') {
    const current = { 'es-currentversion': String(outcome.currentRevision) }
    return answer(response, 400, 'The stream is not at the expected version.', current)
  }
  await outcome.durable.catch(() => {
    throw storeFailed()
  })
  answer(response, 201, undefined, { location: `/streams/${encodeURIComponent(target.stream)}/${outcome.revision}` })
}

/** A whole address: some programs follow no other. */
function addressWithId(request: IncomingMessage, { stream }: WriteTarget): string {
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  return `${scheme}://${request.headers.host}/streams/${encodeURIComponent(stream)}/incoming/${randomUUID()}`
}

function parseExpected(header: string | undefined): ExpectedRevision | undefined {
  if (header === undefined) return EXPECT.any
  if (!/^(\d{1,15}|-[124])$/.test(header)) return undefined
  return Number(header)
}

const headerOf = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header)

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
