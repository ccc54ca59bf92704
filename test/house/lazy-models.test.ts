import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = new URL('../../src/main.ts', import.meta.url).href
const script = `
import { registerHooks } from 'node:module'
const loaded = new Set()
registerHooks({ load: (url, context, next) => {
  const name = url.match(/node_modules\\/((?:@[^/]+\\/)?[^/]+)/)?.[1]
  if (name) loaded.add(name)
  return next(url, context)
} })
await import(${JSON.stringify(main)})
console.log(JSON.stringify([...loaded]))
process.exit(0)
`

it('a start with the offline assistant loads nothing of hosted models', async () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd })
  const loaded = JSON.parse(stdout) as string[]
  expect(loaded).toContain('zod')
  expect(loaded.filter((name) => /^(ai|@ai-sdk\/.*|undici|cockatiel)$/.test(name))).toEqual([])
})
