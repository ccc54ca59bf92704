/** Looks at a log that may or may not be in use: counts it, copies it, without ever making one where there is none. */
import { readdir, readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { openDurableLog } from './storage/durable-log.ts'
import type { DurableEventLog, LogStats } from './storage/event-log.ts'
import { parseSegmentFile } from './storage/segment-header.ts'
import { StorageFault } from './storage/storage-fault.ts'

export interface BackupResult {
  readonly records: number
  readonly bytes: number
}

/** A running node, as the official clients' connection string names it, with credentials where it asks for them. */
export interface RunningNode {
  readonly connectionString: string
}

/** Throws StorageFault: `directory-in-use` while a node works on it. */
export async function logStats(directory: string): Promise<LogStats> {
  const log = await openExistingLog(directory)
  try {
    return log.stats()
  } finally {
    await log.close()
  }
}

/** Copies a log that nobody works on. Throws StorageFault: `directory-in-use`, `directory-not-empty` … */
export async function backUpLog(directory: string, target: string): Promise<BackupResult> {
  const log = await openExistingLog(directory)
  try {
    return await log.backup(path.resolve(target))
  } finally {
    await log.close()
  }
}

/** The running node refused, or could not be reached. */
export class NodeRefusal extends Error {
  override readonly name = 'NodeRefusal'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Has a running node copy its log into an empty directory of its own machine. Throws NodeRefusal. */
export function backUpNode(node: RunningNode, target: string): Promise<BackupResult> {
  const body = JSON.stringify({ directory: path.resolve(target) })
  return askNode(node, { method: 'POST', route: '/admin/backup', body })
}

/** Throws NodeRefusal. */
export async function nodeStats(node: RunningNode): Promise<ShownStats> {
  const { es } = await askNode<{ es: ShownStats }>(node, { method: 'GET', route: '/stats' })
  return es
}

export type ShownStats = Pick<LogStats, 'records' | 'streams' | 'bytes' | 'segments'>

/** A large log takes its time to copy, and nothing is said meanwhile. */
const SILENCE_MS_MAX = 60 * 60 * 1_000

interface Question {
  readonly method: 'GET' | 'POST'
  readonly route: string
  readonly body?: string
}

async function askNode<Answer>(node: RunningNode, { method, route, body }: Question): Promise<Answer> {
  const { url, options } = await addressOf(node, route)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = { 'content-type': 'application/json' }
  const asking = new Promise<{ status: number; body: string }>((resolve, reject) => {
    const asked = send(url, { ...options, method, headers, timeout: SILENCE_MS_MAX }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    asked.on('timeout', () => asked.destroy(new Error('the node does not answer')))
    asked.on('error', reject)
    asked.end(body)
  })
  const answer = await asking.catch((cause: Error) => {
    throw new NodeRefusal('node-unreachable', `the node at ${url.host} cannot be reached: ${cause.message}`)
  })
  if (answer.status === 200) return JSON.parse(answer.body) as Answer
  throw refusalOf(answer)
}

function refusalOf({ status, body }: { status: number; body: string }): NodeRefusal {
  if (status === 401 || status === 403) return new NodeRefusal('node-access-denied', `the node says: ${body}`)
  const { code = 'node-refused', message = body } = parseRefusal(body)
  return new NodeRefusal(code, message)
}

function parseRefusal(body: string): { code?: string; message?: string } {
  try {
    return JSON.parse(body) as { code?: string; message?: string }
  } catch {
    return {}
  }
}

/** The standalone node that works on a directory, if one does; what a killed one left behind is not believed. */
export async function findNode(directory: string): Promise<RunningNode | undefined> {
  const node = await readJson(path.join(directory, 'node.json'))
  const owner = await readJson(path.join(directory, 'lock-owner.json'))
  const isCurrent = node['pid'] !== undefined && node['pid'] === owner['pid']
  return isCurrent && typeof node['url'] === 'string' ? { connectionString: node['url'] } : undefined
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  } catch {
    return {}
  }
}

async function addressOf({ connectionString }: RunningNode, route: string) {
  const given = new URL(connectionString.replace(/^[\w+]+:\/\//, 'http://'))
  const isSecure = given.searchParams.get('tls') !== 'false'
  const authorityFile = given.searchParams.get('tlsCaFile')
  const url = new URL(route, `${isSecure ? 'https' : 'http'}://${given.host}`)
  const name = decodeURIComponent(given.username)
  const auth = name === '' ? undefined : `${name}:${decodeURIComponent(given.password)}`
  const ca = authorityFile === null ? undefined : await readFile(authorityFile)
  return { url, options: { ...(auth !== undefined && { auth }), ...(ca && { ca }) } }
}

async function openExistingLog(directory: string): Promise<DurableEventLog> {
  const names = await readdir(directory).catch((cause: Error) => {
    throw new StorageFault('data-directory-unusable', { directory }, { cause })
  })
  if (!names.some((name) => parseSegmentFile(name))) throw new StorageFault('directory-not-a-log', { directory })
  return openDurableLog({ directory })
}
