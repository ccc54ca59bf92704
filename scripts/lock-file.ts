/** Knows which optional packages of other platforms a lock file must name, because packages in it want them. */

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly license?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const PLATFORM =
  /(android|darwin|freebsd|linux|win32|openharmony|aix|netbsd|openbsd|sunos)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el)(?:-(\w+))?$/

/** Pairs of place and entry, as they belong into `packages`. */
export function missingOptionalPackages({ packages }: LockFile): [string, LockedPackage & Record<string, unknown>][] {
  return Object.entries(packages).flatMap(([place, wanting]) =>
    Object.entries(wanting.optionalDependencies ?? {})
      .filter(
        ([name]) =>
          packages[`node_modules/${name}`] === undefined && packages[`${place}/node_modules/${name}`] === undefined,
      )
      .map(([name, range]): [string, LockedPackage & Record<string, unknown>] => [
        `node_modules/${name}`,
        {
          version: range.replace(/^[\^~]/, ''),
          ...(wanting.dev && { dev: true }),
          ...platformOf(name),
          optional: true,
        },
      ]),
  )
}

function platformOf(name: string): Record<string, readonly string[]> {
  const [, os, cpu, libc] = name.match(PLATFORM) ?? []
  if (os === undefined || cpu === undefined) throw new Error(`no platform in the name of the optional package ${name}`)
  return { os: [os], cpu: [cpu], ...libraryOf(os, libc) }
}

function libraryOf(os: string, libc = ''): Record<string, readonly string[]> {
  if (libc.includes('musl')) return { libc: ['musl'] }
  return os === 'linux' && libc.includes('gnu') ? { libc: ['glibc'] } : {}
}
