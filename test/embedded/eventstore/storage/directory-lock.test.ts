import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { holdDirectory } from '../../../../src/embedded/eventstore/storage/directory-lock.ts'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const LOCK_FILE = new URL('../../../../src/embedded/eventstore/storage/directory-lock.ts', import.meta.url).href

/** A process of its own that holds the directory until it is killed. */
async function holderOf(directory: string) {
  const program = `import { holdDirectory } from ${JSON.stringify(LOCK_FILE)}
    holdDirectory(process.argv[1]); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, directory])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

describe('a directory of the event log', () => {
  test('is refused to a second process, which learns the pid of the first', async () => {
    const directory = temporaryDirectory()
    const holder = await holderOf(directory)
    await expect(openDurableLog({ directory })).rejects.toMatchObject({
      code: 'directory-in-use',
      message: expect.stringContaining(`pid=${holder.pid}`),
    })
  })

  test('is free again once its holder was killed, whatever the owner file says', async () => {
    const directory = temporaryDirectory()
    const holder = await holderOf(directory)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    // The pid may belong to somebody else by now: here to this very process.
    fs.writeFileSync(path.join(directory, 'lock-owner.json'), JSON.stringify({ pid: process.pid, since: 'long ago' }))
    const log = await openDurableLog({ directory })
    expect(log.durableEnd).toBe(0)
    await log.close()
  })

  test('is refused to another opener of the same process, and to another thread of it', async () => {
    const directory = temporaryDirectory()
    const release = holdDirectory(directory)
    onTestFinished(release)
    expect(() => holdDirectory(directory)).toThrow(`pid=${process.pid}`)
    const program = `import(${JSON.stringify(LOCK_FILE)}).then(({ holdDirectory }) => holdDirectory(${JSON.stringify(directory)}))`
    const [error] = await once(new Worker(program, { eval: true }), 'error')
    expect(String(error)).toContain('another process works on this event store directory')
  })

  test('can be opened again after it was closed', async () => {
    const directory = temporaryDirectory()
    const first = await openDurableLog({ directory })
    await first.close()
    const second = await openDurableLog({ directory })
    expect(second.stats().records).toBe(0)
    await second.close()
    expect(fs.existsSync(path.join(directory, 'lock-owner.json'))).toBe(false)
  })
})
