/** Shares the partitions of a generation among the processes that feed it: each has one owner, and no process more than its part. */
import { membershipLock, writerLock } from './advisory-locks.ts'
import type { Connection } from './connection.ts'
import type { Generation } from './generations.ts'

/**
 * The server ends the session, and with it the ownership, of a process that has not been heard of for so long: it hangs, was
 * paused, or the network between us is gone. With the time until a standby looks again it stays below five seconds.
 */
const OWNER_SILENT_MS_MAX = 3_000

/** What a look at the server found. */
interface Look {
  /** Processes that feed this generation or would like to, this one included. */
  readonly members: number
  /** Partitions without an owner. */
  readonly free: number[]
}

export class PartitionOwnership {
  readonly #connections: readonly Connection[]
  readonly #generation: Generation
  readonly owned = new Set<number>()

  private constructor(connections: readonly Connection[], generation: Generation) {
    this.#connections = connections
    this.#generation = generation
  }

  /**
   * Becomes one of those who feed the generation. `leave` has to follow, whatever happens. Commits do not wait for the disk of
   * Postgres: what it loses in a crash it loses together with the checkpoint, and the record gives it again.
   */
  static async join(connections: readonly Connection[], generation: Generation): Promise<PartitionOwnership> {
    for (const connection of connections) {
      await connection.script(
        `set synchronous_commit = off;
        set idle_session_timeout = ${OWNER_SILENT_MS_MAX};
        set idle_in_transaction_session_timeout = ${OWNER_SILENT_MS_MAX}`,
      )
    }
    const ownership = new PartitionOwnership(connections, generation)
    await ownership.#anyConnection.query('select pg_advisory_lock_shared($1, $2)', membershipLock(generation.number))
    return ownership
  }

  /** The connection that writes a partition: several partitions may share one. */
  connectionOf(partition: number): Connection {
    return this.#connections[partition % this.#connections.length] as Connection
  }

  get #anyConnection(): Connection {
    return this.connectionOf(0)
  }

  /** Says that we are alive, takes free partitions up to our part, and returns what is new and what is more than our part. */
  async look(): Promise<{ readonly taken: number[]; readonly surplus: number[] }> {
    const [{ members, free }] = await Promise.all([
      this.#lookAtServer(),
      ...this.#connections.slice(1).map((connection) => connection.query('select 1')),
    ])
    const part = Math.ceil(this.#generation.partitions / Math.max(1, members))
    const taken: number[] = []
    for (const partition of free) {
      if (this.owned.size >= part) break
      if (await this.#tryToOwn(partition)) taken.push(partition)
    }
    return { taken, surplus: [...this.owned].slice(part) }
  }

  /** Nobody may be writing the partition any more. */
  async giveUp(partition: number): Promise<void> {
    this.owned.delete(partition)
    await this.connectionOf(partition).query(
      'select pg_advisory_unlock($1, $2)',
      writerLock(this.#generation.number, partition),
    )
  }

  /** Gives up everything, on connections that may be lost already. */
  async leave(): Promise<void> {
    for (const partition of [...this.owned]) await this.giveUp(partition).catch(() => {})
    const leaving = this.#connections.map(async (connection) => {
      await connection.script(
        'reset synchronous_commit; reset idle_session_timeout; reset idle_in_transaction_session_timeout',
      )
    })
    const unlock = this.#anyConnection.query(
      'select pg_advisory_unlock_shared($1, $2)',
      membershipLock(this.#generation.number),
    )
    await Promise.allSettled([...leaving, unlock])
  }

  async #tryToOwn(partition: number): Promise<boolean> {
    const [lock] = await this.connectionOf(partition).query<{ isOwner: boolean }>(
      'select pg_try_advisory_lock($1, $2) as "isOwner"',
      writerLock(this.#generation.number, partition),
    )
    if (lock?.isOwner === true) this.owned.add(partition)
    return lock?.isOwner === true
  }

  async #lookAtServer(): Promise<Look> {
    const { number, partitions } = this.#generation
    const [look] = await this.#anyConnection.query<Look>(
      `with held as (
        select classid::bigint as space
        from pg_locks
        where locktype = 'advisory'
          and objsubid = 2
          and granted
          and objid = $1::integer::oid
          and database = (select oid from pg_database where datname = current_database())
      )
      select (select count(*)::integer from held where space = $2) as members,
        array(
          select partition
          from generate_series(0, $4::integer - 1) as partition
          where $3::bigint + partition not in (select space from held)
        ) as free`,
      [number, membershipLock(number)[0], writerLock(number, 0)[0], partitions],
    )
    return look ?? { members: 1, free: [] }
  }
}
