import { randomUUID } from 'node:crypto'
import type { Browser, Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answersOf, ask, endedAnswersOf, openBrowser, signInAtPage } from '../../support/browser.ts'
import { makeDataDirectory, type Program, startProgram } from '../../support/program.ts'

let browser: Browser
let program: Program
let data: Awaited<ReturnType<typeof makeDataDirectory>>

beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '0' })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await data?.remove()
})

const arrive = () => signInAtPage(browser, { url: program.url, userId: `person ${randomUUID()}` })
const widthOf = (image: Locator) =>
  image.evaluate(async (element) => {
    const picture = element as unknown as { decode: () => Promise<void>; naturalWidth: number }
    await picture.decode()
    return picture.naturalWidth
  })
/** For a look at the page: SCREENSHOTS names a directory. */
async function look(page: { screenshot: (options: { path: string }) => Promise<unknown> }, name: string) {
  const directory = process.env['SCREENSHOTS']
  if (directory !== undefined) await page.screenshot({ path: `${directory}/${name}.png` })
}

describe('a picture', () => {
  test('is shown in the answer, with words for those who cannot see it, and still there after a reload', async () => {
    const { page, complaints } = await arrive()
    await ask(page, 'Create an image of a sunset over the sea & <b>gulls</b>')
    await endedAnswersOf(page).first().waitFor()
    const image = answersOf(page)
      .first()
      .getByRole('img', { name: /sunset over the sea/ })
    expect(await widthOf(image)).toBe(800)
    await look(page, 'picture')
    await page.reload()
    await endedAnswersOf(page).first().waitFor()
    expect(await widthOf(image)).toBe(800)
    expect(complaints).toEqual([])
  })
})

describe('a stated fact', () => {
  test('is shown where it was noted, and undone there', async () => {
    const { page, complaints } = await arrive()
    await ask(page, 'Remember that I prefer short answers')
    const facts = answersOf(page).first().getByRole('list', { name: 'Noted in your profile' })
    await facts.getByText('short answers').waitFor()
    await look(page, 'fact')
    await page.reload()
    await facts.getByRole('button', { name: 'Undo: preference short answers' }).click()
    await facts.getByText('Removed').waitFor()
    await look(page, 'fact-undone')
    await page.reload()
    await endedAnswersOf(page).first().waitFor()
    const profile = await page.evaluate(async () => (await fetch('/api/v1/me/profile')).json())
    expect(profile).toEqual({ facts: [] })
    expect(await facts.getByRole('button').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('is never noted from a question', async () => {
    const { page } = await arrive()
    await ask(page, "I'm a nurse and I love hiking, what is RAG?")
    await endedAnswersOf(page).first().waitFor()
    expect(await page.evaluate(async () => (await fetch('/api/v1/me/profile')).json())).toEqual({ facts: [] })
  })
})

describe('a project', () => {
  test('is drafted from a pasted link, asked about once, and kept', async () => {
    const { page } = await arrive()
    await ask(page, 'https://github.com/facebookresearch/llama')
    await endedAnswersOf(page).first().waitFor()
    expect(await answersOf(page).first().textContent()).toContain('Is it your own work')
    await ask(page, "It's not mine, I just want to save it")
    await endedAnswersOf(page).nth(1).waitFor()
    const second = await answersOf(page).nth(1).textContent()
    expect(second).toContain('Kept for reference')
    expect(second).not.toContain('Is it your own work')
    await look(page, 'project')
    const { results } = (await page.evaluate(async () => (await fetch('/api/v1/me/projects')).json())) as {
      results: unknown[]
    }
    expect(results).toMatchObject([{ title: 'Llama', ownership: 'reference', shared: false }])
  })
})
