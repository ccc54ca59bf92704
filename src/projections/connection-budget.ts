/** One budget of Postgres connections for the whole process, divided into named shares, and checked against the server. */
import { Fault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'
import type { ConnectionPool } from './connection-pool.ts'

export interface BudgetShares {
  /** Owned by the writer as long as it runs: for partitions of the live generation, and one for another generation. */
  readonly writer: number
  /** Hears of new positions; without it, waiting queries ask again at short intervals. */
  readonly listener: number
  /** For the keys that open personal text, which everything else may be waiting for; without it, they share with the queries. */
  readonly vault: number
  /** For comparing the read models with the record by schedule; 0 unless that is wanted. */
  readonly comparison: number
  /** Shared by everything that reads. */
  readonly queries: number
}

const CONNECTIONS_MIN = 2
const CONNECTIONS_FOR_VAULT = 3
const CONNECTIONS_FOR_LISTENER = 4
/** From here on there is enough for a second generation beside the live one. */
const CONNECTIONS_FOR_TWO_WRITERS = 6
/** At most this part of the budget writes the live generation, however many partitions it has. */
const WRITING_PART = 1 / 3

/** A comparison holds its connection for long, which a small budget cannot spare. */
const CONNECTIONS_FOR_COMPARISON = 6

/**
 * Divides the budget; `connection-budget-too-small` below two connections, or below six with comparisons. Partitions may share a
 * connection.
 */
export function divideBudget(connectionsMax: number, partitions = 1, isComparing = false): BudgetShares {
  const connectionsMin = isComparing ? CONNECTIONS_FOR_COMPARISON : CONNECTIONS_MIN
  if (!Number.isInteger(connectionsMax) || connectionsMax < connectionsMin) {
    throw new Fault('connection-budget-too-small', { connectionsMax, connectionsMin })
  }
  const hasRoom = connectionsMax >= CONNECTIONS_FOR_TWO_WRITERS
  const live = Math.max(1, Math.min(partitions, Math.floor(connectionsMax * WRITING_PART)))
  const writer = hasRoom ? live + 1 : 1
  const vault = connectionsMax >= CONNECTIONS_FOR_VAULT ? 1 : 0
  const listener = connectionsMax >= CONNECTIONS_FOR_LISTENER ? 1 : 0
  const comparison = isComparing ? 1 : 0
  return { writer, listener, vault, comparison, queries: connectionsMax - writer - listener - vault - comparison }
}

export interface ProcessIdentity {
  readonly applicationName: string
  /** Hexadecimal; tells the processes of one program apart. */
  readonly instance: string
  readonly connectionsMax: number
}

/** What `pg_stat_activity` shows: program, share, process, and the whole budget of that process. */
export function connectionName({ applicationName, instance, connectionsMax }: ProcessIdentity, share: string): string {
  return `${applicationName} ${share} ${instance}/${connectionsMax}`
}

/** A process that was killed may leave connections behind for a moment. */
const LEFTOVERS_MS_MAX = 4_000
const CHECK_AGAIN_MS = 400

/**
 * Refuses to start (`connection-budget-too-large`) when the server cannot give the whole budget besides what it reserves,
 * what other programs use now, and the whole budgets of other processes of this program.
 */
export async function checkBudget(queries: ConnectionPool, identity: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + LEFTOVERS_MS_MAX
  for (;;) {
    const room = await measureRoom(queries, identity)
    const available = room.connectionsOfServer - room.reserved - room.others - room.budgetsOfOthers
    if (identity.connectionsMax <= available) return
    if (performance.now() >= deadline) {
      throw new Fault('connection-budget-too-large', { connectionsMax: identity.connectionsMax, available, ...room })
    }
    await pause(CHECK_AGAIN_MS)
  }
}

interface Room {
  readonly connectionsOfServer: number
  readonly reserved: number
  /** Connections of other programs. */
  readonly others: number
  readonly budgetsOfOthers: number
}

async function measureRoom(queries: ConnectionPool, { instance }: ProcessIdentity): Promise<Room> {
  const [room] = await queries.query<Room>(
    `with session as (
      select substring(application_name from '([0-9a-f]+)/[0-9]+$') as instance,
        substring(application_name from '[0-9a-f]+/([0-9]+)$')::integer as budget
      from pg_stat_activity
      where coalesce(backend_type, 'client backend') = 'client backend'
        and datid is not null
    ),
    process as (
      select instance, max(budget) as budget
      from session
      where instance is not null
      group by instance
    )
    select current_setting('max_connections')::integer as "connectionsOfServer",
      (
        select sum(setting::integer)::integer
        from pg_settings
        where name in ('superuser_reserved_connections', 'reserved_connections')
      ) as reserved,
      (select count(*)::integer from session where instance is null) as others,
      (select coalesce(sum(budget), 0)::integer from process where instance <> $1) as "budgetsOfOthers"`,
    [instance],
  )
  if (room === undefined) throw new Fault('database-refused', { doing: 'counting connections' })
  return room
}
