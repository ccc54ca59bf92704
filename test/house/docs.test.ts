import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const pages = [
  'README.md',
  ...readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`),
]
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(new URL(file, root), 'utf8') }))

const withoutCode = (text: string) => text.replaceAll(/```[\s\S]*?```/g, '')

describe.each(pages)('$file', ({ file, text }) => {
  it('has one title', () => {
    expect(withoutCode(text).match(/^# /gm)).toHaveLength(1)
  })

  it('leads only to what exists', () => {
    const links = [...withoutCode(text).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '')
    const local = links.filter((target) => !/^[a-z]+:/.test(target))
    expect(local.filter((target) => !existsSync(new URL(target, new URL(file, root))))).toEqual([])
  })

  it('names only files that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|bench|scripts|docs|bin)\/[\w./-]+\.[a-z]+)`/g)].map(
      ([, name]) => name ?? '',
    )
    expect(named.filter((name) => !existsSync(new URL(name, root)))).toEqual([])
  })
})

describe('decision records', () => {
  it('are numbered without a number twice, and each says context, decision and consequences', () => {
    const records = pages.filter(({ file }) => file.startsWith('docs/decisions/'))
    const numbers = records.map(({ file }) => file.slice('docs/decisions/'.length).slice(0, 4))
    expect(new Set(numbers).size).toBe(numbers.length)
    for (const { text } of records) {
      for (const part of ['Context', 'Decision', 'Consequences'])
        expect(text).toMatch(new RegExp(`(\\*\\*|## )${part}`))
    }
  })
})
