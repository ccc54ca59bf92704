import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenToComplaints, openBrowser } from '../../support/browser.ts'
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

test('An operator is asked to sign in, comes back with the role, and sees how the service stands', async () => {
  const page = await (await browser.newContext()).newPage()
  const complaints = listenToComplaints(page)
  await page.goto(`${program.url}/operate`)
  await page.getByRole('textbox', { name: 'User' }).fill('olga')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${program.url}/operate`)
  await page.getByRole('status').filter({ hasText: 'Everything is ready.' }).waitFor()
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
    'Parts',
    'Read models',
    'Parked events',
    'Database connections of this process',
  ])
  expect(await page.getByRole('cell', { name: 'live', exact: true }).count()).toBeGreaterThan(0)
  if (process.env['SCREENSHOTS'] !== undefined)
    await page.screenshot({ path: `${process.env['SCREENSHOTS']}/operate.png`, fullPage: true })
  // The first look, before signing in, is answered with 401: the browser reports that.
  expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([])
})

test('Somebody without the role is told so in plain words', async () => {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${program.url}/sign-in`)
  await page.getByRole('textbox', { name: 'User' }).fill('eve')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${program.url}/`)
  await page.goto(`${program.url}/operate`)
  await page.getByRole('alert').filter({ hasText: 'This page is for operators.' }).waitFor()
  expect(await page.getByRole('table').count()).toBe(0)
})
