/** Stores the rows of a batch and the new checkpoint together, if and only if the checkpoint is where we left it. */
import { LRUCache } from 'lru-cache'
import type { RecordedEvent, StoredEvent } from '../events/codec.ts'
import { Fault } from '../shared/failures.ts'
import { inSlices } from '../shared/slices.ts'
import { foldBatch, rowsFor } from './batch-fold.ts'
import type { BatchRow, Rows } from './batch-rows.ts'
import type { Connection } from './connection.ts'
import { conversationModel } from './conversation-read-model.ts'
import type { Copy, Statement } from './copy-query.ts'
import { isValueRefused } from './database-failures.ts'
import type { Generation } from './generations.ts'
import { byProjector } from './operator-acts.ts'
import { readModels } from './projectors.ts'
import { copiedLines, copyText, loadRows, storeClause } from './row-statements.ts'
import { turnModel } from './turn-read-model.ts'

/** Announces `<generation> <partition> <position>` to every process when a checkpoint has moved. */
export const POSITION_CHANNEL = 'emberlog_position'

/** An event that goes to the parked ones instead of into rows. */
export interface ParkedEvent {
  readonly event: StoredEvent
  readonly reason: string
  /** Of the fault, for the record. */
  readonly code: string
  /** The one that could not be handled, rather than a later event of its stream. */
  readonly isFirst: boolean
}

export interface Batch {
  readonly events: readonly RecordedEvent[]
  readonly parked: readonly ParkedEvent[]
  /** Everything up to here is handled when the batch is stored. */
  readonly position: bigint
}

export interface BatchTarget {
  readonly generation: number
  readonly schema: string
  readonly partition: number
  /** Only a generation in one of these states may be written: a deposed owner's write changes nothing. */
  readonly states: readonly Generation['state'][]
  /** Where its checkpoint and its parked events stand: `emberlog`, unless it is a scratch that nobody else may see. */
  readonly control?: string
}

export const CONTROL_SCHEMA = 'emberlog'

interface Checkpoint {
  readonly position: bigint
  readonly parkedVersion: bigint
}

/** A batch that is folded: what is left is to store its rows. */
export interface PreparedBatch {
  readonly batch: Batch
  readonly rows: Rows
  /** New rows; without any, all that changed are upserted. */
  readonly copies: readonly Copy[]
  readonly memory: number
}

/** Rows that nearly every event looks at: those written last are kept, so that they need not be loaded again. */
const CACHED_MODELS: readonly string[] = [conversationModel.name, turnModel.name]
const CACHED_ROWS_MAX = 10_000
/** A few milliseconds of work; then the connection that stores the batch before, and everybody else, has its turn. */
const EVENTS_AT_ONCE_MAX = 100

export class BatchWriter {
  readonly #connection: Connection
  readonly #target: BatchTarget
  readonly #parkedVersion: bigint
  /**
   * Safe because nobody else writes: whoever owned the partition meanwhile moved the checkpoint, and whoever changes rows in
   * another way has to raise `parked_version`; both make the next store fail, and a new writer begins with nothing.
   */
  readonly #caches: ReadonlyMap<string, LRUCache<string, object>> = new Map(
    CACHED_MODELS.map((model) => [model, new LRUCache({ max: CACHED_ROWS_MAX })]),
  )
  /** While building: the rows of the batch that was prepared last, which may not be stored yet. */
  #pending: Rows | undefined
  #memory = 0
  #position: bigint
  /** While building: reads rows that no batch on its way to being stored has changed, beside the connection that stores it. */
  #bulkLoader: Pick<Connection, 'query'> | undefined

  private constructor(connection: Connection, target: BatchTarget, checkpoint: Checkpoint) {
    this.#connection = connection
    this.#target = target
    this.#parkedVersion = checkpoint.parkedVersion
    this.#position = checkpoint.position
  }

  /** Takes up the checkpoint where it stands. Throws `generation-unknown` when there is none. */
  static async open(connection: Connection, target: BatchTarget): Promise<BatchWriter> {
    const { generation, partition, control = CONTROL_SCHEMA } = target
    const [checkpoint] = await connection.query<Checkpoint>(
      `select position, parked_version as "parkedVersion"
      from ${control}.checkpoint
      where generation = $1
        and partition = $2`,
      [generation, partition],
    )
    if (checkpoint === undefined) throw new Fault('generation-unknown', { generation })
    return new BatchWriter(connection, target, checkpoint)
  }

  /** The checkpoint as we know it; -1 before the first event. */
  get position(): bigint {
    return this.#position
  }

  /** Goes back to an earlier checkpoint, after a transaction that took back what was stored since. */
  rewind(position: bigint): void {
    this.#position = position
    this.#forget()
  }

  /**
   * With a loader: from here on new rows are copied, fast, in a transaction of several statements, and a batch may be prepared
   * while the one before it is being stored. Without: as ever.
   */
  setBulkLoader(loader: Pick<Connection, 'query'> | undefined): void {
    this.#bulkLoader = loader
    this.#pending = undefined
  }

  get isBulk(): boolean {
    return this.#bulkLoader !== undefined
  }

  /** What was prepared with another memory than this is worth nothing: a batch before it could not be stored. */
  get memory(): number {
    return this.#memory
  }

  /** Prepares and stores; throws what these throw. */
  async store(batch: Batch): Promise<void> {
    await this.commit(await this.prepare(batch))
  }

  /** Folds a batch to its rows. Throws `event-not-projectable`, or the fault of the database. */
  async prepare(batch: Batch): Promise<PreparedBatch> {
    const memory = this.#memory
    const rows = rowsFor(batch.events)
    this.#loadRemembered(rows)
    await loadRows(this.#bulkLoader?.query ?? this.#connection.prepared, this.#target.schema, rows)
    await fold(batch.events, rows)
    if (memory === this.#memory) this.#remember(rows)
    return { batch, rows, memory, copies: this.isBulk ? await copiesOf(this.#target.schema, rows) : [] }
  }

  /**
   * Throws `checkpoint-moved` when somebody else owns the generation now, or an operator changed what is parked; then nothing
   * was changed, and it has to be opened again.
   */
  async commit(prepared: PreparedBatch): Promise<void> {
    try {
      if (prepared.copies.length === 0) await this.#move(prepared)
      else await this.#copyAndMove(prepared)
      this.#position = prepared.batch.position
    } catch (error) {
      this.#forget()
      throw error
    }
  }

  #remember(rows: Rows): void {
    for (const [model, cache] of this.#caches) {
      for (const { streamId, name, row } of rows.of(model).changed) cache.set(cacheKey(streamId, name), row as object)
    }
    if (this.isBulk) this.#pending = rows
  }

  #forget(): void {
    for (const cache of this.#caches.values()) cache.clear()
    this.#pending = undefined
    this.#memory += 1
  }

  #loadRemembered(rows: Rows): void {
    for (const { name: model } of readModels) {
      const ofModel = rows.of(model)
      const pending = this.#pending?.of(model)
      const cache = this.#caches.get(model)
      for (const place of ofModel.wanted) {
        const { streamId, name } = place
        const row = pending?.find(streamId, name)?.row ?? cache?.get(cacheKey(streamId, name))
        if (row !== undefined) ofModel.load(place, row)
      }
    }
  }

  async #move(prepared: PreparedBatch): Promise<void> {
    const { text, values } = this.#statementOf(prepared)
    const [moved] = await this.#connection.prepared(text, values)
    if (moved !== undefined) return
    const { generation, partition } = this.#target
    throw new Fault('checkpoint-moved', { generation, partition, expected: this.#position })
  }

  async #copyAndMove(prepared: PreparedBatch): Promise<void> {
    try {
      await this.#connection.copyIn(prepared.copies, this.#statementOf(prepared, 'before the copies'))
    } catch (error) {
      if (!isValueRefused(error)) throw error
      // A row that we took for new is there, or a value is poison, or the checkpoint is not where it was: then this says so.
      await this.#move(prepared)
    }
  }

  #statementOf(prepared: PreparedBatch, place: StatementPlace = 'alone'): Statement {
    const from = { position: this.#position, parkedVersion: this.#parkedVersion }
    return storeStatement(this.#target, from, prepared, place)
  }
}

const rowOf = ({ row }: BatchRow): object => row as object

function cacheKey(streamId: string, name: string): string {
  return `${streamId}/${name}` // Neither kind of id has a slash in it.
}

/** The new rows as they are copied; read models without any are left out. */
async function copiesOf(schema: string, rows: Rows): Promise<Copy[]> {
  const copies: Copy[] = []
  for (const model of readModels) {
    const added = rows.of(model.name).changed.filter(({ isStored }) => !isStored)
    if (added.length === 0) continue
    const pieces: string[] = []
    await inSlices(added, EVENTS_AT_ONCE_MAX, (slice) => {
      pieces.push(copiedLines(model, slice.map(rowOf)))
    })
    copies.push({ text: copyText(schema, model), rows: pieces })
  }
  return copies
}

async function fold(events: readonly RecordedEvent[], rows: Rows): Promise<void> {
  try {
    await inSlices(events, EVENTS_AT_ONCE_MAX, (slice) => foldBatch(slice, rows))
  } catch (error) {
    throw new Fault('event-not-projectable', { events: events.length }, { cause: error })
  }
}

/** Before copies it leaves out what these bring, and fails where the checkpoint did not move: nobody looks at its result before they are done. */
type StatementPlace = 'alone' | 'before the copies'

/** One statement is one transaction, in one round trip: rows, parked events, checkpoint and announcement. */
function storeStatement(
  { generation, schema, partition, states, control = CONTROL_SCHEMA }: BatchTarget,
  from: Checkpoint,
  { batch, rows }: PreparedBatch,
  place: StatementPlace,
): Statement {
  const isAlone = place === 'alone'
  const values: unknown[] = [
    generation,
    partition,
    String(from.position),
    String(batch.position),
    batch.events.length + batch.parked.length,
    states,
    `${generation} ${partition} ${batch.position}`,
    String(from.parkedVersion),
  ]
  const parts = [
    `with moved as (
      update ${control}.checkpoint
      set position = $4::bigint, saved_at = now(),
        -- Parked events were counted when their position was first handled.
        event_count = event_count + case when $4::bigint > $3::bigint then $5::integer else 0 end
      where generation = $1::integer
        and partition = $2::integer
        and position = $3::bigint
        and parked_version = $8::bigint
        and exists (
          select from ${control}.generation
          where number = $1::integer
            and state = any ($6::text[])
        )
      returning position
    )`,
  ]
  for (const model of readModels) {
    const stored = rows.of(model.name).changed.filter(({ isStored }) => isAlone || isStored)
    if (stored.length === 0) continue
    const clause = storeClause(schema, model, stored.map(rowOf), values.length + 1)
    parts.push(`, stored_${model.name} as (${clause.text('moved')})`)
    values.push(...clause.values)
  }
  if (batch.parked.length > 0) {
    parts.push(`, parked as (${parkClause(control, values.length + 1)})`)
    values.push(...parkedValues(batch.parked))
    parts.push(`, noted as (${noteClause(control, values.length + 1)})`)
    values.push(...notedValues(generation, batch.parked))
  }
  parts.push(`select pg_notify('${POSITION_CHANNEL}', $7::text)${isAlone ? '' : ', 1 / count(*)'} from moved`)
  return { text: parts.join('\n'), values }
}

function parkClause(control: string, first: number): string {
  const types = ['bigint', 'text', 'bigint', 'text', 'text', 'timestamptz', 'text', 'boolean']
  return `insert into ${control}.parked_event
      (generation, position, stream, revision, event_id, type, created_at, reason, is_first)
    select $1::integer, new_row.*
    from moved, unnest(${types.map((type, index) => `$${first + index}::${type}[]`).join(', ')}) as new_row
    on conflict do nothing
    returning position`
}

/** The record shall know of it, but only once, however often the event is met again. */
function noteClause(control: string, first: number): string {
  return `insert into ${control}.act (type, data, actor_kind, actor_id)
    select 'EventParked', data, '${byProjector.kind}', '${byProjector.id}'
    from parked
      join unnest($${first}::bigint[], $${first + 1}::jsonb[]) as first_of_stream (position, data) using (position)`
}

function notedValues(generation: number, parked: readonly ParkedEvent[]): unknown[][] {
  const first = parked.filter(({ isFirst }) => isFirst)
  const dataOf = ({ event: { stream, position, type }, code }: ParkedEvent) =>
    JSON.stringify({ generation, stream, position: String(position), eventType: type, code })
  return [first.map(({ event }) => String(event.position)), first.map(dataOf)]
}

function parkedValues(parked: readonly ParkedEvent[]): unknown[][] {
  return [
    parked.map(({ event }) => String(event.position)),
    parked.map(({ event }) => event.stream),
    parked.map(({ event }) => String(event.revision)),
    parked.map(({ event }) => event.eventId),
    parked.map(({ event }) => event.type),
    parked.map(({ event }) => event.created.toISOString()),
    parked.map(({ reason }) => reason),
    parked.map(({ isFirst }) => isFirst),
  ]
}
