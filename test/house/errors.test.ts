import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../scripts/errors-page.ts'
import { answerFailures, errorCatalogue } from '../../src/api/error-catalogue.ts'
import { faultExplanations } from '../../src/cli/fault-explanations.ts'

const root = new URL('../../src/', import.meta.url)
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/error-catalogue|fault-explanations/.test(file))
  .map((file) => readFileSync(new URL(file, root), 'utf8'))
  .join('\n')

/** Where a code is made: a fault, a refusal, or a failure of an embedded server. */
const making =
  /(?:\b(?:Fault|refusal|refuse|StorageFault|EventStoreFailure|EmbeddedPostgresError|isFault)\(\s*(?:error,\s*)?|code: )'([a-z]+(?:-[a-z]+)+)'/g
const made = new Set([...sources.matchAll(making)].map(([, code]) => code ?? ''))
const explained = new Set(
  [errorCatalogue, answerFailures, faultExplanations].flatMap((catalogue) => Object.keys(catalogue)),
)
const explainsItself = (code: string) => code.startsWith('embedded-postgres-')

describe('error codes', () => {
  it('are found in the sources at all', () => {
    expect(made.size).toBeGreaterThan(50)
  })

  it('are each explained', () => {
    expect([...made].filter((code) => !explained.has(code) && !explainsItself(code)).sort()).toEqual([])
  })

  it('are each used: nothing is explained that cannot happen', () => {
    const unused = [...explained].filter((code) => !sources.includes(`'${code}'`) && !/^E[A-Z]+$/.test(code))
    expect(unused.sort()).toEqual([])
  })

  it('stand in docs/errors.md as they stand in code', () => {
    expect(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsPage())
  })
})
