/** The processes of an answering benchmark, each with a job of its own, and what processor time each of them takes. */
import { readFile } from 'node:fs/promises'
import { type Person, signIn } from '../test/support/chat-client.ts'
import { makeDataDirectory, type Program, runEmberlog, startProgram } from '../test/support/program.ts'

const TICKS_PER_SECOND = 100

const shared = {
  AUTH_JWT_SECRET: 'a secret that the processes of this benchmark share',
  EMBERLOG_MASTER_KEY: '11'.repeat(32),
  EMBERLOG_MESSAGES_PER_MINUTE_MAX: '100000',
  EMBERLOG_SOCKETS_PER_PERSON_MAX: '1000',
}

export interface AnsweringProcesses {
  readonly eventStoreUrl: string
  readonly url: string
  /** One more process that answers; its settings are those of the plan and these. Resolves with how to stop it. */
  readonly startResponder: (environment?: Record<string, string>) => Promise<() => Promise<void>>
  readonly signIn: (userId: string) => Promise<Person>
  /** Seconds of processor time so far, by job; `load` is this process. */
  readonly processorSeconds: () => Promise<Record<string, number>>
  readonly stop: () => Promise<void>
}

export interface ProcessesPlan {
  readonly environment?: Record<string, string>
  /** The api does not answer itself: responders are started as they are wanted. */
  readonly isResponderApart?: boolean
  /** The projector, which asks Postgres twice a second, gets a process of its own, so that what is left is what serving people takes. */
  readonly isProjectorApart?: boolean
}

/** Event store, Postgres, and one process that serves, answers and projects, or what of it the plan leaves to others. */
export async function startProcesses(plan: ProcessesPlan): Promise<AnsweringProcesses> {
  const { environment = {}, isResponderApart = false, isProjectorApart = false } = plan
  await using started = new AsyncDisposableStack()
  const directory = async () => {
    const made = await makeDataDirectory()
    started.defer(made.remove)
    return made.directory
  }
  const store = await startStore(await directory())
  started.defer(store.stop)
  const settings = { ...shared, DATABASE_CONNECTIONS_MAX: '10', EVENTSTORE_URL: store.url, ...environment }
  const api = isResponderApart ? 'api' : 'api,responder'
  const first = await startProgram(await directory(), {
    ...settings,
    EMBERLOG_ROLES: isProjectorApart ? 'projector' : `${api},projector`,
  })
  started.defer(async () => void (await first.stop()))
  const { databaseUrl } = JSON.parse(await readFile(`${first.directory}/running.json`, 'utf8'))
  let door = first
  if (isProjectorApart) {
    door = await startProgram(await directory(), { ...settings, DATABASE_URL: databaseUrl, EMBERLOG_ROLES: api })
    started.defer(async () => void (await door.stop()))
  }
  const nodes = new Set<Program>()
  const all = started.move()
  return {
    eventStoreUrl: store.url,
    url: door.url,
    async startResponder(more = {}) {
      const own = { DATABASE_URL: databaseUrl, DATABASE_CONNECTIONS_MAX: '5', EMBERLOG_ROLES: 'api,responder' }
      const made = await makeDataDirectory()
      all.defer(made.remove)
      const node = await startProgram(made.directory, { ...settings, ...own, ...more })
      nodes.add(node)
      const stop = async () => {
        if (nodes.delete(node)) await node.stop()
      }
      all.defer(stop)
      return stop
    },
    signIn: (userId) => signIn(door.url, userId),
    async processorSeconds() {
      const [main, ...postgres] = await first.processes()
      const jobs: Record<string, readonly number[]> = {
        'event store': [store.pid],
        'api, projector': [main ?? 0],
        Postgres: postgres,
        responders: [...nodes].map(({ pid }) => pid),
      }
      const seconds: Record<string, number> = { load: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 }
      for (const [job, pids] of Object.entries(jobs)) {
        seconds[job] = (await Promise.all(pids.map(secondsOf))).reduce((sum, each) => sum + each, 0)
      }
      return seconds
    },
    stop: () => all.disposeAsync(),
  }
}

async function startStore(directory: string) {
  const child = runEmberlog(['eventstore', '--data-dir', directory, '--port', '0'], directory)
  child.stderr?.resume()
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      const found = String(chunk).match(/(esdb:\/\/\S+)/)?.[1]
      if (found !== undefined) resolve(found)
    })
    void exited.then(() => reject(new Error('the event store ended')))
  })
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function secondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
}
