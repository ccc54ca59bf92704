/** Several processes of the program on one small Postgres and one record, and many people who chat and read. */
import { randomBytes } from 'node:crypto'
import { startTestPostgres } from '../projections/support/test-postgres.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from './program.ts'
import { startRecord } from './record-harness.ts'

export interface CampaignPlan {
  readonly serverConnections: number
  readonly processes: number
  /** Of each process. */
  readonly connections: number
  readonly partitions: number
  readonly clients: number
  readonly seconds: number
}

export interface CampaignFigures {
  /** Of `emberlog load`. */
  readonly exitCode: number | null
  readonly loaded: Record<string, unknown>
  /** What the processes complained of that a full server would make them say. */
  readonly refusedConnections: string[]
  /** The most connections that the server saw at one time, of all processes together. */
  readonly connectionsSeenMax: number
}

const OBSERVE_MS = 200

export async function runClientCampaign(plan: CampaignPlan): Promise<CampaignFigures> {
  await using started = new AsyncDisposableStack()
  const postgres = await startTestPostgres(plan.serverConnections)
  started.defer(postgres.stop)
  const record = await startRecord()
  started.defer(record.stop)
  const databaseUrl = await postgres.createDatabase()
  const shared = {
    EVENTSTORE_URL: record.connectionString,
    DATABASE_URL: databaseUrl,
    DATABASE_CONNECTIONS_MAX: String(plan.connections),
    EMBERLOG_PARTITIONS: String(plan.partitions),
    EMBERLOG_MASTER_KEY: randomBytes(32).toString('hex'),
    AUTH_JWT_SECRET: randomBytes(32).toString('hex'),
    LLM_DELTA_DELAY_MS: '0',
  }
  const programs: Program[] = []
  for (let index = 0; index < plan.processes; index += 1) {
    const { directory, remove } = await makeDataDirectory()
    started.defer(remove)
    const program = await startProgram(directory, shared)
    started.defer(async () => void (await program.stop()))
    programs.push(program)
  }
  const observer = await postgres.connect(databaseUrl)
  started.defer(() => observer.end())
  let connectionsSeenMax = 0
  const observing = setInterval(async () => {
    const { rows } = await observer.query(
      `select count(*)::integer as count from pg_stat_activity where application_name like 'emberlog %'`,
    )
    connectionsSeenMax = Math.max(connectionsSeenMax, rows[0].count)
  }, OBSERVE_MS)
  started.defer(() => clearInterval(observing))
  const { directory, remove } = await makeDataDirectory()
  started.defer(remove)
  const urls = programs.map(({ url }) => url).join(',')
  const args = ['load', '--clients', String(plan.clients), '--seconds', String(plan.seconds), '--url', urls, '--json']
  const { exitCode, output, complaints } = await emberlog(args, directory, {}, plan.seconds * 1_000 + 300_000)
  if (output.trim() === '') throw new Error(`the load said nothing: ${complaints}`)
  const said = programs.flatMap((program) => program.complaints().split('\n'))
  return {
    exitCode,
    loaded: JSON.parse(output),
    refusedConnections: said.filter((line) => /53300|too many clients|remaining connection slots/.test(line)),
    connectionsSeenMax,
  }
}
