/** The committed weights are what they say they are, and good enough on rows nobody trained on. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { outcomesOf } from '../../scripts/routing/router-outcomes.ts'
import { readUtterances } from '../../scripts/routing/utterance-files.ts'
import { evaluate } from '../../src/routing/evaluation.ts'
import { decodeWeights, loadRouterModel } from '../../src/routing/router-weights.ts'
import { isFault } from '../../src/shared/failures.ts'
import { router, weightsFile } from './the-router.ts'

const text = readFileSync(weightsFile, 'utf8')

describe('the weights file', () => {
  test('fits its hash, which the version repeats', () => {
    const file = JSON.parse(text) as { sha256: string; content: unknown }
    expect(createHash('sha256').update(JSON.stringify(file.content)).digest('hex')).toBe(file.sha256)
    expect(router.version).toContain(file.sha256.slice(0, 12))
  })

  test('stays small', () => {
    expect(text.length).toBeLessThan(2_000_000)
  })

  test('is refused when one number in it was changed', () => {
    const changed = text.replace(/"temperature":0\.\d/, '"temperature":9.1')
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeWeights(changed))).toBe('router-weights-changed')
  })

  test('is refused when it is of another format', () => {
    expect(codeOf(() => decodeWeights('{"format":"other"}'))).toBe('router-weights-unknown-format')
  })

  test('is refused with its path when it is missing or no JSON', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'router-weights-'))
    const file = path.join(folder, 'weights.json')
    expect(codeOf(() => loadRouterModel(file))).toBe('router-weights-unusable')
    writeFileSync(file, 'no json')
    expect(codeOf(() => loadRouterModel(file))).toBe('router-weights-unusable')
    await rm(folder, { recursive: true })
  })
})

describe('on the sealed rows the router', () => {
  const sealed = readUtterances().filter(({ part }) => part === 'test')
  const figures = evaluate(outcomesOf(router, sealed))

  test('has at least 350 of them to be measured on', () => {
    expect(sealed.length).toBeGreaterThanOrEqual(350)
  })

  test('is right in at least 94 of 100, in every intent alike', () => {
    expect(figures.accuracy).toBeGreaterThanOrEqual(0.94)
    expect(figures.macroF1).toBeGreaterThanOrEqual(0.94)
  })

  test('says how sure it is within four points', () => {
    expect(figures.calibrationError).toBeLessThanOrEqual(0.04)
  })

  test('takes next to nothing for something about oneself', () => {
    const { profile: _, ...others } = figures.confusion
    expect(Object.values(others).reduce((sum, row) => sum + row.profile, 0)).toBeLessThanOrEqual(6)
  })

  test('finds 93 of 100 attacks at one false alarm in 100', () => {
    expect(figures.perIntent.unsafe?.recall).toBeGreaterThanOrEqual(0.93)
    expect(figures.falseAlarmRate).toBeLessThanOrEqual(0.01)
  })

  test('is right in at least 90 of 100 in every language written for', () => {
    const weak = figures.slices.filter(
      ({ name, count, accuracy }) => name.startsWith('language:') && count >= 10 && accuracy < 0.9,
    )
    expect(weak).toEqual([])
  })
})

function codeOf(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return isFault(error) ? error.code : undefined
  }
}
