/** Says in which streams of the standard projections an event is to be found: pure. */
import { LINK_TYPE } from '../streams/link-resolver.ts'

/** What the rules look at. */
export interface ProjectedEvent {
  readonly stream: string
  readonly revision: number
  readonly type: string
  /** The event's metadata as text; asked for only where it matters. */
  readonly metadata: () => string
}

/** An event to be written: a link to the event, or the name of its stream. */
export interface Emission {
  readonly stream: string
  readonly type: string
  readonly data: string
}

/** The data of such an event is the name of a stream. */
const STREAM_REFERENCE_TYPE = '$@'
const SEPARATOR = '-'

/** Of a stream such as `conversation-1` it is `conversation`. */
export function categoryOf(stream: string): string | undefined {
  const end = stream.indexOf(SEPARATOR)
  return end > 0 ? stream.slice(0, end) : undefined
}

/** Streams of the system are in none: the projections' own are among them. */
export function isProjected({ stream, type }: Pick<ProjectedEvent, 'stream' | 'type'>): boolean {
  return !stream.startsWith('$') && (!type.startsWith('$') || type === LINK_TYPE)
}

/**
 * `$ce-<category>`, `$et-<type>`, `$bc-<correlation id>`: a link to each event; `$streams`: a link to each stream's first event;
 * `$category-<category>`: the name of each stream.
 */
export function emissionsOf(event: ProjectedEvent): Emission[] {
  if (!isProjected(event)) return []
  const { stream, revision, type } = event
  const link = { type: LINK_TYPE, data: `${revision}@${stream}` }
  const category = categoryOf(stream)
  const correlationId = correlationIdOf(event.metadata())
  const emissions: Emission[] = []
  if (category !== undefined) emissions.push({ stream: `$ce-${category}`, ...link })
  if (type !== LINK_TYPE) emissions.push({ stream: `$et-${type}`, ...link })
  if (correlationId !== undefined) emissions.push({ stream: `$bc-${correlationId}`, ...link })
  if (revision > 0) return emissions
  emissions.push({ stream: '$streams', ...link })
  if (category !== undefined)
    emissions.push({ stream: `$category-${category}`, type: STREAM_REFERENCE_TYPE, data: stream })
  return emissions
}

function correlationIdOf(metadata: string): string | undefined {
  if (!metadata.includes('"$correlationId"')) return undefined
  try {
    const { $correlationId: found } = JSON.parse(metadata) as { $correlationId?: unknown }
    return typeof found === 'string' && found !== '' ? found : undefined
  } catch {
    return undefined
  }
}
