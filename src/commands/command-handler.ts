/** Loads a stream, folds it, decides, appends, and retries a bounded number of times: every change of the record passes here. */
import { LRUCache } from 'lru-cache'
import type { Codec } from '../events/codec.ts'
import { writtenVersion } from '../events/codec.ts'
import type { Actor, Envelope } from '../events/envelope.ts'
import type { RecordEvent } from '../events/event-catalogue.ts'
import { userStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import { Fault, type Refusal } from '../shared/failures.ts'
import { type Position, type Revision, toPosition } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Decider } from './decision.ts'

/** How often a command is decided anew because somebody else wrote first. */
const CONFLICTS_MAX = 10
/** Streams whose folded state is kept in memory. */
const CACHED_STREAMS_MAX = 2_000
/** Commands of one stream that may wait for each other in this process. */
const WAITING_PER_STREAM_MAX = 200
/** No key is in memory for so long, clocks that differ included. */
const KEY_IN_MEMORY_MS_MAX = 60 * 60_000

export interface CommandContext {
  readonly commandId: string
  readonly actor: Actor
  readonly correlationId: string
  readonly causationId: string
  readonly traceparent?: string
  /** What the text of its events shares a key with; their own stream when left out. */
  readonly scope?: string
}

export interface CommandOutcome {
  readonly kind: 'accepted'
  /** Of the last event that the command added; when it added none, of the last event that it could have seen. */
  readonly position: Position
  /** True when the same command, or one to the same effect, had been accepted before. */
  readonly isRepeat: boolean
}

export interface CommandHandler<State, Command> {
  /** Throws `store-unavailable` (the command may or may not have taken effect: repeat it with the same id) `conversation-busy` and `conflict-persists`. */
  readonly handle: (stream: string, command: Command, context: CommandContext) => Promise<CommandOutcome | Refusal>
  /** The folded state of a stream as of now; or, when a revision is named, as it was known here at or after that one, unread if it can be. */
  readonly load: (stream: string, atLeast?: Revision) => Promise<State>
  /** Does ahead what commands on a stream of this person, and the answers to them, would have to wait for. */
  readonly prepare: (stream: string, person: string) => Promise<void>
}

interface HandlerParts<State, Command, Event extends RecordEvent> {
  readonly store: Pick<EventStore, 'append' | 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
  readonly decider: Decider<State, Command, Event>
  /** Whose record the stream is, or becomes with these events; undefined where it is nobody's. */
  readonly personOf: (state: State, events: readonly Event[]) => string | undefined
  /** Called before the first event of a stream is appended; repeating it must change nothing. */
  readonly beforeFirstAppend?: (stream: string, events: readonly Event[]) => Promise<void>
}

interface Folded<State> {
  state: State
  revision: Revision | undefined
  position: Position
  /** What each command that is part of the stream came to. */
  readonly outcomes: Map<string, Position>
}

export function createCommandHandler<State, Command, Event extends RecordEvent>(
  parts: HandlerParts<State, Command, Event>,
): CommandHandler<State, Command> {
  const cache = new LRUCache<string, Folded<State>>({ max: CACHED_STREAMS_MAX })
  const inTurn = createTurnstile()

  return {
    handle: (stream, command, context) =>
      inTurn(stream, async () => {
        try {
          return await decideAndAppend(stream, command, context)
        } catch (error) {
          cache.delete(stream) // An append of unknown outcome makes the folded state a guess.
          throw error
        }
      }),
    load: (stream, atLeast) =>
      inTurn(stream, async () => {
        const known = atLeast === undefined ? undefined : cache.get(stream)
        const isKnown = known?.revision !== undefined && atLeast !== undefined && known.revision >= atLeast
        return isKnown ? known.state : (await catchUp(stream)).state
      }),
    async prepare(stream, person) {
      const { revision } = cache.get(stream) ?? (await inTurn(stream, () => catchUp(stream)))
      // What was read of a stream that has begun has brought its key along; drafts have that of the rest of the person.
      await parts.codec.prepare(person, [userStream(person), ...(revision === undefined ? [stream] : [])])
    },
  }

  async function decideAndAppend(
    stream: string,
    command: Command,
    context: CommandContext,
  ): Promise<CommandOutcome | Refusal> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      // The cached state is trusted until an append conflicts; only then the tail is read.
      const folded = conflicts === 0 ? (cache.get(stream) ?? (await catchUp(stream))) : await catchUp(stream)
      const earlier = folded.outcomes.get(context.commandId)
      if (earlier !== undefined) return { kind: 'accepted', position: earlier, isRepeat: true }

      const decision = parts.decider.decide(command, folded.state)
      if (decision.kind === 'refusal') return decision
      if (decision.kind === 'nothing') return { kind: 'accepted', position: folded.position, isRepeat: true }

      const appended = await append(stream, decision.events, context, folded)
      if (appended !== undefined) return { kind: 'accepted', position: appended, isRepeat: false }
    }
    throw new Fault('conflict-persists', { stream, tries: CONFLICTS_MAX })
  }

  /** Undefined when somebody else wrote first. */
  async function append(
    stream: string,
    events: readonly Event[],
    context: CommandContext,
    folded: Folded<State>,
  ): Promise<Position | undefined> {
    const occurredAt = parts.clock().toISOString()
    const person = parts.personOf(folded.state, events)
    const scope = context.scope ?? stream
    const encoded = await Promise.all(
      events.map((event, index) =>
        parts.codec.encode(stream, event, envelopeOf(event, context, occurredAt), { index, person, scope }),
      ),
    )
    if (folded.revision === undefined) await parts.beforeFirstAppend?.(stream, events)
    const result = await parts.store.append(stream, encoded, folded.revision ?? 'no-stream')
    if (result.kind === 'conflict') return undefined
    for (const event of events) folded.state = parts.decider.evolve(folded.state, event)
    folded.revision = result.revision
    folded.position = result.position
    folded.outcomes.set(context.commandId, result.position)
    return result.position
  }

  /** Folds what the stream has gained since it was last seen. */
  async function catchUp(stream: string): Promise<Folded<State>> {
    const folded = cache.get(stream) ?? {
      state: parts.decider.initialState(),
      revision: undefined,
      position: toPosition(0),
      outcomes: new Map<string, Position>(),
    }
    const from = folded.revision === undefined ? {} : { from: (folded.revision + 1n) as Revision }
    for await (const stored of parts.store.readStream(stream, from)) {
      const event = await parts.codec.decode(stored)
      if (event.type === 'ConversationExpired' && isRecent(event.envelope.occurredAt)) parts.codec.forgetKeys()
      // A stream holds the events of its own decider; another's would be a bug, which `evolve` finds.
      folded.state = parts.decider.evolve(folded.state, event as unknown as Event)
      folded.revision = event.revision
      folded.position = event.position
      folded.outcomes.set(event.envelope.commandId, event.position)
    }
    cache.set(stream, folded)
    return folded
  }

  /** A key that took values until then may still be in memory; what we seal from now on would be lost with it. */
  function isRecent(occurredAt: string): boolean {
    return parts.clock().getTime() - Date.parse(occurredAt) < KEY_IN_MEMORY_MS_MAX
  }
}

function envelopeOf(event: RecordEvent, context: CommandContext, occurredAt: string): Envelope {
  return {
    schemaVersion: writtenVersion(event.type),
    occurredAt,
    actor: context.actor,
    $correlationId: context.correlationId,
    $causationId: context.causationId,
    commandId: context.commandId,
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
  }
}

/** Lets the commands of one stream pass one after the other, so that this process never conflicts with itself. */
function createTurnstile() {
  const queues = new Map<string, { last: Promise<unknown>; waiting: number }>()
  return async <Value>(stream: string, work: () => Promise<Value>): Promise<Value> => {
    const queue = queues.get(stream) ?? { last: Promise.resolve(), waiting: 0 }
    if (queue.waiting >= WAITING_PER_STREAM_MAX)
      throw new Fault('conversation-busy', { stream, waiting: queue.waiting })
    queue.waiting += 1
    queues.set(stream, queue)
    const mine = queue.last.then(work, work)
    queue.last = mine.catch(() => {})
    try {
      return await mine
    } finally {
      queue.waiting -= 1
      if (queue.waiting === 0) queues.delete(stream)
    }
  }
}
