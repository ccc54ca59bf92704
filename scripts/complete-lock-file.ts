/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out.
 *
 * npm writes only those that the registry of the day could show it, and `npm ci` then refuses a lock file that its own
 * `npm install` wrote. Which packages belong there, and in which version, stands in the packages that want them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { type LockFile, missingOptionalPackages } from './lock-file.ts'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8')) as LockFile
const missing = missingOptionalPackages(lock)
const packages = { ...lock.packages, ...Object.fromEntries(missing) }
const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1))
writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)
process.stdout.write(`${missing.length} packages added\n`)
