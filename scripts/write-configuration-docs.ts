/** Writes docs/configuration.md from the table in src/config.ts; with `--check` says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationPage } from './configuration-page.ts'

const file = new URL('../docs/configuration.md', import.meta.url)
const page = configurationPage()

if (process.argv.includes('--check')) {
  const isCurrent = readFileSync(file, 'utf8') === page
  if (!isCurrent) process.stderr.write('docs/configuration.md is out of date: run `npm run docs`\n')
  process.exitCode = isCurrent ? 0 : 1
} else {
  writeFileSync(file, page)
}
