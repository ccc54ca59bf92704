import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { emberlog, makeDataDirectory, runEmberlog } from '../support/program.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

let data: Awaited<ReturnType<typeof makeDataDirectory>>

beforeEach(async () => {
  data = await makeDataDirectory()
})
afterEach(() => data.remove())

interface RunningStore {
  readonly url: string
  readonly complaints: () => string
  stop(signal?: NodeJS.Signals): Promise<number | null>
  readonly exited: Promise<number | null>
}

/** Starts `emberlog eventstore` on a free port; resolves with its readiness line. */
async function startStore(args: readonly string[]): Promise<RunningStore> {
  const child = runEmberlog(['eventstore', '--port', '0', ...args], data.directory)
  let complaints = ''
  child.stderr?.on('data', (chunk) => {
    complaints += String(chunk)
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
      const [, found] = /^eventstore listening on (\S+)\n/.exec(output) ?? []
      if (found) resolve(found)
    })
    void exited.then((code) => reject(new Error(`it ended with ${code}: ${complaints}`)))
  })
  return {
    url,
    complaints: () => complaints,
    exited,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return exited
    },
  }
}

async function append(connectionString: string, stream: string): Promise<void> {
  const client = EventStoreDBClient.connectionString(connectionString)
  await client.appendToStream(stream, jsonEvent({ type: 'noted', data: {} }))
  await client.dispose()
}

async function countOf(connectionString: string, stream: string): Promise<number> {
  const client = EventStoreDBClient.connectionString(connectionString)
  let count = 0
  for await (const _ of client.readStream(stream)) count += 1
  await client.dispose()
  return count
}

describe('emberlog eventstore', () => {
  it('serves other programs, says what it is, ends cleanly, and has kept everything', async () => {
    const directory = path.join(data.directory, 'log')
    const first = await startStore(['--data-dir', directory])
    expect(first.url).toMatch(/^esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/)
    await append(first.url, 'a')
    expect(await first.stop()).toBe(0)
    expect(first.complaints()).toContain('single node for development, tests and small installations')
    expect(await readdir(directory)).not.toContain('node.json')
    const second = await startStore(['--data-dir', directory])
    expect(await countOf(second.url, 'a')).toBe(1)
    expect(await second.stop('SIGINT')).toBe(0)
  })

  it('serves over TLS with a certificate of its own, the same one after a restart', async () => {
    const directory = path.join(data.directory, 'log')
    const authorityFile = path.join(directory, 'tls', 'authority.crt')
    const secured = ({ url }: RunningStore) => `${url.replace('//', '//admin:changeit@')}&tlsCaFile=${authorityFile}`
    const first = await startStore(['--data-dir', directory, '--tls'])
    expect(first.complaints()).toContain(`tlsCaFile=${authorityFile}`)
    await append(secured(first), 'a')
    const authority = await readFile(authorityFile, 'utf8')
    expect(await first.stop()).toBe(0)
    const second = await startStore(['--data-dir', directory, '--tls'])
    expect(await countOf(secured(second), 'a')).toBe(1)
    expect(await readFile(authorityFile, 'utf8')).toBe(authority)
    // Copying a log is for operators, whom a directory alone does not name.
    const to = path.join(data.directory, 'copy')
    const unnamed = await emberlog(['eventstore', 'backup', '--data-dir', directory, '--to', to], data.directory)
    expect([unnamed.exitCode, unnamed.complaints]).toEqual([3, expect.stringContaining('--server')])
    const named = ['eventstore', 'backup', '--server', secured(second), '--to', to]
    expect((await emberlog(named, data.directory)).exitCode).toBe(0)
    expect(await second.stop()).toBe(0)
  })

  it('takes the certificate it is given, and both files or none', async () => {
    const missing = path.join(data.directory, 'missing.pem')
    const half = await emberlog(['eventstore', '--in-memory', '--tls-cert', missing], data.directory)
    expect([half.exitCode, half.complaints]).toEqual([2, expect.stringContaining('--tls-key')])
    const both = ['eventstore', '--in-memory', '--port', '0', '--tls-cert', missing, '--tls-key', missing]
    const unreadable = await emberlog(both, data.directory)
    expect([unreadable.exitCode, unreadable.complaints]).toEqual([3, expect.stringContaining(missing)])
  })

  it('serves other machines only over TLS, unless told that it may', async () => {
    const open = await emberlog(['eventstore', '--in-memory', '--port', '0', '--host', '0.0.0.0'], data.directory)
    expect([open.exitCode, open.complaints]).toEqual([3, expect.stringContaining('--insecure')])
  })

  it('refuses a port that is none', async () => {
    expect((await emberlog(['eventstore', '--port', '70000'], data.directory)).exitCode).toBe(2)
  })
})

describe('emberlog eventstore backup, stats and verify', () => {
  it('copy and count a log while it is in use, and find the copy sound', async () => {
    const directory = path.join(data.directory, 'log')
    const to = path.join(data.directory, 'copy')
    const store = await startStore(['--data-dir', directory])
    await append(store.url, 'a')
    const backup = await emberlog(['eventstore', 'backup', '--data-dir', directory, '--to', to], data.directory)
    expect([backup.exitCode, backup.output]).toEqual([0, expect.stringMatching(/^copied \d+ records/)])
    const counted = await emberlog(['eventstore', 'stats', '--data-dir', directory, '--json'], data.directory)
    const inUse = await emberlog(['eventstore', 'verify', '--data-dir', directory], data.directory)
    expect([inUse.exitCode, inUse.complaints]).toEqual([3, expect.stringContaining('pid=')])
    await store.stop()
    const copied = await emberlog(['eventstore', 'stats', '--data-dir', to, '--json'], data.directory)
    expect(JSON.parse(copied.output).records).toBe(JSON.parse(counted.output).records)
    const verified = await emberlog(['eventstore', 'verify', '--data-dir', to, '--json'], data.directory)
    expect([verified.exitCode, JSON.parse(verified.output).isSound]).toEqual([0, true])
  })

  it('name the first bad place of a damaged log, and end with 1', async () => {
    const directory = path.join(data.directory, 'log')
    const store = await startStore(['--data-dir', directory])
    for (const stream of ['a', 'b', 'c']) await append(store.url, stream)
    await store.stop()
    const name = (await readdir(directory)).find((file) => file.endsWith('.log')) ?? ''
    const bytes = await readFile(path.join(directory, name))
    const place = bytes.indexOf('noted')
    bytes.write('xoted', place)
    await writeFile(path.join(directory, name), bytes)
    const { exitCode, output } = await emberlog(['eventstore', 'verify', '--data-dir', directory], data.directory)
    expect([exitCode, output]).toEqual([1, expect.stringContaining(`damaged: ${name} at byte`)])
  })

  it('make no log where there is none', async () => {
    const directory = path.join(data.directory, 'nothing')
    const { exitCode } = await emberlog(['eventstore', 'stats', '--data-dir', directory], data.directory)
    expect(exitCode).toBe(3)
    expect(await readdir(data.directory)).not.toContain('nothing')
  })
})
