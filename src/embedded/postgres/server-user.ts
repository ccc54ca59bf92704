/** PostgreSQL refuses to run as root: decides who runs it, and how that user reaches programs and data. */
import { spawnSync } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { explainUnrunnable, type PostgresBinaries } from './postgres-binaries.ts'
import type { ServerHome } from './server-home.ts'

export interface Launch {
  readonly file: string
  readonly args: readonly string[]
  readonly options: { readonly uid?: number; readonly gid?: number }
}

export interface ServerUser {
  readonly name: string
  readonly uid: number | undefined
  readonly gid: number | undefined
  /** How to spawn a program as this user. The process spawned is the program itself: its id and its exit are the program's. */
  readonly launch: (file: string, args: readonly string[]) => Launch
}

/** Users that exist in every base system, best first; the second is shared with others, so a `postgres` user is preferred. */
const usersForRoot = ['postgres', 'nobody']
/** Reading through closed directories is enough; the second is what a container allows that lacks the first. */
const reachingCapabilities = ['dac_read_search', 'dac_override']
const probeMsMax = 10_000
const unrunnable = /not found|No such file|loading shared libraries|Exec format/i

/** Chooses the user: ourselves, or, when we are root, the owner of the cluster there is, or else `postgres` or `nobody`. */
export async function chooseServerUser(home: ServerHome, binaries: PostgresBinaries): Promise<ServerUser> {
  const owner = await stat(home.cluster).catch(() => undefined)
  if (process.geteuid?.() !== 0) {
    refuseForeignCluster(home, owner?.uid)
    return { name: 'self', uid: undefined, gid: undefined, launch: (file, args) => ({ file, args, options: {} }) }
  }
  const account =
    owner === undefined || owner.uid === 0 ? await accountForRoot() : { name: `user ${owner.uid}`, ...owner }
  const refusals: string[] = []
  for (const user of waysToBecome(account.name, account.uid, account.gid)) {
    const refused = probe(user, home, binaries)
    if (refused === undefined) return user
    if (unrunnable.test(refused)) throw explainUnrunnable(binaries.postgres, refused)
    refusals.push(refused)
  }
  throw new EmbeddedPostgresError(
    'embedded-postgres-user-unusable',
    `PostgreSQL refuses to run as root and could not be run as ${account.name}: ${[...new Set(refusals)].join('; ')}. ` +
      `Start this program as an ordinary user, or let ${account.name} enter (chmod o+x) the directories that lead ` +
      `to ${binaries.postgres} and ${home.directory}.`,
  )
}

function refuseForeignCluster(home: ServerHome, owner: number | undefined): void {
  const self = process.geteuid?.()
  if (owner === undefined || self === undefined || owner === self) return
  throw new EmbeddedPostgresError(
    'embedded-postgres-user-unusable',
    `The database in ${home.cluster} belongs to user ${owner}, but this program runs as user ${self}. ` +
      `Start it as user ${owner} or as root, or give the directory away: chown -R ${self} ${home.directory}`,
  )
}

async function accountForRoot(): Promise<{ name: string; uid: number; gid: number }> {
  const accounts = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'))
  for (const wanted of usersForRoot) {
    const [name, , uid, gid] = accounts.find(([candidate]) => candidate === wanted) ?? []
    if (name !== undefined && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) }
  }
  throw new EmbeddedPostgresError(
    'embedded-postgres-user-unusable',
    'PostgreSQL refuses to run as root, and this system has neither a user "postgres" nor a user "nobody" to run it as. ' +
      'Start this program as an ordinary user, or add one: useradd --system postgres',
  )
}

/** As the bare user; and, for data or programs below a directory like /root, with the one capability that reaches them. */
function waysToBecome(name: string, uid: number, gid: number): ServerUser[] {
  const plain: ServerUser = { name, uid, gid, launch: (file, args) => ({ file, args, options: { uid, gid } }) }
  const reaching = reachingCapabilities.map((capability): ServerUser => {
    const only = `-all,+${capability}`
    const become = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
    // initdb asks access(2) about the server program, which forgets the capability unless this bit is set.
    const heeded = '--securebits=+no_setuid_fixup'
    const limits = [`--inh-caps=${only}`, `--ambient-caps=${only}`, heeded, '--no-new-privs']
    return {
      name: `${name} with ${capability}`,
      uid,
      gid,
      launch: (file, args) => ({ file: 'setpriv', args: [...become, ...limits, '--', file, ...args], options: {} }),
    }
  })
  return [plain, ...reaching]
}

/** Tries what the server will need: to enter the directory and to run the program. Returns the complaint, if any. */
function probe(user: ServerUser, home: ServerHome, binaries: PostgresBinaries): string | undefined {
  const script = 'cd "$1" && exec "$2" --version'
  const { file, args, options } = user.launch('/bin/sh', ['-c', script, 'probe', home.directory, binaries.postgres])
  const result = spawnSync(file, args, { ...options, cwd: '/', encoding: 'utf8', timeout: probeMsMax })
  if (result.status === 0) return undefined
  const code = (result.error as NodeJS.ErrnoException | undefined)?.code
  if (code === 'EPERM' || code === 'EINVAL') return `this container does not let root become another user (${code})`
  if (code === 'ENOENT') return `${file} is not installed` // Only setpriv can be missing: there is a shell in every base system.
  return result.error?.message ?? result.stderr.trim().split('\n').at(-1) ?? `exit code ${result.status}`
}
