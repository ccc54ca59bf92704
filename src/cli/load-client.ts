/** One person who chats and reads: says something, reads it back at once, and remembers what was accepted. */
import { randomUUID } from 'node:crypto'
import { Fault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'

/** A server that asks to wait is asked again, at most so often; then the request counts as failed. */
const TRIES_MAX = 60
const RETRY_AFTER_S_DEFAULT = 1
const REQUEST_MS_MAX = 30_000
const PAGE_ROWS = 200

/** What all clients counted together. */
export interface LoadCounts {
  sent: number
  read: number
  /** Answers by status, of every try. */
  readonly statuses: Map<number, number>
  /** Requests that got no answer at all: refused or cut connections, and silence. */
  unanswered: number
  /** Requests given up after so many tries. */
  failed: number
  /** Reads that carried a position and got rows from before it, although the server said they were as new. */
  stale: number
  readonly sendMs: number[]
  readonly readMs: number[]
}

export function noCounts(): LoadCounts {
  return { sent: 0, read: 0, statuses: new Map(), unanswered: 0, failed: 0, stale: 0, sendMs: [], readMs: [] }
}

interface Answer {
  readonly status: number
  readonly position: bigint | undefined
  readonly readPosition: bigint | undefined
  readonly body: { readonly results?: readonly { readonly messageId: string }[]; readonly next?: string | null }
}

export class LoadClient {
  readonly #urls: readonly string[]
  readonly #counts: LoadCounts
  readonly #userId: string
  readonly #conversation = `load-${randomUUID()}`
  readonly #accepted: string[] = []
  readonly #tokens = new Map<string, string>()
  #turn = 0

  /** Each request goes to the next of the servers, so that one's words are read from another. */
  constructor(urls: readonly string[], userId: string, counts: LoadCounts) {
    this.#urls = urls
    this.#userId = userId
    this.#counts = counts
  }

  /** Chats and reads until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const messageId = randomUUID()
      const path = `me/conversations/${this.#conversation}/messages`
      const body = JSON.stringify({ messageId, text: `What is RAG? (${this.#accepted.length})` })
      const sent = await this.#timed('sendMs', () => this.#ask(path, { method: 'POST', body }))
      if (sent?.status !== 202) {
        await pause(1_000 * RETRY_AFTER_S_DEFAULT, signal) // Too many turns are open, say: let them end first.
        continue
      }
      this.#accepted.push(messageId)
      this.#counts.sent += 1
      await this.#readBack(path, messageId, sent.position)
      await this.#ask('me/conversations?limit=20', {})
    }
  }

  /** The accepted messages that the read models do not have. */
  async lost(): Promise<string[]> {
    const wanted = new Set(this.#accepted)
    let cursor = ''
    for (;;) {
      const page = await this.#ask(`me/conversations/${this.#conversation}/messages?limit=${PAGE_ROWS}${cursor}`, {})
      for (const { messageId } of page?.body.results ?? []) wanted.delete(messageId)
      if (typeof page?.body.next !== 'string') return [...wanted]
      cursor = `&cursor=${encodeURIComponent(page.body.next)}`
    }
  }

  async #readBack(path: string, messageId: string, position: bigint | undefined): Promise<void> {
    const headers: Record<string, string> = position === undefined ? {} : { 'x-min-position': String(position) }
    const last = Math.max(0, this.#accepted.length * 2 - PAGE_ROWS)
    if (last > 0) return // A long conversation is read in pages, at the end.
    const read = await this.#timed('readMs', () => this.#ask(`${path}?limit=${PAGE_ROWS}`, { headers }))
    if (read?.status !== 200) return
    this.#counts.read += 1
    const saysItIsThere = (read.readPosition ?? -1n) >= (position ?? 0n)
    const isThere = read.body.results?.some((row) => row.messageId === messageId) === true
    if (saysItIsThere && !isThere) this.#counts.stale += 1
  }

  async #timed(what: 'sendMs' | 'readMs', ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
    const startedAt = performance.now()
    const answer = await ask()
    this.#counts[what].push(performance.now() - startedAt)
    return answer
  }

  /** Asks again as long as the server asks to wait, or says nothing; the same request is the same wish. */
  async #ask(path: string, init: RequestInit): Promise<Answer | undefined> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      this.#turn += 1
      const url = this.#urls[this.#turn % this.#urls.length] ?? ''
      try {
        const token = await this.#tokenOf(url)
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...init.headers }
        const signal = AbortSignal.timeout(REQUEST_MS_MAX)
        const answer = await fetch(`${url}/api/v1/${path}`, { ...init, headers, signal })
        const read = await this.#readAnswer(answer)
        if (read.status !== 429 && read.status !== 503) return read
        await pause(1_000 * Number(answer.headers.get('retry-after') ?? RETRY_AFTER_S_DEFAULT))
      } catch (error) {
        if (error instanceof Fault) throw error
        this.#counts.unanswered += 1
        await pause(1_000 * RETRY_AFTER_S_DEFAULT)
      }
    }
    this.#counts.failed += 1
    return undefined
  }

  async #readAnswer(answer: Response): Promise<Answer> {
    this.#counts.statuses.set(answer.status, (this.#counts.statuses.get(answer.status) ?? 0) + 1)
    const positionIn = (name: string) => {
      const text = answer.headers.get(name)
      return text === null ? undefined : BigInt(text)
    }
    const text = await answer.text()
    const body = text === '' ? {} : JSON.parse(text)
    return {
      status: answer.status,
      position: positionIn('x-position'),
      readPosition: positionIn('x-read-position'),
      body,
    }
  }

  async #tokenOf(url: string): Promise<string> {
    const known = this.#tokens.get(url)
    if (known !== undefined) return known
    const answer = await fetch(`${url}/api/v1/auth/dev-login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: this.#userId }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
    if (answer.status === 404) throw new Fault('argument-invalid', { url, reason: 'signs nobody in (AUTH_MODE)' })
    const { accessToken } = (await answer.json()) as { accessToken?: string }
    if (accessToken === undefined) throw new Error(`not signed in: ${answer.status}`)
    this.#tokens.set(url, accessToken)
    return accessToken
  }
}
