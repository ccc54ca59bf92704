import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { findMasterKeys } from '../../src/main/master-keys.ts'
import { createLocalKeyWrapping } from '../../src/vault/key-wrapping.ts'
import { parseMasterKey } from '../../src/vault/master-key.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function directory(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'emberlog-keys-'))
  cleanups.push(() => rm(made, { recursive: true }))
  return made
}

const oidc = { AUTH_MODE: 'oidc', OIDC_ISSUER: 'https://id.example.org', OIDC_AUDIENCE: 'emberlog' }
const idsOf = async (environment: Record<string, string>) =>
  (await findMasterKeys(readConfig(environment))).map(({ masterKeyId }) => masterKeyId)

describe('a master key', () => {
  const key = randomBytes(32)

  it.each(['hex', 'base64', 'base64url'] as const)('may be written in %s', (form) => {
    expect(parseMasterKey(`${key.toString(form)}\n`)).toEqual(key)
  })

  it.each(['', 'secret', randomBytes(31).toString('hex'), randomBytes(33).toString('base64'), 'z'.repeat(64)])(
    'is not read from %j',
    (text) => {
      expect(parseMasterKey(text)).toBeUndefined()
    },
  )

  it('that cannot be read refuses the configuration and is not shown', () => {
    const wrong = 'not-a-key-but-perhaps-a-secret'
    expect(() => readConfig({ EMBERLOG_MASTER_KEY: wrong })).toThrow(/EMBERLOG_MASTER_KEY: must be 32 bytes/)
    expect(() => readConfig({ EMBERLOG_MASTER_KEY: wrong })).not.toThrow(new RegExp(wrong))
  })

  it('is made once in development, for its owner alone', async () => {
    const EMBERLOG_DATA_DIR = await directory()
    const [first, second] = await Promise.all([idsOf({ EMBERLOG_DATA_DIR }), idsOf({ EMBERLOG_DATA_DIR })])
    expect(first).toHaveLength(1)
    expect(second).toEqual(first)
    const file = path.join(EMBERLOG_DATA_DIR, 'master-key')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(parseMasterKey(await readFile(file, 'utf8'))).toHaveLength(32)
  })

  it('is the same in development for nodes that share a secret, and for no others', async () => {
    const nodeWith = async (AUTH_JWT_SECRET: string) =>
      idsOf({ EMBERLOG_DATA_DIR: await directory(), AUTH_JWT_SECRET: AUTH_JWT_SECRET.padEnd(32, '.') })
    const [here, there, elsewhere] = [await nodeWith('shared'), await nodeWith('shared'), await nodeWith('another')]
    expect(there).toEqual(here)
    expect(elsewhere).not.toEqual(here)
  })

  it.each([{ NODE_ENV: 'production', ...oidc }, oidc])('is never made in production: it refuses %j', async (mode) => {
    const EMBERLOG_DATA_DIR = await directory()
    await expect(idsOf({ EMBERLOG_DATA_DIR, ...mode })).rejects.toThrow(/EMBERLOG_MASTER_KEY: production needs one/)
    await expect(stat(path.join(EMBERLOG_DATA_DIR, 'master-key'))).rejects.toThrow('ENOENT')
  })

  it('may stand in a file, and another beside it during a rotation', async () => {
    const file = path.join(await directory(), 'mounted-secret')
    await writeFile(file, `${key.toString('base64')}\n`)
    const other = randomBytes(32)
    const EMBERLOG_MASTER_KEY_OTHER = other.toString('hex')
    expect(await idsOf({ ...oidc, EMBERLOG_MASTER_KEY_FILE: file, EMBERLOG_MASTER_KEY_OTHER })).toEqual(
      [key, other].map((each) => createLocalKeyWrapping(each).masterKeyId),
    )
    await writeFile(file, 'something else')
    await expect(idsOf({ ...oidc, EMBERLOG_MASTER_KEY_FILE: file })).rejects.toThrow(/EMBERLOG_MASTER_KEY_FILE/)
    expect(() => readConfig({ EMBERLOG_MASTER_KEY: key.toString('hex'), EMBERLOG_MASTER_KEY_FILE: file })).toThrow(
      /only one/,
    )
  })
})
