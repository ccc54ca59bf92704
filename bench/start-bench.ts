/** Measures a cold start: from running the command to its line "listening", beside what its two servers need by themselves. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { measureBareStart } from '../src/embedded/postgres/bare-start.ts'
import { eventStoreDirectory } from '../src/main/data-directory.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { makeDataDirectory, startProgram } from '../test/support/program.ts'
import { type Bench, type BenchResult, figureOf, ratioTo } from './measurement.ts'

const REPETITIONS = 5
const TIMES_SERVERS_MAX = 3
const MAX_CONNECTIONS = 30
const root = fileURLToPath(new URL('../', import.meta.url))

export const bench: Bench = { name: 'start', run: ({ isQuick }) => measureStart(isQuick ? 2 : REPETITIONS) }

/** Every repetition has a directory of its own: a first start that makes the database, then a second one that finds it. */
async function measureStart(repetitions: number): Promise<BenchResult> {
  const samples = { first: [], firstServers: [], again: [], againServers: [], store: [], postgres: [] } as Record<
    string,
    number[]
  >
  const keep = (name: string, value: number) => samples[name]?.push(value)
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const program = await makeDataDirectory()
    const servers = await makeDataDirectory()
    const firstPostgres = await measureBareStart({
      dataDirectory: servers.directory,
      maxConnections: MAX_CONNECTIONS,
      logger: silentLogger,
    })
    const firstStore = await measureStore(servers.directory)
    keep('firstServers', (firstPostgres.makeMs ?? 0) + firstPostgres.startMs + firstStore)
    keep('first', await measureProgram(program.directory))
    const againPostgres = await measureBareStart({
      dataDirectory: servers.directory,
      maxConnections: MAX_CONNECTIONS,
      logger: silentLogger,
    })
    const againStore = await measureStore(servers.directory)
    keep('postgres', againPostgres.startMs)
    keep('store', againStore)
    keep('againServers', againPostgres.startMs + againStore)
    keep('again', await measureProgram(program.directory))
    await program.remove()
    await servers.remove()
  }
  const figure = (name: string) => figureOf(samples[name] ?? [])
  const against = (name: string, servers: string) =>
    ratioTo('its two servers', figure(name).median / figure(servers).median, { atMost: TIMES_SERVERS_MAX })
  return {
    title: 'cold start to ready',
    repetitions,
    rows: [
      { what: 'event store alone, a process of its own', unit: 'ms', figure: figure('store') },
      { what: 'Postgres alone', unit: 'ms', figure: figure('postgres') },
      { what: 'both, on an empty directory', unit: 'ms', figure: figure('firstServers') },
      {
        what: 'emberlog serve, on an empty directory',
        unit: 'ms',
        figure: figure('first'),
        ratio: against('first', 'firstServers'),
      },
      { what: 'both, on a used directory', unit: 'ms', figure: figure('againServers') },
      {
        what: 'emberlog serve, on a used directory',
        unit: 'ms',
        figure: figure('again'),
        ratio: against('again', 'againServers'),
      },
    ],
    notes: [
      'From spawning the command to its line "emberlog listening on …"; Postgres alone is measured from spawning `postgres` to accepting connections.',
    ],
  }
}

async function measureProgram(directory: string): Promise<number> {
  const began = performance.now()
  const program = await startProgram(directory)
  const tookMs = performance.now() - began
  await program.stop()
  return tookMs
}

/** The event store as `emberlog eventstore` runs it, from spawning it to its line "listening". */
function measureStore(directory: string): Promise<number> {
  const began = performance.now()
  const args = [
    path.join(root, 'bin/emberlog.js'),
    'eventstore',
    '--data-dir',
    eventStoreDirectory(directory),
    '--port',
    '0',
  ]
  const child = spawn(process.execPath, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let tookMs = 0
    child.stdout.on('data', (chunk) => {
      if (tookMs > 0 || !String(chunk).includes('listening on')) return
      tookMs = performance.now() - began
      child.kill('SIGTERM')
    })
    child.on('exit', (code) => (tookMs > 0 ? resolve(tookMs) : reject(new Error(`the event store ended with ${code}`))))
  })
}
