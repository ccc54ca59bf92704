import { mkdir } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenToComplaints, openBrowser } from '../../support/browser.ts'
import { signIn } from '../../support/chat-client.ts'
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

async function openMe(userId: string, options = {}): Promise<{ page: Page; complaints: string[] }> {
  const page = await (await browser.newContext(options)).newPage()
  const complaints = listenToComplaints(page)
  await page.goto(`${program.url}/me`)
  await page.getByRole('textbox', { name: 'User' }).fill(userId)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${program.url}/me`)
  await page.getByRole('heading', { name: 'Erase everything' }).waitFor()
  return { page, complaints }
}

async function picture(page: Page, name: string): Promise<void> {
  const directory = process.env['SCREENSHOTS']
  if (directory === undefined) return
  await mkdir(directory, { recursive: true })
  await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true })
}

/** Somebody who told something, and whose record an auditor has looked at since. */
async function lookedAt(userId: string): Promise<void> {
  const person = await signIn(program.url, userId)
  const socket = await person.open('c1')
  const { turnId } = await socket.say('Remember that I prefer short answers')
  const { position } = await socket.ending(turnId)
  await person.get('/api/v1/me/profile', { 'x-min-position': String(position) })
  const auditor = await signIn(program.url, 'aud', ['auditor'])
  const look = await auditor.get(`/api/v1/audit/conversations/${userId}/c1`, { 'x-audit-purpose': 'case 4711' })
  expect(look.status).toBe(200)
}

test('A person sees what is held about them and who looked, takes it along, forgets a fact, and signs out', async () => {
  await lookedAt('ada')
  const { page, complaints } = await openMe('ada')
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
    'Take it with you',
    'What was noted about you',
    'Who looked at your record this month',
    'This session',
    'Erase everything',
  ])
  await page.getByRole('row', { name: /aud \(auditor\) read what you wrote case 4711/ }).waitFor()
  await picture(page, 'me')

  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download everything' }).click()
  expect((await download).suggestedFilename()).toMatch(/\.zip$/)

  await page.getByRole('button', { name: 'Forget preference: short answers' }).click()
  await page.getByRole('status').filter({ hasText: 'Forgotten.' }).waitFor()
  expect(await page.getByRole('button', { name: /^Forget / }).count()).toBe(0)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${program.url}/sign-in?next=%2Fme`)
  await page.goto(`${program.url}/me`)
  await page.waitForURL(`${program.url}/sign-in?next=%2Fme`)
  // A look before signing in, or after signing out, is answered with 401: the browser reports that.
  expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([])
})

test('The page fits a phone, and a person who means it is erased and gets a receipt', async () => {
  await lookedAt('eve')
  const { page } = await openMe('eve', { viewport: { width: 375, height: 700 }, colorScheme: 'dark' })
  const erase = page.getByRole('button', { name: 'Erase everything' })
  expect(await erase.isDisabled()).toBe(true)
  await page.getByRole('textbox', { name: 'Write “erase” to confirm' }).fill('erase')
  expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0)
  await picture(page, 'me-phone')
  await erase.click()
  await page.getByRole('heading', { name: 'Your receipt' }).waitFor()
  expect(await page.getByRole('status').textContent()).toBe('Everything is erased.')
  expect(JSON.parse((await page.locator('#record pre').textContent()) ?? '')).toMatchObject({ subjectId: 'eve' })
  await picture(page, 'me-receipt')
})
