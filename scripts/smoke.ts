/** Starts the real program as a newcomer would, holds one conversation over the WebSocket, stops it, and looks what stayed behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { signIn, textOfDeltas } from '../test/support/chat-client.ts'
import { makeDataDirectory } from '../test/support/program.ts'

const READY_MS_MAX = 120_000
const { directory, remove } = await makeDataDirectory()
const program = spawn('npm', ['start'], {
  env: { ...process.env, PORT: '0', EMBERLOG_DATA_DIR: directory, LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const exited = new Promise<number | null>((resolve) => program.on('exit', (code) => resolve(code)))

try {
  const url = await new Promise<string>((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => reject(new Error('not ready in time')), READY_MS_MAX)
    program.stdout.on('data', (chunk) => {
      printed += String(chunk)
      const found = printed.match(/emberlog listening on (\S+)\n/)?.[1]
      if (found === undefined) return
      clearTimeout(timer)
      resolve(found)
    })
    void exited.then((code) => reject(new Error(`npm start ended with ${code}`)))
  })
  process.stdout.write(`smoke: listening on ${url}\n`)

  const ada = await signIn(url, 'ada')
  const socket = await ada.open('smoke')
  const { turnId } = await socket.say('What is RAG in AI?')
  const ending = await socket.ending(turnId)
  assert.equal(ending.type, 'response.completed')
  assert.equal(ending['agent'], 'learning')
  assert.equal(textOfDeltas(socket.frames, turnId), ending['text'])
  process.stdout.write(`smoke: answered by ${ending['agent']}: ${String(ending['text']).slice(0, 70)}…\n`)

  const minPosition = { 'x-min-position': String(ending['position']) }
  const messages = await ada.get('/api/v1/me/conversations/smoke/messages', minPosition)
  assert.equal(messages.status, 200)
  assert.deepEqual(
    messages.body.results.map((message: { role: string }) => message.role),
    ['user', 'assistant'],
  )
  assert.equal(messages.body.results[1].text, ending['text'])
  process.stdout.write('smoke: the conversation is in the read model\n')
  socket.close()
} finally {
  const { pid } = JSON.parse(await readFile(path.join(directory, 'running.json'), 'utf8')) as { pid: number }
  program.kill('SIGTERM')
  const exitCode = await exited
  process.stdout.write(`smoke: stopped with exit code ${exitCode}\n`)
  assert.equal(exitCode, 0)
  assert.throws(() => process.kill(pid, 0), 'the server went on after npm had ended')
}
await remove()
