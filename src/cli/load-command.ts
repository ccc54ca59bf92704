/** `emberlog load`: many people chat and read at the same time; says what they were answered, how fast, and whether anything is lost. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { Fault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'
import { exitCodes } from './exit-codes.ts'
import { LoadClient, type LoadCounts, noCounts } from './load-client.ts'
import { progressLine, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { findRunningServer } from './running-server.ts'

const CLIENTS_MAX = 10_000
const SECONDS_MAX = 86_400
const PROGRESS_MS = 1_000
/** Before messages are counted as lost, the read models have this long to come up to them. */
const SETTLE_MS_MAX = 60_000
const SETTLE_AGAIN_MS = 1_000

export function addLoadCommand(emberlog: Command, run: RunCommand): void {
  emberlog
    .command('load')
    .description(
      'let many people chat and read at the same time; exit code 1 when an answer is 500 or a message is lost',
    )
    .option('--clients <number>', 'people at the same time', '50')
    .option('--seconds <number>', 'how long they go on', '30')
    .option('--url <list>', 'servers, separated by commas (default: the one on the data directory); they take turns')
    .option('--json', 'print the figures as a line of JSON')
    .action((options: LoadOptions) => run((config) => load(config, options)))
}

interface LoadOptions {
  readonly clients: string
  readonly seconds: string
  readonly url?: string
  readonly json?: boolean
}

async function load(config: Config, options: LoadOptions): Promise<number> {
  const clientCount = wholeNumber('clients', options.clients, CLIENTS_MAX)
  const seconds = wholeNumber('seconds', options.seconds, SECONDS_MAX)
  const urls = await serversOf(config, options.url)
  const counts = noCounts()
  const ending = new AbortController()
  const run = Date.now().toString(36)
  const clients = Array.from(
    { length: clientCount },
    (_, index) => new LoadClient(urls, `load-${run}-${index}`, counts),
  )
  const line = progressLine()
  const startedAt = performance.now()
  const shown = setInterval(() => line.show(progressText(counts, startedAt, seconds)), PROGRESS_MS)
  const stop = setTimeout(() => ending.abort(), seconds * 1_000)
  try {
    await Promise.all(clients.map((client) => client.run(ending.signal)))
  } finally {
    clearInterval(shown)
    clearTimeout(stop)
    ending.abort()
    line.clear()
  }
  const tookS = (performance.now() - startedAt) / 1_000
  return report(counts, { clients: clientCount, tookS, lost: await countLost(clients) }, options.json === true)
}

/** Asks until nothing is missing any more, or the time for that is over. */
async function countLost(clients: readonly LoadClient[]): Promise<number> {
  const deadline = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const lost = (await Promise.all(clients.map((client) => client.lost()))).flat()
    if (lost.length === 0 || performance.now() > deadline) return lost.length
    await pause(SETTLE_AGAIN_MS)
  }
}

interface Outcome {
  readonly clients: number
  readonly tookS: number
  readonly lost: number
}

function report(counts: LoadCounts, { clients, tookS, lost }: Outcome, isJson: boolean): number {
  const statuses = Object.fromEntries([...counts.statuses].sort(([a], [b]) => a - b))
  const { sent, read, unanswered, failed, stale } = counts
  const times = { sendMs: percentiles(counts.sendMs), readMs: percentiles(counts.readMs) }
  if (isJson) {
    sayJson({ event: 'loaded', clients, tookS, sent, read, statuses, unanswered, failed, stale, lost, ...times })
  } else {
    say(
      `${clients} clients for ${tookS.toFixed(1)} s: ${sent} messages (${(sent / tookS).toFixed(1)}/s), ${read} read back`,
    )
    say(
      `answers: ${Object.entries(statuses)
        .map(([status, count]) => `${status} × ${count}`)
        .join(', ')}`,
    )
    say(
      `send p50 ${times.sendMs.p50} ms, p99 ${times.sendMs.p99} ms; read p50 ${times.readMs.p50} ms, p99 ${times.readMs.p99} ms`,
    )
    say(`without an answer ${unanswered}, given up ${failed}, stale reads ${stale}, lost messages ${lost}`)
  }
  const hasFailed = [...counts.statuses.keys()].some((status) => status >= 500 && status !== 503)
  return hasFailed || failed > 0 || stale > 0 || lost > 0 ? exitCodes.foundWrong : exitCodes.success
}

function percentiles(samples: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}

async function serversOf(config: Config, list: string | undefined): Promise<string[]> {
  const urls = (list ?? '').split(',').map((url) => url.trim().replace(/\/+$/, ''))
  if (list !== undefined) {
    for (const url of urls) if (!URL.canParse(url)) throw new Fault('argument-invalid', { url })
    return urls
  }
  const running = await findRunningServer(config.dataDirectory)
  if (running === undefined) throw new Fault('argument-invalid', { url: 'no server runs on this data directory' })
  return [running.url]
}

function wholeNumber(name: string, text: string, max: number): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > max)
    throw new Fault('argument-invalid', { [name]: text, max })
  return number
}

function progressText({ sent, read, unanswered, statuses }: LoadCounts, startedAt: number, seconds: number): string {
  const passed = Math.round((performance.now() - startedAt) / 1_000)
  return `${passed} of ${seconds} s: ${sent} sent, ${read} read, ${statuses.get(503) ?? 0} asked to wait, ${unanswered} without an answer`
}
