/** Runs the real program as a process of its own, finds all of its processes, and kills them when a test wants it dead. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../bin/emberlog.js', import.meta.url))
const START_MS_MAX = 60_000
const EXIT_MS_MAX = 60_000
/** A command that runs longer is killed, and then has no exit code. */
const COMMAND_MS_MAX = 90_000

export interface Program {
  readonly directory: string
  readonly url: string
  readonly pid: number
  /** Everything it printed on standard error. */
  readonly complaints: () => string
  readonly exited: Promise<number | null>
  /** Asks it to stop and resolves with its exit code. */
  readonly stop: () => Promise<number | null>
  /** Kills the program and every process below it at once, and resolves when all are gone. */
  readonly killAll: () => Promise<void>
  readonly processes: () => Promise<number[]>
}

export async function makeDataDirectory(): Promise<{
  readonly directory: string
  readonly remove: () => Promise<void>
}> {
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-test-'))
  return { directory, remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Starts `emberlog serve` on a free port and resolves when it says that it listens. */
export async function startProgram(dataDirectory: string, environment: Record<string, string> = {}): Promise<Program> {
  const child = runEmberlog(['serve'], dataDirectory, environment)
  let complaints = ''
  child.stderr?.on('data', (chunk) => {
    complaints += String(chunk)
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  const url = await listening(child, exited, () => complaints)
  const pid = child.pid ?? 0
  return {
    directory: dataDirectory,
    url,
    pid,
    exited,
    complaints: () => complaints,
    processes: () => processTree(pid),
    async stop() {
      child.kill('SIGTERM')
      return await inTime(exited, EXIT_MS_MAX, 'the program did not stop')
    },
    async killAll() {
      for (const each of await processTree(pid)) kill(each)
      await exited
    },
  }
}

/** Runs any command of the program; the caller reads what it prints. */
export function runEmberlog(
  args: readonly string[],
  dataDirectory: string,
  environment: Record<string, string> = {},
): ChildProcess {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(EMBERLOG|NODE_OPTIONS|VITEST)/.test(name)),
  )
  return spawn(process.execPath, [bin, ...args], {
    cwd: dataDirectory,
    env: { ...inherited, NODE_ENV: '', PORT: '0', EMBERLOG_DATA_DIR: dataDirectory, LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export interface Finished {
  readonly exitCode: number | null
  readonly output: string
  readonly complaints: string
}

/** Runs a command to its end. */
export async function emberlog(
  args: readonly string[],
  dataDirectory: string,
  environment: Record<string, string> = {},
  msMax = COMMAND_MS_MAX,
): Promise<Finished> {
  const child = runEmberlog(args, dataDirectory, environment)
  let output = ''
  let complaints = ''
  child.stdout?.on('data', (chunk) => {
    output += String(chunk)
  })
  child.stderr?.on('data', (chunk) => {
    complaints += String(chunk)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax)
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  clearTimeout(timer)
  return { exitCode, output, complaints }
}

function listening(child: ChildProcess, exited: Promise<number | null>, complaints: () => string): Promise<string> {
  const line = new Promise<string>((resolve, reject) => {
    let printed = ''
    child.stdout?.on('data', (chunk) => {
      printed += String(chunk)
      const url = printed.match(/emberlog (?:listening on|running) (\S+)\n/)?.[1]
      if (url !== undefined) resolve(url)
    })
    void exited.then((code) => reject(new Error(`the program ended with ${code}: ${complaints()}`)))
  })
  return inTime(line, START_MS_MAX, 'the program did not start')
}

async function inTime<Value>(work: Promise<Value>, ms: number, otherwise: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), ms)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** A process and everything it started, read from /proc. */
async function processTree(root: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (stat !== '') parents.set(Number(name), parent)
  }
  const tree = [root]
  for (const member of tree) {
    for (const [pid, parent] of parents) if (parent === member && !tree.includes(pid)) tree.push(pid)
  }
  return tree.filter((pid) => parents.has(pid))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was gone already.
  }
}
