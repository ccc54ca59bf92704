import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { clusterOf, processesOf, query, recordingLogger, startServer, temporaryDirectory, until } from './examples.ts'

describe('the embedded server', () => {
  it('is a PostgreSQL 18 with the promised settings and a database of its own', async () => {
    const { connectionString } = await startServer({ dataDirectory: await temporaryDirectory(), maxConnections: 17 })

    const [row] = await query(
      connectionString,
      `select current_database() as database, current_setting('server_version_num')::int / 10000 as version,
              current_setting('max_connections') as connections, current_setting('timezone') as timezone,
              current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as addresses,
              current_setting('unix_socket_directories') as sockets, current_setting('data_checksums') as checksums,
              (select datlocprovider::text || ' ' || datlocale from pg_database where datname = current_database()) as locale`,
    )

    expect(row).toEqual({
      database: 'emberlog',
      version: 18,
      connections: '17',
      timezone: 'UTC',
      encoding: 'UTF8',
      fsync: 'on',
      commit: 'on',
      addresses: '127.0.0.1',
      sockets: '',
      checksums: 'on',
      locale: 'b C.UTF-8',
    })
  })

  it('sorts by code point and keeps text of every script exactly', async () => {
    const { connectionString } = await startServer({ dataDirectory: await temporaryDirectory() })

    const rows = await query(
      connectionString,
      `select word, upper(word) as upper from unnest(array['é', 'z', 'Z', '火', '😀', 'שלום']) as word order by word`,
    )

    expect(rows.map(({ word }) => word)).toEqual(['Z', 'z', 'é', 'שלום', '火', '😀'])
    expect(rows[2]).toEqual({ word: 'é', upper: 'É' })
  })

  it('keeps rows, password and port over a clean stop', async () => {
    const dataDirectory = await temporaryDirectory()
    const first = await startServer({ dataDirectory })
    await query(first.connectionString, `create table kept as select 'here' as word`)
    await first.stop()

    const second = await startServer({ dataDirectory })

    expect(second.connectionString).toBe(first.connectionString)
    expect(await query(second.connectionString, 'select word from kept')).toEqual([{ word: 'here' }])
  })

  it('leaves no process and no pid file behind when it is stopped, with clients still connected', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = await startServer({ dataDirectory })
    const sleeping = query(server.connectionString, 'select pg_sleep(600)').catch((error: Error) => error.message)
    await until('the client sleeps', async () => {
      const [row] = await query(
        server.connectionString,
        `select count(*)::int as sleepers from pg_stat_activity where wait_event = 'PgSleep'`,
      )
      return row!.sleepers === 1
    })
    const running = await processesOf(dataDirectory, server.processId)

    await server.stop()

    expect(running.length).toBeGreaterThan(2)
    expect(await processesOf(dataDirectory, server.processId)).toEqual([])
    await expect(stat(path.join(clusterOf(dataDirectory), 'postmaster.pid'))).rejects.toThrow('ENOENT')
    expect(await sleeping).toMatch(/terminat|ECONNRESET/)
  })

  it('lets stop be asked twice, and refuses a restart afterwards', async () => {
    const server = await startServer({ dataDirectory: await temporaryDirectory() })

    await Promise.all([server.stop(), server.stop()])

    await expect(server.restart()).rejects.toMatchObject({ code: 'embedded-postgres-stopped' })
  })

  it('lets nobody in without the password, which only the owner can read', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = await startServer({ dataDirectory })
    const stranger = server.connectionString.replace(/:[^:@]+@/, ':guess@')

    await expect(query(stranger, 'select 1')).rejects.toThrow('password authentication failed')
    const file = path.join(dataDirectory, 'postgres', 'connection-string')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readFile(file, 'utf8')).trim()).toBe(server.connectionString)
  })

  it('replaces a lost password and keeps the data', async () => {
    const dataDirectory = await temporaryDirectory()
    const first = await startServer({ dataDirectory })
    await query(first.connectionString, `create table kept as select 'here' as word`)
    await first.stop()
    await writeFile(path.join(dataDirectory, 'postgres', 'connection-string'), 'damaged')

    const second = await startServer({ dataDirectory })

    expect(second.connectionString).not.toBe(first.connectionString)
    expect(await query(second.connectionString, 'select word from kept')).toEqual([{ word: 'here' }])
  })

  it('logs nothing that a client wrote', async () => {
    const logger = recordingLogger()
    const server = await startServer({ dataDirectory: await temporaryDirectory(), logger })
    const { connectionString } = server
    await query(connectionString, `create table letters (body text primary key)`)
    await query(connectionString, `insert into letters values ('very-private')`)
    for (const statement of [
      `insert into letters values ('very-private')`,
      `select 'very-private'::int`,
      `select to_tsquery('very-private <-> & |')`,
      `do $$ begin raise warning 'very-private'; end $$`,
    ]) {
      await query(connectionString, statement).catch(() => {})
    }
    await server.stop()

    expect(logger.entries.length).toBeGreaterThan(3)
    expect(JSON.stringify(logger.entries)).not.toContain('very-private')
  })

  it('runs beside another one on another directory', async () => {
    const one = await startServer({ dataDirectory: await temporaryDirectory() })
    const other = await startServer({ dataDirectory: await temporaryDirectory() })

    await one.stop()

    expect(await query(other.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })
})
