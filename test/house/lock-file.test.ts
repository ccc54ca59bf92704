import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type LockFile, missingOptionalPackages } from '../../scripts/lock-file.ts'

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as LockFile

test('the lock file names the optional packages of every platform, as npm ci demands (npm run lock)', () => {
  expect(missingOptionalPackages(lock).map(([place]) => place)).toEqual([])
})

test('a package of another platform that is not named is found, with its version and platform', () => {
  const packages = { 'node_modules/tool': { optionalDependencies: { '@tool/cli-linux-x64-musl': '1.2.3' } } }
  expect(missingOptionalPackages({ packages })).toEqual([
    [
      'node_modules/@tool/cli-linux-x64-musl',
      { version: '1.2.3', os: ['linux'], cpu: ['x64'], libc: ['musl'], optional: true },
    ],
  ])
})
