import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  clusterOf,
  forkProgram,
  kill,
  processesOf,
  query,
  recordingLogger,
  startProgram,
  startServer,
  temporaryDirectory,
  until,
} from './examples.ts'

/** A directory where no server works, so that only guards are found. */
const nowhere = '/nowhere'

describe('when the server is killed', () => {
  it('tells at once, and a restart finds every committed row on the same port', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = await startServer({ dataDirectory })
    await query(server.connectionString, `create table kept as select generate_series(1, 1000) as n`)

    process.kill(server.processId, 'SIGKILL')
    const { reason } = await server.exited
    await server.restart()

    expect(reason).toContain('SIGKILL')
    expect(await query(server.connectionString, 'select count(*)::int as rows from kept')).toEqual([{ rows: 1000 }])
  })

  it('restarts although a query of the dead server is still computing', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = await startServer({ dataDirectory })
    const endless = query(server.connectionString, 'select count(*) from generate_series(1, 1e12::bigint)').catch(
      () => 'cut',
    )
    await until('the query runs', async () => {
      const [row] = await query(
        server.connectionString,
        `select count(*)::int as busy from pg_stat_activity where query like '%1e12%' and pid <> pg_backend_pid()`,
      )
      return row!.busy === 1
    })

    process.kill(server.processId, 'SIGKILL')
    await server.exited
    await server.restart()

    expect(await endless).toBe('cut')
    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('tells of a second death after a restart', async () => {
    const server = await startServer({ dataDirectory: await temporaryDirectory() })
    process.kill(server.processId, 'SIGKILL')
    const first = await server.exited
    await server.restart()

    process.kill(server.processId, 'SIGQUIT')
    const second = await server.exited

    expect(first.reason).toContain('SIGKILL')
    expect(second.reason).not.toContain('SIGKILL')
  })

  it('restarts on its port although another program holds that for a moment', async () => {
    const logger = recordingLogger()
    const server = await startServer({ dataDirectory: await temporaryDirectory(), logger })
    process.kill(server.processId, 'SIGKILL')
    await server.exited
    const squatter = createServer().listen(server.port, '127.0.0.1')
    await once(squatter, 'listening')

    const restarted = server.restart()
    await until('the squatter was in the way', () =>
      logger.entries.some(({ message }) => message === 'starting embedded postgres again'),
    )
    squatter.close()
    await restarted

    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('can be stopped for good, and started anew by somebody else', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = await startServer({ dataDirectory })
    process.kill(server.processId, 'SIGKILL')
    await server.exited
    await server.stop()

    const next = await startServer({ dataDirectory })

    expect(await query(next.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('recovers by itself when only one of its processes is killed', async () => {
    const server = await startServer({ dataDirectory: await temporaryDirectory() })
    const [row] = await query(
      server.connectionString,
      `select pid from pg_stat_activity where backend_type = 'checkpointer'`,
    )

    process.kill(Number(row!.pid), 'SIGKILL')

    await until('it accepts connections again', () =>
      query(server.connectionString, `select pid from pg_stat_activity where backend_type = 'checkpointer'`).then(
        ([again]) => again !== undefined && again.pid !== row!.pid,
        () => false,
      ),
    )
    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })
})

describe('when the program is killed', () => {
  it('takes the server with it within seconds, cleanly', async () => {
    const dataDirectory = await temporaryDirectory()
    const { child, processId } = await startProgram(dataDirectory)

    await kill(child)

    await until('no process is left', async () => (await processesOf(dataDirectory, processId)).length === 0)
    expect(await readdir(clusterOf(dataDirectory))).not.toContain('postmaster.pid')
  })

  it('is started again at once and finds every committed row', async () => {
    const dataDirectory = await temporaryDirectory()
    const first = await startProgram(dataDirectory)
    await query(first.connectionString, `create table kept as select generate_series(1, 1000) as n`)
    await kill(first.child)

    const second = await startServer({ dataDirectory })

    expect(await query(second.connectionString, 'select count(*)::int as rows from kept')).toEqual([{ rows: 1000 }])
  })

  it('stops the orphan when the guard was killed, too', async () => {
    const dataDirectory = await temporaryDirectory()
    const { child, processId } = await startProgram(dataDirectory)
    child.kill('SIGSTOP') // Else it would replace its guard.
    const guards = await processesOf(nowhere, processId)
    for (const guard of guards) process.kill(guard, 'SIGKILL')
    await kill(child)
    const logger = recordingLogger()

    const server = await startServer({ dataDirectory, logger })

    expect(guards).toHaveLength(1)
    expect(logger.entries.map(({ message }) => message)).toContain(
      'stopping an embedded postgres that an earlier run left',
    )
    expect(JSON.stringify(logger.entries)).toContain('database system was shut down at') // Not: was interrupted.
    expect(server.processId).not.toBe(processId)
    expect(await processesOf(dataDirectory, processId)).not.toContain(processId)
  })

  it('in the middle of its first start, makes its database at the next', async () => {
    const dataDirectory = await temporaryDirectory()
    const child = forkProgram(dataDirectory)
    const home = path.join(dataDirectory, 'postgres')
    const isHalfMade = async () => {
      const staging = (await readdir(home).catch(() => [])).find((name) => name.startsWith('cluster-in-the-making'))
      return staging !== undefined && (await readdir(path.join(home, staging))).includes('base')
    }
    await until('initdb is at work', isHalfMade)
    await kill(child)

    const server = await startServer({ dataDirectory })

    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('replaces a guard that was killed', async () => {
    const server = await startServer({ dataDirectory: await temporaryDirectory() })
    const [guard] = await processesOf(nowhere, server.processId)

    process.kill(guard!, 'SIGKILL')

    await until('another guard stands', async () => {
      const guards = await processesOf(nowhere, server.processId)
      return guards.length === 1 && guards[0] !== guard
    })
    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })
})

describe('when the program is interrupted from its terminal', () => {
  it('decides itself when the server stops', async () => {
    const { child, connectionString, processId } = await startProgram(await temporaryDirectory())
    const interrupted = once(child, 'message')

    process.kill(-child.pid!, 'SIGINT') // Ctrl-C goes to everything in the program's process group.

    expect(await interrupted).toEqual(['interrupted', undefined])
    expect(await query(connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
    expect(await groupOf(processId)).not.toBe(child.pid)
    expect(await Promise.all((await processesOf(nowhere, processId)).map(groupOf))).not.toContain(child.pid)
  })
})

async function groupOf(processId: number): Promise<number> {
  const status = await readFile(`/proc/${processId}/stat`, 'utf8')
  return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[2])
}

describe('a pid file from a crash', () => {
  it('is not believed when its number belongs to another program now', async () => {
    const dataDirectory = await temporaryDirectory()
    await (await startServer({ dataDirectory })).stop()
    // PostgreSQL believes a pid file that names any process of its own user.
    const { uid } = await stat(clusterOf(dataDirectory))
    const bystander = spawn('sleep', ['600'], { uid, cwd: '/' })
    onTestFinished(() => kill(bystander))
    const pidFile = path.join(clusterOf(dataDirectory), 'postmaster.pid')
    await writeFile(pidFile, `${bystander.pid}\n${clusterOf(dataDirectory)}\n1\n5432\n\n127.0.0.1\n 1 1\nready   \n`)

    const server = await startServer({ dataDirectory })

    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  })

  it('does not make a copy of the directory stop the original', async () => {
    const original = await temporaryDirectory()
    const copy = await temporaryDirectory()
    const server = await startServer({ dataDirectory: original })
    await mkdir(path.join(copy, 'postgres'), { mode: 0o711 })
    await cp(clusterOf(original), clusterOf(copy), { recursive: true })
    expect(await readFile(path.join(clusterOf(copy), 'postmaster.pid'), 'utf8')).toContain(String(server.processId))

    const second = await startServer({ dataDirectory: copy })

    expect(await query(second.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
    expect(await query(server.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
    await rm(copy, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  })
})
