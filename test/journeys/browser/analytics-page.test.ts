import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, endedAnswersOf, listenToComplaints, openBrowser, signInAtPage } from '../../support/browser.ts'
import { makeDataDirectory, type Program, startProgram } from '../../support/program.ts'

let browser: Browser
let program: Program
let data: Awaited<ReturnType<typeof makeDataDirectory>>
beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory)
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await data?.remove()
})

test('An analyst sees in figures what people asked, and none of their words', async () => {
  const ada = await signInAtPage(browser, { url: program.url, userId: 'ada-the-asker' })
  for (const [index, question] of ['What is RAG in AI?', 'What is a wombat embedding?'].entries()) {
    await ask(ada.page, question)
    await endedAnswersOf(ada.page).nth(index).waitFor()
  }
  await ada.context.close()

  const page = await (await browser.newContext()).newPage()
  const complaints = listenToComplaints(page)
  await page.goto(`${program.url}/analytics`)
  await page.getByRole('textbox', { name: 'User' }).fill('ann')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${program.url}/analytics`)
  await page.getByRole('status').filter({ hasText: 'read up to position' }).waitFor()
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
    'In all',
    'Usage',
    'Intents',
    'Waiting times',
    'Fallback and corrections',
    'Tokens and cost',
  ])
  expect(await page.locator('.totals div', { hasText: 'Turns' }).locator('dd').textContent()).toBe('2')
  expect(await page.locator('.totals div', { hasText: 'Cost' }).locator('dd').textContent()).toBe('$0')
  const intents = page.getByRole('table', { name: 'Intents', exact: true })
  expect(await intents.getByRole('rowheader', { name: 'learning' }).count()).toBe(1)
  expect(await page.getByRole('img', { name: 'Chart: Turns by how they ended' }).count()).toBe(1)
  expect(await page.locator('body').textContent()).not.toMatch(/wombat|ada-the-asker/)

  await page.getByLabel('From').fill('2020-01-01')
  await page.getByLabel('Until, not included').fill('2020-01-03')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByRole('status').filter({ hasText: '2020-01-01 to 2020-01-03' }).waitFor()
  expect(await page.locator('.totals div', { hasText: 'Turns' }).locator('dd').textContent()).toBe('0')
  expect(new URL(page.url()).searchParams.get('from')).toBe('2020-01-01')
  await page.getByLabel('Until, not included').fill('2019-01-01')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByRole('alert').filter({ hasText: 'This range of time cannot be used.' }).waitFor()
  expect(complaints.filter((complaint) => !complaint.includes('422'))).toEqual([])
})

test('Somebody without the role is told so in plain words', async () => {
  const eve = await signInAtPage(browser, { url: program.url, userId: 'eve' })
  await eve.page.goto(`${program.url}/analytics`)
  await eve.page.getByRole('alert').filter({ hasText: 'This page is for analysts.' }).waitFor()
  expect(await eve.page.getByRole('table').count()).toBe(0)
})
