/**
 * Holds the embedded event store against the recordings of a real EventStoreDB: `npm run conformance [-- --only REGEX]`,
 * once in the clear and once over TLS (`--mode clear` or `--mode tls` for one of them, `--mode projections` for a store that
 * keeps the standard projections). Plays every scenario with the unchanged official client, prints the counts per area and each difference, and exits
 * with 1 when there is one that no list in test/conformance argues.
 */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { startEmbeddedEventStore } from '../src/embedded/eventstore/start-embedded.ts'
import { makeCertificate } from '../src/embedded/eventstore/transport/self-made-certificate.ts'

const home = fileURLToPath(new URL('../test/conformance/', import.meta.url))
const recorder = path.join(home, 'record.mjs')
/** Argued differences: those of every mode, and those of one alone. */
const allowances = { every: 'allowed.txt', projections: 'allowed-projections.txt' } as const

interface Recording {
  readonly scenarios: Readonly<Record<string, unknown>>
  readonly about: { readonly strays?: unknown }
}

/** How the store runs, and the recording of a real server that ran so. */
const MODES = { clear: 'golden.json', tls: 'golden-tls.json', projections: 'golden-projections.json' } as const
type Mode = keyof typeof MODES

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, mode: { type: 'string' }, 'in-memory': { type: 'boolean' } },
})
const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-conformance-'))
try {
  const isWanted = (mode: Mode) => (options.mode === undefined ? mode !== 'projections' : options.mode === mode)
  const modes = (Object.keys(MODES) as Mode[]).filter(isWanted)
  if (modes.length === 0) throw new Error(`--mode is one of ${Object.keys(MODES).join(', ')}`)
  for (const mode of modes) if (!(await conforms(mode))) process.exitCode = 1
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** Records a fresh store and compares; true when nothing differs but what is allowed to. */
async function conforms(mode: Mode): Promise<boolean> {
  const mine = path.join(directory, `mine-${mode}.json`)
  const goldenPath = path.join(home, MODES[mode])
  const store = await startFresh(mode)
  const only = options.only === undefined ? [] : ['--only', options.only]
  const recorded = await run([recorder, store.connectionString, ...only], mine)
  await store.stop()
  const recording = await readRecording(mine)
  console.log(`against ${MODES[mode]}`)
  printAreas(await readRecording(goldenPath), recording)
  const differs = await run([recorder, '--diff', goldenPath, mine, '--allow', await allowedIn(mode)])
  const strays = JSON.stringify(recording.about.strays ?? [])
  if (strays !== '[]' && strays !== '{}') console.log(`the client threw outside any call: ${strays}`)
  return recorded === 0 && differs === 0 && (strays === '[]' || strays === '{}')
}

async function allowedIn(mode: Mode): Promise<string> {
  const names = mode === 'projections' ? [allowances.every, allowances.projections] : [allowances.every]
  const lists = await Promise.all(names.map((name) => readFile(path.join(home, name), 'utf8')))
  const file = path.join(directory, `allowed-${mode}.txt`)
  await writeFile(file, lists.join('\n'))
  return file
}

async function startFresh(mode: Mode): Promise<{ connectionString: string; stop(): Promise<void> }> {
  const storage = options['in-memory']
    ? { inMemory: true as const }
    : { dataDirectory: path.join(directory, `store-${mode}`) }
  if (mode !== 'tls') return startEmbeddedEventStore({ ...storage, hasStandardProjections: mode === 'projections' })
  const tls = makeCertificate({ hosts: ['localhost', '127.0.0.1'], nowMs: Date.now() })
  const store = await startEmbeddedEventStore({ ...storage, tls })
  const authority = path.join(directory, 'authority.crt')
  await writeFile(authority, tls.authority)
  const connectionString = `esdb://admin:changeit@localhost:${store.port}?tls=true&tlsCaFile=${authority}`
  return { connectionString, stop: () => store.stop() }
}

/** Runs a script and answers its exit code; its output goes to a file, or to ours. */
async function run(command: readonly string[], output?: string): Promise<number> {
  const child = spawn(process.execPath, command, { stdio: ['ignore', output ? 'pipe' : 'inherit', 'pipe'] })
  const exit = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  const said: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk)) // Progress: of interest only when it goes wrong.
  if (output && child.stdout) await pipeline(child.stdout, createWriteStream(output))
  const code = await exit
  if (code > 1) process.stderr.write(Buffer.concat(said).subarray(-2_000))
  return code
}

async function readRecording(file: string): Promise<Recording> {
  return JSON.parse(await readFile(file, 'utf8')) as Recording
}

function printAreas(golden: Recording, mine: Recording): void {
  const areas = new Map<string, { same: number; played: number }>()
  for (const [name, outcome] of Object.entries(mine.scenarios)) {
    const area = areas.get(name.split('/')[0] as string) ?? { same: 0, played: 0 }
    area.played += 1
    if (isDeepStrictEqual(outcome, golden.scenarios[name])) area.same += 1
    areas.set(name.split('/')[0] as string, area)
  }
  const rows = [...areas].map(([area, { same, played }]) => ({ area, played, same, different: played - same }))
  console.table(rows)
}
