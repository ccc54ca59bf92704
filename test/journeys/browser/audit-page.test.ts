import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenToComplaints, openBrowser } from '../../support/browser.ts'
import { signIn } from '../../support/chat-client.ts'
import { makeDataDirectory, type Program, startProgram } from '../../support/program.ts'

let browser: Browser
let program: Program
let data: Awaited<ReturnType<typeof makeDataDirectory>>

beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '0', EMBERLOG_LEDGER_INTERVAL_MS: '100' })
  browser = await openBrowser()
  const ada = await signIn(program.url, 'ada')
  await ada.send('POST', '/api/v1/me/conversations/about-rag/messages', { text: 'What is RAG in AI?' })
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await data?.remove()
})

/** Signing in on the way to /audit asks for the auditor's role; from elsewhere it does not. */
async function arrive(next: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await (await browser.newContext({ viewport: { width: 1360, height: 1100 } })).newPage()
  const complaints = listenToComplaints(page)
  await page.goto(`${program.url}/sign-in?next=${next}`)
  await page.getByRole('textbox', { name: 'User' }).fill('aud')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${program.url}${next}`)
  return { page, complaints }
}

describe('an auditor', () => {
  test('says what for, finds events, verifies one in the browser, and sees the conversation as it stood', async () => {
    const { page, complaints } = await arrive('/audit')
    await page.getByRole('button', { name: 'Find events' }).click()
    await page.getByRole('alert').filter({ hasText: 'say what for' }).waitFor()
    await page.getByRole('textbox', { name: 'Purpose' }).fill('Prüfung 4711')
    await page.getByRole('textbox', { name: 'Type' }).fill('MessageSent')
    await page.getByRole('button', { name: 'Find events' }).click()
    const row = page.getByRole('row').filter({ hasText: 'MessageSent' })
    await row.waitFor()
    expect(await page.locator('#events').textContent()).not.toContain('What is RAG')

    await expect
      .poll(
        async () => {
          // Disabled while it is being verified, and gone when it is.
          const verify = row.getByRole('button', { name: /Verify/, disabled: false })
          if (await verify.count()) await verify.click({ timeout: 1_000 })
          return `${await row.textContent()} ${await page.getByRole('alert').textContent()}`
        },
        { timeout: 60_000 },
      )
      .toMatch(/✓ leaf \d+ of \d+/)

    await page.getByRole('combobox', { name: 'Search in' }).selectOption('index')
    await page.getByRole('button', { name: 'Find events' }).click()
    await page
      .getByRole('status')
      .filter({ hasText: /^1 event\. By the index: .* up to position \d+\.$/ })
      .waitFor()
    await row.waitFor()

    await page.getByRole('textbox', { name: 'Owner' }).fill('ada')
    await page.getByRole('textbox', { name: 'Conversation' }).fill('about-rag')
    await page.getByRole('button', { name: 'Show conversation' }).click()
    await page.getByText('What is RAG in AI?').first().waitFor()
    if (process.env['SCREENSHOT']) await page.screenshot({ path: process.env['SCREENSHOT'], fullPage: true })
    // What is not signed yet answers 404, and the browser says so.
    expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([])
  })

  test('is told when the role is missing', async () => {
    const { page } = await arrive('/')
    await page.goto(`${program.url}/audit`)
    await page.getByRole('alert').filter({ hasText: 'for auditors' }).waitFor()
    expect(await page.locator('#ledger').textContent()).toBe('')
  })
})
