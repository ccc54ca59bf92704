/** A period of the record on one page, for compliance: how much happened, what failed, who looked, and how the ledger stands. */
import type { StoredEvent } from '../events/codec.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { selectEvents } from './event-selection.ts'

type Counts = Record<string, number>

export interface PeriodReport {
  readonly from: string
  readonly to: string
  readonly events: number
  readonly firstPosition: string | null
  readonly lastPosition: string | null
  readonly byType: Counts
  readonly conversationsStarted: number
  readonly turns: { readonly completed: number; readonly failed: number; readonly stopped: number }
  readonly failures: Counts
  readonly routings: Counts
  readonly models: Counts
  readonly routerVersions: Counts
  readonly erasures: number
  readonly conversationsExpired: number
  readonly looks: Counts
  readonly lookers: Counts
  readonly checkpoints: number
  readonly keysIntroduced: number
  readonly ledger: { readonly origin: string; readonly size: number; readonly rootHash: string } | null
}

export interface ReportParts {
  readonly reader: EventReader
  readonly ledger: LedgerReader
  /** Told how far the record was looked through, and how many events are counted. */
  readonly onConsidered?: (position: Position, events: number) => void
}

/** Counts only: nothing that anybody wrote is read. Names in a count are bounded; the rest is counted as `other`. */
export async function reportOn(
  { reader, ledger, onConsidered: tell }: ReportParts,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<PeriodReport> {
  const counted = new PeriodCounts()
  const onConsidered = (position: Position) => tell?.(position, counted.events)
  for await (const event of selectEvents(reader, { from, to }, { ledger, onConsidered })) counted.add(event)
  const checkpoint = await ledger.checkpoint()
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    ...counted.result(),
    ledger: checkpoint
      ? { origin: checkpoint.origin, size: checkpoint.size, rootHash: checkpoint.root.toString('base64') }
      : null,
  }
}

const NAMES_MAX = 200

class PeriodCounts {
  events = 0
  readonly #counts = new Map<string, Map<string, number>>()
  #first: string | null = null
  #last: string | null = null

  add(event: StoredEvent): void {
    this.events += 1
    this.#first ??= String(event.position)
    this.#last = String(event.position)
    this.#count('type', event.type)
    const data = (event.data ?? {}) as Readonly<Record<string, unknown>>
    const { provider, id } = (data['model'] ?? {}) as Readonly<Record<string, unknown>>
    if (event.type === 'ResponseFailed') this.#count('failure', data['code'])
    if (event.type === 'ResponseCompleted') this.#count('model', `${provider}/${id}`)
    if (event.type === 'IntentRouted') {
      this.#count('routing', data['method'])
      this.#count('router', data['routerVersion'])
    }
    if (event.type === 'RecordsAccessed') {
      this.#count('look', ((data['what'] ?? {}) as { kind?: unknown }).kind)
      this.#count('looker', `${data['role']} ${data['who']}`)
    }
  }

  result(): Omit<PeriodReport, 'from' | 'to' | 'ledger'> {
    const of = (type: string) => this.#counts.get('type')?.get(type) ?? 0
    const turns = { completed: of('ResponseCompleted'), failed: of('ResponseFailed'), stopped: of('ResponseStopped') }
    return {
      ...{ events: this.events, firstPosition: this.#first, lastPosition: this.#last, turns },
      byType: this.#named('type'),
      conversationsStarted: of('ConversationStarted'),
      failures: this.#named('failure'),
      routings: this.#named('routing'),
      models: this.#named('model'),
      routerVersions: this.#named('router'),
      erasures: of('PersonErased'),
      conversationsExpired: of('ConversationExpired'),
      looks: this.#named('look'),
      lookers: this.#named('looker'),
      checkpoints: of('CheckpointSigned'),
      keysIntroduced: of('LedgerKeyIntroduced'),
    }
  }

  #count(what: string, name: unknown): void {
    const counts = this.#counts.get(what) ?? new Map<string, number>()
    this.#counts.set(what, counts)
    const known = typeof name === 'string' && (counts.has(name) || counts.size < NAMES_MAX) ? name : 'other'
    counts.set(known, (counts.get(known) ?? 0) + 1)
  }

  #named(what: string): Counts {
    const counts = [...(this.#counts.get(what) ?? [])]
    return Object.fromEntries(counts.toSorted(([one], [other]) => (one < other ? -1 : 1)))
  }
}
