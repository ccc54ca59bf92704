/** Makes the database cluster once, beside its final place, so that a directory of that name is always a whole cluster. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, lchown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { explainUnrunnable, type PostgresBinaries, postgresMajor } from './postgres-binaries.ts'
import { explainFileFailure, type ServerHome, syncDirectory, writePrivateFile } from './server-home.ts'
import type { Logger } from './server-log.ts'
import { serverEnvironment, serverHost } from './server-settings.ts'
import type { ServerUser } from './server-user.ts'

export interface Login {
  readonly password: string
  /** The port of the last start; taken again when it is free, so that saved connections keep working. */
  readonly lastPort: number | undefined
}

export interface SetupPlan {
  readonly home: ServerHome
  readonly binaries: PostgresBinaries
  readonly user: ServerUser
  readonly logger: Logger
}

const databaseName = 'emberlog'
const superuserName = 'emberlog'
const setupMsMax = 180_000
const outputLengthMax = 16_384

/** A password for every start of this cluster, over the one way in there is. */
const accessRules = `# Only over loopback, only with the password that is kept beside this directory.
host all all ${serverHost}/32 scram-sha-256
`

/** Returns the login of the cluster, making the cluster first when there is none. */
export async function prepareCluster(plan: SetupPlan): Promise<Login> {
  await removeHalfMadeClusters(plan.home)
  if (!(await hasCluster(plan))) return makeCluster(plan)
  const login = await readLogin(plan.home)
  return login ?? replacePassword(plan)
}

/** The one place that knows how a connection string is spelled. */
export async function saveConnection(home: ServerHome, password: string, port: number): Promise<string> {
  const connectionString = `postgresql://${superuserName}:${password}@${serverHost}:${port}/${databaseName}`
  const saved = await readFile(home.connectionFile, 'utf8').catch(() => '')
  if (saved.trim() !== connectionString) await writePrivateFile(home, home.connectionFile, `${connectionString}\n`)
  return connectionString
}

async function readLogin(home: ServerHome): Promise<Login | undefined> {
  const text = await readFile(home.connectionFile, 'utf8').catch(() => '')
  const url = URL.parse(text.trim())
  if (url === null || url.password === '') return undefined
  return { password: url.password, lastPort: Number(url.port) || undefined }
}

/** What an interrupted first start left; nothing in there was ever used. */
async function removeHalfMadeClusters(home: ServerHome): Promise<void> {
  for (const name of await readdir(home.directory)) {
    if (!name.startsWith(home.stagingPrefix)) continue
    // An initdb that outlived its program by a moment may still write there; then the next start clears it away.
    await rm(path.join(home.directory, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

async function hasCluster({ home, user, logger }: SetupPlan): Promise<boolean> {
  const found = await stat(home.cluster).catch(() => undefined)
  if (found === undefined) return false
  const version = await readFile(path.join(home.cluster, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) {
    throw new EmbeddedPostgresError(
      'embedded-postgres-not-a-cluster',
      `${home.cluster} exists but is not a PostgreSQL data directory (it has no readable PG_VERSION). ` +
        'It was not made by this program and is left alone: move it away, or choose another data directory.',
    )
  }
  if (version.trim() !== postgresMajor) {
    throw new EmbeddedPostgresError(
      'embedded-postgres-version-mismatch',
      `${home.cluster} was made by PostgreSQL ${version.trim()}, but this program carries PostgreSQL ${postgresMajor}, which cannot read it. ` +
        'Dump it with the version that made it and load the dump here (docs/embedded-postgres.md), or move the directory away to start empty.',
    )
  }
  if (found.uid === 0 && user.uid !== undefined) {
    logger.warn({ user: user.name }, 'giving a cluster that root owns to the user who runs embedded postgres')
    await giveAway(home.cluster, user.uid, user.gid!)
  }
  return true
}

/** A backup unpacked by root belongs to root. */
async function giveAway(directory: string, uid: number, gid: number): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) await lchown(path.join(directory, name), uid, gid)
  await chown(directory, uid, gid)
  await chmod(directory, 0o700)
}

async function makeCluster(plan: SetupPlan): Promise<Login> {
  const { home, binaries, user, logger } = plan
  const staging = await makeStaging(plan)
  try {
    logger.info({ directory: home.cluster }, 'making the embedded postgres cluster')
    const password = mintPassword()
    await run(plan, binaries.initdb, [...clusterArguments(staging), '--no-sync'])
    await writeFile(path.join(staging, 'pg_hba.conf'), accessRules)
    const statements = `create database ${databaseName}\n${passwordStatement(password)}`
    // Nothing is synced one by one here: the whole directory is, below, before it gets its name.
    await run(plan, binaries.postgres, ['--single', '-F', '-D', staging, 'postgres'], statements)
    await run(plan, binaries.initdb, ['-D', staging, '--sync-only'])
    await writePrivateFile(
      home,
      home.connectionFile,
      `postgresql://${superuserName}:${password}@${serverHost}/${databaseName}\n`,
    )
    await rename(staging, home.cluster)
    await syncDirectory(home.directory)
    logger.info({ directory: home.cluster, user: user.name }, 'made the embedded postgres cluster')
    return { password, lastPort: undefined }
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => {})
    throw error instanceof EmbeddedPostgresError ? error : explainFileFailure(error, home.cluster)
  }
}

async function makeStaging({ home, user }: SetupPlan): Promise<string> {
  try {
    const staging = await mkdtemp(path.join(home.directory, home.stagingPrefix))
    if (user.uid !== undefined) await chown(staging, user.uid, user.gid!)
    return staging
  } catch (cause) {
    throw explainFileFailure(cause, home.directory)
  }
}

/**
 * PostgreSQL's own C.UTF-8 (not the operating system's) sorts by code point on every machine and never changes with a
 * system update; the system's C.UTF-8 only tells letters from signs, where it is known.
 */
function clusterArguments(staging: string): string[] {
  const characters = process.platform === 'linux' ? ['--lc-ctype=C.UTF-8'] : []
  const locale = [
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...characters,
  ]
  return [
    '-D',
    staging,
    `--username=${superuserName}`,
    '--auth=reject',
    '--no-instructions',
    '--data-checksums',
    ...locale,
  ]
}

/** 192 random bits in letters that need no quoting, neither in SQL nor in a connection string. */
function mintPassword(): string {
  return randomBytes(24).toString('base64url')
}

function passwordStatement(password: string): string {
  return `alter role ${superuserName} password '${password}'\n`
}

/** The file with the password was lost or damaged: the data is worth more than a password, so it gets a new one. */
async function replacePassword(plan: SetupPlan): Promise<Login> {
  const { home, binaries, logger } = plan
  logger.warn({ file: home.connectionFile }, 'the password of embedded postgres is missing and is replaced')
  const password = mintPassword()
  await run(plan, binaries.postgres, ['--single', '-D', home.cluster, 'postgres'], passwordStatement(password))
  await saveConnection(home, password, 0)
  return { password, lastPort: undefined }
}

/** Runs a program of PostgreSQL to its end. It ends soon after us, if we die: its input ends and nobody takes its output. */
async function run({ user, home }: SetupPlan, program: string, args: readonly string[], input = ''): Promise<void> {
  const launch = user.launch(program, args)
  const env = serverEnvironment()
  const child = spawn(launch.file, launch.args, { ...launch.options, cwd: '/', env, detached: true, stdio: 'pipe' })
  const timer = setTimeout(() => child.kill('SIGKILL'), setupMsMax)
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputLengthMax)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin.on('error', () => {}) // It may end before it has read everything; its exit code tells.
  child.stdin.end(input)
  const failure = await new Promise<string | undefined>((resolve, reject) => {
    child.once('error', (error) => reject(explainUnrunnable(program, error.message)))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `exit ${signal ?? code}`))
  }).finally(() => clearTimeout(timer))
  // A single-user server reports a failed statement and still ends well.
  const complaint = output.split('\n').find((line) => /(error|ERROR|FATAL|PANIC): {1,2}/.test(line))
  if (failure === undefined && complaint === undefined) return
  if (output.includes('error while loading shared libraries')) throw explainUnrunnable(program, output.trim())
  const lastWords = output.trim().split('\n').at(-1)
  throw setupFailure(home, `${path.basename(program)}: ${complaint ?? `${failure}: ${lastWords}`}`, output)
}

function setupFailure(home: ServerHome, complaint: string, output: string): EmbeddedPostgresError {
  const isDiskFull = /No space left on device|Disk quota exceeded/.test(output) && !output.includes('shared memory')
  if (isDiskFull) {
    return explainFileFailure(Object.assign(new Error(complaint), { code: 'ENOSPC' }), home.directory)
  }
  const hint = /could not look up effective user ID/.test(output)
    ? ' The user who runs this program has no name on this system: add a line for it to /etc/passwd, or run as another user.'
    : ''
  return new EmbeddedPostgresError(
    'embedded-postgres-setup-failed',
    `The embedded PostgreSQL could not prepare its database in ${home.directory}: ${complaint}.${hint}`,
  )
}
