/** `emberlog chat "…"`: sends one message, streams the answer, and lists the events that the turn left in the record. */
import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { replay, replayLine } from '../audit/stream-replay.ts'
import type { Config } from '../config.ts'
import { conversationIdOf, conversationStream } from '../events/stream-names.ts'
import { startEmberlog } from '../main.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { openEventStoreDb } from '../store/eventstoredb-store.ts'
import { exitCodes } from './exit-codes.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { findRunningServer } from './running-server.ts'
import { openCommandDatabase, type ReachedServers, unlockVault } from './server-access.ts'

/** An answer that takes longer than this is not waited for. */
const ANSWER_MS_MAX = 180_000

export function addChatCommand(emberlog: Command, run: RunCommand): void {
  emberlog
    .command('chat <text>')
    .description('send one message, stream the answer, and list the events that the turn left in the record')
    .option('--user <id>', 'who sends it', 'me')
    .option('--conversation <id>', 'the conversation to go on with (default: a new one)')
    .option('--url <url>', 'a running server (default: the one on the data directory, or one started for this message)')
    .option('--json', 'print every frame and event as a line of JSON')
    .action((text: string, options: ChatOptions) => run((config, logger) => chatOnce(config, text, options, logger)))
}

interface ChatOptions {
  readonly user: string
  readonly conversation?: string
  readonly url?: string
  readonly json?: boolean
}

/** Resolves with the exit code: 1 when the turn failed, was stopped, or the message was refused. */
async function chatOnce(config: Config, text: string, options: ChatOptions, logger: Logger): Promise<number> {
  const conversation = options.conversation ?? `cli-${randomUUID()}`
  const server = await reachServer(config, options.url, logger)
  try {
    const token = await signIn(server.url, options.user)
    const turn = holdTurn(server.url, token, conversation, text, options.json === true)
    const ending = await Promise.race([turn, server.failed])
    const stream = conversationStream(conversationIdOf(options.user, conversation))
    const of = { stream, turnId: ending.turnId, isJson: options.json === true }
    if (server.servers !== undefined) await listEvents(config, server.servers, of, logger)
    return ending.isAnswered ? exitCodes.success : exitCodes.foundWrong
  } finally {
    await server.leave()
  }
}

interface ReachedServer {
  readonly url: string
  /** Undefined when only the server's address is known. */
  readonly servers: ReachedServers | undefined
  /** Rejects when the server was started for this message and cannot go on. */
  readonly failed: Promise<never>
  readonly leave: () => Promise<void>
}

async function reachServer(config: Config, url: string | undefined, logger: Logger): Promise<ReachedServer> {
  const found = await findRunningServer(config.dataDirectory)
  const somebodyElses = { failed: new Promise<never>(() => {}), leave: async () => {} }
  if (url !== undefined) return { url, servers: found?.url === url ? found : undefined, ...somebodyElses }
  if (found !== undefined) return { url: found.url, servers: found, ...somebodyElses }
  complain('no server runs on this data directory, starting one for this message')
  const started = await startEmberlog({ ...config, PORT: 0 }, { logger })
  const failed = started.failed.then((fault) => Promise.reject(fault))
  failed.catch(() => {}) // Asked for only while a turn is held.
  return { url: started.url, servers: started, failed, leave: started.stop }
}

async function post(url: string, body: unknown, token?: string): Promise<Record<string, unknown>> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch((cause: unknown) => {
    throw new Fault('server-unreachable', { url }, { cause })
  })
  const said = (await answer.json().catch(() => ({}))) as Record<string, unknown>
  if (!answer.ok)
    throw new Fault('server-refused', { url, status: answer.status, code: said['code'], detail: said['detail'] })
  return said
}

async function signIn(url: string, userId: string): Promise<string> {
  const { accessToken } = await post(`${url}/api/v1/auth/dev-login`, { userId })
  const { connectionToken } = await post(`${url}/api/v1/auth/ws-connection-token`, {}, String(accessToken))
  return String(connectionToken)
}

interface TurnEnding {
  readonly turnId: string | undefined
  readonly isAnswered: boolean
}

type Frame = { readonly type: string } & Record<string, unknown>

function holdTurn(
  url: string,
  token: string,
  conversation: string,
  text: string,
  isJson: boolean,
): Promise<TurnEnding> {
  const address = `${url.replace(/^http/, 'ws')}/ws/chat/${encodeURIComponent(conversation)}?token=${encodeURIComponent(token)}`
  const socket = new WebSocket(address)
  const messageId = randomUUID()
  let turnId: string | undefined
  return new Promise<TurnEnding>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Fault('answer-too-late', { waitedMs: ANSWER_MS_MAX })), ANSWER_MS_MAX)
    const end = (isAnswered: boolean) => {
      clearTimeout(timer)
      resolve({ turnId, isAnswered })
    }
    socket.addEventListener('close', ({ code, reason }) => {
      clearTimeout(timer)
      reject(new Fault('socket-closed', { code, reason }))
    })
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      if (isJson) sayJson(frame)
      else show(frame)
      if (frame.type === 'connected') socket.send(JSON.stringify({ type: 'message.send', messageId, text }))
      if (frame.type === 'message.accepted' && frame['messageId'] === messageId) turnId = String(frame['turnId'])
      if (frame.type === 'message.refused') end(false)
      const isMine = turnId !== undefined && frame['turnId'] === turnId
      if (isMine && frame.type === 'response.completed') end(true)
      if (isMine && (frame.type === 'response.failed' || frame.type === 'response.stopped')) end(false)
    })
  }).finally(() => socket.close())
}

function show(frame: Frame): void {
  switch (frame.type) {
    case 'intent.routed': {
      const confidence = Math.round(Number(frame['confidence']) * 100)
      say(`[${frame['agent']} · ${frame['intent']} · ${frame['method']} ${confidence} %]`)
      break
    }
    case 'response.delta':
      process.stdout.write(String(frame['text']))
      break
    case 'response.completed':
      say('')
      break
    case 'response.stopped':
      say('\n(stopped)')
      break
    case 'response.failed':
    case 'message.refused':
    case 'error':
      complain(`${frame.type}: ${frame['code']} ${frame['message'] ?? ''}`.trim())
      break
  }
}

async function listEvents(
  config: Config,
  servers: ReachedServers,
  {
    stream,
    turnId,
    isJson,
  }: { readonly stream: string; readonly turnId: string | undefined; readonly isJson: boolean },
  logger: Logger,
): Promise<void> {
  if (turnId === undefined) return
  await using opened = new AsyncDisposableStack()
  const store = openEventStoreDb({ connectionString: servers.eventStoreUrl, logger })
  opened.defer(store.close)
  const { codec } = await unlockVault(config, await openCommandDatabase(config, servers.databaseUrl, logger, opened))
  if (!isJson) say(`\nThe events of this turn, in ${stream}:`)
  for await (const event of replay({ reader: store, codec }, { stream })) {
    const isOfTurn = (event.metadata as { $correlationId?: unknown }).$correlationId === turnId
    if (isOfTurn) isJson ? sayJson(event) : say(replayLine(event))
  }
}
