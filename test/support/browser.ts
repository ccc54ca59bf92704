/** A real browser for journeys: the system's Chromium, driven by playwright-core, with pages that must not complain. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

/** Nothing but the page under test talks to anybody. */
const QUIET = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
]

/** Throws with what to do when there is no browser; CHROMIUM_PATH names one elsewhere. */
export function openBrowser(): Promise<Browser> {
  const executablePath = [process.env['CHROMIUM_PATH'] ?? '', ...PLACES].find(
    (place) => place !== '' && existsSync(place),
  )
  if (executablePath === undefined) {
    throw new Error(
      'No Chromium found. Install one (Debian, Ubuntu: apt-get install -y chromium) or set CHROMIUM_PATH.',
    )
  }
  return chromium.launch({ executablePath, args: QUIET })
}

export interface PersonAtPage {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained of: script errors, and refused content. */
  readonly complaints: string[]
}

/** Opens a page, signs in there, and arrives where the address leads. */
export async function signInAtPage(
  browser: Browser,
  {
    url,
    userId,
    path = '/',
    options = {},
  }: { url: string; userId: string; path?: string; options?: BrowserContextOptions },
): Promise<PersonAtPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints = listenToComplaints(page)
  await page.goto(`${url}${path}`)
  await page.getByRole('textbox', { name: 'User' }).fill(userId)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${url}${path}`)
  await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor({ state: 'attached' })
  return { page, context, complaints }
}

export function listenToComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // A lost connection is part of some journeys; the browser reports it whatever the page does.
    if (
      message.type() === 'error' &&
      !/ERR_INTERNET_DISCONNECTED|WebSocket connection|ERR_CONNECTION/.test(message.text())
    ) {
      complaints.push(message.text())
    }
  })
  return complaints
}

export const messagesOf = (page: Page) => page.getByRole('log', { name: 'Messages' }).getByRole('article')
export const answersOf = (page: Page) => page.locator('[role=log] article[data-role=assistant]')
export const questionsOf = (page: Page) => page.locator('[role=log] article[data-role=user]')
export const endedAnswersOf = (page: Page) => page.locator('[role=log] article[data-role=assistant][aria-busy=false]')

export async function ask(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}
