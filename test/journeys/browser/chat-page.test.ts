import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answersOf,
  ask,
  endedAnswersOf,
  messagesOf,
  openBrowser,
  questionsOf,
  signInAtPage,
} from '../../support/browser.ts'
import { makeDataDirectory, type Program, startProgram } from '../../support/program.ts'

let browser: Browser
let program: Program
let data: Awaited<ReturnType<typeof makeDataDirectory>>

beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '15', EMBERLOG_MESSAGES_PER_MINUTE_MAX: '1000' })
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await program?.stop()
  await data?.remove()
})

const arrive = (path = '/', userId = `person ${randomUUID()}`) =>
  signInAtPage(browser, { url: program.url, userId, path })

/** What is left when the marks of Markdown are not counted. */
const lettersOf = (text: string | null | undefined) => (text ?? '').replaceAll(/[^\p{L}\p{N}]/gu, '')

describe('a newcomer', () => {
  test('signs in, asks a suggested question, watches the answer grow, and finds it again after a reload', async () => {
    const { page, complaints } = await arrive()
    await page.getByRole('button', { name: 'What is RAG in AI?' }).click()
    const answer = answersOf(page).first()
    await page.locator('article[data-role=assistant][aria-busy=true]').filter({ hasText: /\w/ }).waitFor()
    const early = (await answer.locator('.message-text').textContent()) ?? ''
    await endedAnswersOf(page).first().waitFor()
    const whole = (await answer.locator('.message-text').textContent()) ?? ''
    expect(whole.length).toBeGreaterThan(early.length)
    expect(whole).toMatch(/[Rr]etrieval/)
    expect(await answer.textContent()).toContain('Answered by learning')
    expect(page.url()).toMatch(/\/c\/[0-9a-f-]{36}$/)

    await page.reload()
    await endedAnswersOf(page).first().waitFor()
    expect(await messagesOf(page).count()).toBe(2)
    expect(await answersOf(page).first().locator('.message-text').textContent()).toBe(whole)
    expect(await page.getByRole('list', { name: 'Conversations' }).getByRole('link').allTextContents()).toMatchObject([
      expect.stringContaining('What is RAG in AI?'),
    ])
    expect(complaints).toEqual([])
  })

  test('comes back from signing in to the page that was asked for', async () => {
    const { page } = await arrive('/c/a-named-conversation')
    expect(new URL(page.url()).pathname).toBe('/c/a-named-conversation')
    await ask(page, 'hello')
    await endedAnswersOf(page).first().waitFor()
    expect(new URL(page.url()).pathname).toBe('/c/a-named-conversation')
  })

  test('may be faster than the page: what is typed and clicked before its scripts are there is not lost', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const { promise: loaded, resolve: load } = Promise.withResolvers<void>()
    await context.route('**/assets/*.js', (route) => loaded.then(() => route.continue()))
    await page.goto(`${program.url}/sign-in?next=/c/fast`, { waitUntil: 'commit' })
    await page.getByRole('textbox', { name: 'User' }).fill('fast')
    await page.keyboard.press('Enter')
    const clicked = page.getByRole('button', { name: 'Sign in' }).click()
    load()
    await clicked
    await page.waitForURL(`${program.url}/c/fast`)
    const { promise: loadedAgain, resolve: loadAgain } = Promise.withResolvers<void>()
    await context.unroute('**/assets/*.js')
    await context.route('**/assets/*.js', (route) => loadedAgain.then(() => route.continue()))
    await page.reload({ waitUntil: 'commit' })
    await page.getByRole('textbox', { name: 'Message' }).fill('hello')
    const sent = page.getByRole('button', { name: 'Send' }).click()
    loadAgain()
    await sent
    await endedAnswersOf(page).first().waitFor()
    expect(await questionsOf(page).locator('.message-text').allTextContents()).toEqual(['hello'])
  })

  test('is never led to another site by signing in', async () => {
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${program.url}/sign-in?next=//evil.example/x`)
    await page.getByRole('textbox', { name: 'User' }).fill('ada')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${program.url}/`)
    expect(new URL(page.url()).origin).toBe(program.url)
  })
})

describe('an answer', () => {
  test('goes on after a reload in its middle, and is whole', async () => {
    const { page } = await arrive()
    await ask(page, 'Explain embeddings with an example')
    await page.locator('article[data-role=assistant][aria-busy=true]').filter({ hasText: /\w{4}/ }).waitFor()
    await page.reload()
    await endedAnswersOf(page).first().waitFor()
    const path = new URL(page.url()).pathname
    const shown = await answersOf(page).first().locator('.message-text').textContent()
    const history = await page.request.get(`${program.url}/api/v1/me/conversations/${path.split('/').at(-1)}/messages`)
    const { results } = (await history.json()) as { results: { text: string }[] }
    expect(results).toHaveLength(2)
    expect(await messagesOf(page).count()).toBe(2)
    expect(lettersOf(shown)).toBe(lettersOf(results[1]?.text))
  })

  test('can be stopped; what was written stays, also after a reload', async () => {
    const { page } = await arrive()
    await ask(page, 'What is a transformer model?')
    await page.locator('article[data-role=assistant][aria-busy=true]').filter({ hasText: /\w{4}/ }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    const stopped = page.locator('article[data-status=stopped]')
    await stopped.waitFor()
    expect(await stopped.textContent()).toContain('Stopped.')
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(false)
    const written = await stopped.locator('.message-text').textContent()
    expect(written).not.toBe('')
    await page.reload()
    await stopped.waitFor()
    expect(await stopped.locator('.message-text').textContent()).toBe(written)
  })

  test('says why it came from there: candidates and evidence', async () => {
    const { page } = await arrive()
    await ask(page, 'What is RAG in AI?')
    await endedAnswersOf(page).first().waitFor()
    await page.getByRole('button', { name: 'Why' }).click()
    const dialog = page.getByRole('dialog', { name: 'Why this answer came from here' })
    await dialog.getByText('Candidates').waitFor()
    expect(await dialog.textContent()).toMatch(/taken as learning and answered by learning/)
    expect(await dialog.getByRole('meter').count()).toBeGreaterThan(1)
    expect(await dialog.locator('.evidence li').count()).toBeGreaterThan(0)
    await page.keyboard.press('Escape')
    expect(await dialog.isVisible()).toBe(false)
  })

  test('can be asked for again, rated and copied', async () => {
    const { page, context } = await arrive()
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await ask(page, 'What is RAG in AI?')
    await endedAnswersOf(page).first().waitFor()
    await page.getByRole('button', { name: 'Good answer' }).click()
    await page.getByRole('button', { name: 'Good answer', pressed: true }).waitFor()
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByRole('status').filter({ hasText: 'Copied.' }).waitFor()
    await page.getByRole('button', { name: 'Answer again' }).click()
    await endedAnswersOf(page).nth(1).waitFor()
    await page.reload()
    await endedAnswersOf(page).nth(1).waitFor()
    expect(await questionsOf(page).count()).toBe(1)
    expect(await answersOf(page).count()).toBe(2)
    expect(await page.getByRole('button', { name: 'Good answer', pressed: true }).count()).toBe(1)
  })
})

describe('messages', () => {
  test('sent one after the other are each answered once, below their question', async () => {
    const { page } = await arrive()
    const questions = ['What is RAG in AI?', 'What are tokens?', 'What is fine-tuning?']
    for (const question of questions) await ask(page, question)
    await endedAnswersOf(page).nth(2).waitFor()
    expect(
      await messagesOf(page).evaluateAll((articles) =>
        articles.map((article) => (article as unknown as { dataset: { role: string } }).dataset.role),
      ),
    ).toEqual(['user', 'assistant', 'user', 'assistant', 'user', 'assistant'])
    expect(await questionsOf(page).locator('.message-text').allTextContents()).toEqual(questions)
  })

  test.each([
    ['a script', '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'],
    ['emoji', '👩‍👩‍👧‍👦 says hi 🏳️‍🌈'],
    ['right-to-left text', 'מה זה RAG؟'],
    ['lines and spaces', 'a\n\n  b\tc'],
    ['Markdown, as it was typed', '**not bold** [x](javascript:window.hacked=1)'],
  ])('of %s are shown exactly as written, and do nothing', async (_name, text) => {
    const { page, complaints } = await arrive()
    await ask(page, text)
    await endedAnswersOf(page).first().waitFor()
    for (const moment of ['at once', 'after a reload']) {
      if (moment === 'after a reload') {
        await page.reload()
        await endedAnswersOf(page).first().waitFor()
      }
      expect(await questionsOf(page).locator('.message-text').textContent(), moment).toBe(text)
      expect(await page.evaluate('window.hacked'), moment).toBeUndefined()
      expect(await page.locator('[role=log] :is(script, img, iframe, [onerror])').count(), moment).toBe(0)
    }
    expect(complaints).toEqual([])
  })

  test('that are blank are not sent', async () => {
    const { page } = await arrive()
    await ask(page, '  \n ')
    await page.getByRole('button', { name: 'Send' }).click()
    expect(await messagesOf(page).count()).toBe(0)
    await page.getByRole('textbox', { name: 'Message' }).fill('hello')
    await page.keyboard.press('Enter')
    await endedAnswersOf(page).first().waitFor()
    expect(await messagesOf(page).count()).toBe(2)
  })

  test('that are too long say so and stay in the box; those too long for a frame arrive all the same', async () => {
    const { page } = await arrive()
    await ask(page, 'x'.repeat(20_001))
    expect(await page.getByRole('alert').textContent()).toContain('at most 20,000 characters')
    expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toHaveLength(20_001)
    await ask(page, '语'.repeat(20_000))
    await endedAnswersOf(page).first().waitFor()
    expect(await questionsOf(page).count()).toBe(1)
  })

  test('that are not sent yet survive a reload as a draft', async () => {
    const { page } = await arrive()
    await page.getByRole('textbox', { name: 'Message' }).fill('half a thou')
    await page.reload()
    expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('half a thou')
  })
})

describe('two tabs of one person', () => {
  test('show the same conversation at the same time', async () => {
    const { page, context } = await arrive('/c/shared')
    const other = await context.newPage()
    await other.goto(`${program.url}/c/shared`)
    await other.getByRole('status').filter({ hasText: 'Connected' }).waitFor({ state: 'attached' })
    await ask(page, 'What is RAG in AI?')
    await endedAnswersOf(other).first().waitFor()
    await endedAnswersOf(page).first().waitFor()
    expect(await messagesOf(other).allTextContents()).toHaveLength(2)
    expect(await answersOf(other).locator('.message-text').textContent()).toBe(
      await answersOf(page).locator('.message-text').textContent(),
    )
  })

  test('are both signed out when one signs out', async () => {
    const { page, context } = await arrive()
    const other = await context.newPage()
    await other.goto(program.url)
    await other.getByRole('status').filter({ hasText: 'Connected' }).waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await Promise.all([page.waitForURL(/\/sign-in/), other.waitForURL(/\/sign-in/)])
    expect(await (await context.request.get(`${program.url}/api/v1/me/conversations`)).status()).toBe(401)
  })
})

describe('the list of conversations', () => {
  test('shows the newest first, and takes renaming, archiving, deleting, and second thoughts', async () => {
    const { page } = await arrive()
    for (const question of ['What are tokens?', 'What is fine-tuning?']) {
      await page.getByRole('button', { name: 'New conversation' }).click()
      await ask(page, question)
      await endedAnswersOf(page).first().waitFor()
    }
    const links = page.getByRole('list', { name: 'Conversations' }).getByRole('link')
    const titles = async () => (await links.locator('.conversation-title').allTextContents()).join(' | ')
    await expect.poll(titles).toBe('What is fine-tuning? | What are tokens?')

    await page.getByLabel('Actions for What are tokens?').click()
    await page
      .getByRole('button', { name: 'Rename' })
      .first()
      .or(page.locator('details[open] button', { hasText: 'Rename' }))
      .last()
      .click()
    await page.getByRole('textbox', { name: 'Title' }).fill('About tokens')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(titles).toContain('About tokens')

    await page.getByLabel('Actions for What is fine-tuning?').click()
    await page.locator('details[open] button', { hasText: 'Delete' }).click()
    await expect.poll(titles).toBe('About tokens')
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(titles).toContain('What is fine-tuning?')

    await page.getByLabel('Actions for About tokens').click()
    await page.locator('details[open] button', { hasText: 'Archive' }).click()
    await expect.poll(titles).toBe('What is fine-tuning?')
    await page.getByRole('button', { name: 'Archived' }).click()
    await expect.poll(titles).toBe('About tokens')
    await links.first().click()
    await questionsOf(page).filter({ hasText: 'What are tokens?' }).waitFor()
  })

  test('belongs to its person alone', async () => {
    const { page } = await arrive('/c/ember-chat-1')
    await ask(page, 'a secret of mine')
    await endedAnswersOf(page).first().waitFor()
    const { page: foreign } = await arrive('/c/ember-chat-1')
    await foreign.getByRole('heading', { name: 'What would you like to know?' }).waitFor()
    expect(await foreign.getByRole('list', { name: 'Conversations' }).getByRole('link').count()).toBe(0)
    expect(await foreign.content()).not.toContain('a secret of mine')
  })

  test('is left as a file by the export', async () => {
    const { page } = await arrive()
    await ask(page, 'What is RAG in AI?')
    await endedAnswersOf(page).first().waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export' }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/^conversation-.*\.md$/)
    expect(await readFile(await download.path(), 'utf8')).toContain('What is RAG in AI?')
  })
})

describe('people who use the keyboard and a screen reader', () => {
  test('find every part by its role and name', async () => {
    const { page } = await arrive()
    for (const [role, name] of [
      ['textbox', 'Message'],
      ['button', 'Send'],
      ['list', 'Conversations'],
      ['button', 'New conversation'],
      ['log', 'Messages'],
    ] as const) {
      expect(await page.getByRole(role, { name, exact: true }).count(), `${role} ${name}`).toBe(1)
    }
    expect(await page.getByRole('alert').count()).toBe(1)
    await ask(page, 'What is RAG in AI?')
    await page.getByRole('button', { name: 'Stop', exact: true }).waitFor()
    const answer = endedAnswersOf(page).first()
    await answer.waitFor()
    for (const article of await messagesOf(page).all()) {
      expect(await article.getAttribute('data-message-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(await article.getAttribute('data-turn-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
    await page.getByRole('textbox', { name: 'Message' }).focus()
    await page.keyboard.type('What are tokens?')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('In short.')
    await page.keyboard.press('Enter')
    await endedAnswersOf(page).nth(1).waitFor()
    expect(await questionsOf(page).nth(1).locator('.message-text').textContent()).toBe('What are tokens?\nIn short.')
  })

  test('on a narrow screen reach the list through its button', async () => {
    const { page } = await signInAtPage(browser, {
      url: program.url,
      userId: 'narrow',
      options: { viewport: { width: 390, height: 800 } },
    })
    expect(await page.getByRole('button', { name: 'New conversation' }).isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Open the list of conversations' }).click()
    await page.getByRole('button', { name: 'New conversation' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'New conversation' }).waitFor({ state: 'hidden' })
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  })
})

describe('a connection that is lost', () => {
  test('comes back by itself; what was written meanwhile is kept, also over a reload, and sent once', async () => {
    const { page, context } = await arrive()
    await ask(page, 'What is RAG in AI?')
    await endedAnswersOf(page).first().waitFor()
    // Only what the page fetches is cut off: the page itself can still be loaded, as from a cache.
    let isCut = true
    await context.route('**/api/v1/auth/ws-connection-token', (route) => (isCut ? route.abort() : route.continue()))
    await page.reload()
    await page.getByRole('status').filter({ hasText: 'Not connected' }).waitFor()
    await ask(page, 'What are tokens?')
    await page.getByText('Waiting to be sent').waitFor()
    await page.reload()
    await page.getByText('Waiting to be sent').waitFor()
    isCut = false
    await endedAnswersOf(page).nth(1).waitFor()
    expect(await questionsOf(page).locator('.message-text').allTextContents()).toEqual([
      'What is RAG in AI?',
      'What are tokens?',
    ])
    expect(await answersOf(page).count()).toBe(2)
  })

  test('because the program was killed in the middle of an answer costs nothing once it runs again', async () => {
    const own = await makeDataDirectory()
    const before = await startProgram(own.directory, { LLM_DELTA_DELAY_MS: '40' })
    const { page } = await signInAtPage(browser, { url: before.url, userId: 'ada' })
    await ask(page, 'What is RAG in AI?')
    await page.locator('article[data-role=assistant][aria-busy=true]').filter({ hasText: /\w{4}/ }).waitFor()
    await before.killAll()
    await page.getByRole('status').filter({ hasText: 'Not connected' }).waitFor()
    await ask(page, 'What are tokens?')
    const after = await startProgram(own.directory, { LLM_DELTA_DELAY_MS: '1', PORT: new URL(before.url).port })
    try {
      await endedAnswersOf(page).nth(1).waitFor({ timeout: 60_000 })
      expect(await questionsOf(page).locator('.message-text').allTextContents()).toEqual([
        'What is RAG in AI?',
        'What are tokens?',
      ])
      await page.reload()
      await endedAnswersOf(page).nth(1).waitFor()
      expect(await messagesOf(page).count()).toBe(4)
    } finally {
      await page.context().close()
      await after.stop()
      await own.remove()
    }
  })
})

describe('the pages of the API', () => {
  test('list every route and every error', async () => {
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${program.url}/docs`)
    await page.getByText('/api/v1/me/conversations/{conversationId}/messages').first().waitFor()
    await page.goto(`${program.url}/docs/errors#text-blank`)
    await page.getByText('The message is empty.').waitFor()
    expect(await page.locator('.error-entry').count()).toBeGreaterThan(30)
  })
})
