/** A small client of the outer contract, as a person's program would have it: signs in, sends, waits for frames, reads. */
import { randomUUID } from 'node:crypto'

export type Frame = { readonly type: string } & Record<string, unknown>

/** A wait for a frame that takes longer fails the test. */
const FRAME_MS_MAX = 20_000

export interface Person {
  readonly userId: string
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>
  readonly send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  readonly open: (conversation: string) => Promise<ChatSocket>
  readonly connectionToken: () => Promise<string>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, field by field
  readonly body: any
}

export interface ChatSocket {
  readonly frames: readonly Frame[]
  readonly isOpen: () => boolean
  readonly closed: Promise<{ readonly code: number }>
  readonly write: (frame: unknown) => void
  /** The first frame, past or future, that fits. Rejects when the socket closes or time runs out. */
  readonly frame: (fits: (frame: Frame) => boolean) => Promise<Frame>
  /** Sends a message and waits for its acceptance. */
  readonly say: (
    text: string,
    messageId?: string,
  ) => Promise<{ readonly messageId: string; readonly turnId: string; readonly position: string }>
  /** Waits for the terminal frame of a turn. */
  readonly ending: (turnId: string) => Promise<Frame>
  readonly close: () => void
}

const terminalTypes = ['response.completed', 'response.failed', 'response.stopped']

export const isEndingOf = (turnId: string) => (frame: Frame) =>
  frame['turnId'] === turnId && terminalTypes.includes(frame.type)

/** All deltas of a turn that a socket was sent, put together. */
export function textOfDeltas(frames: readonly Frame[], turnId: string): string {
  return frames
    .filter((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
    .map((frame) => frame['text'])
    .join('')
}

/** Whether a socket was sent every delta of a turn once and in order, together the text of its answer, and one end. */
export function isWhole({ frames }: ChatSocket, turnId: string): boolean {
  const deltas = frames.filter((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
  const [ending, ...more] = frames.filter(isEndingOf(turnId))
  const isNumbered = deltas.every((frame, index) => frame['delta'] === index + 1)
  return (
    isNumbered &&
    more.length === 0 &&
    ending?.type === 'response.completed' &&
    textOfDeltas(frames, turnId) === ending['text']
  )
}

export async function signIn(url: string, userId: string, roles?: readonly string[]): Promise<Person> {
  const request = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const contentType: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${url}${path}`, { method, headers: { ...contentType, ...headers }, ...init })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') === true
    return { status: answer.status, headers: answer.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
  }
  const login = await request('POST', '/api/v1/auth/dev-login', roles === undefined ? { userId } : { userId, roles })
  if (login.status !== 200) throw new Error(`sign-in failed: ${login.status} ${JSON.stringify(login.body)}`)
  const authorization = { authorization: `Bearer ${login.body.accessToken}` }
  const connectionToken = async () => {
    const answer = await request('POST', '/api/v1/auth/ws-connection-token', {}, authorization)
    if (answer.status !== 200) throw new Error(`no connection token: ${answer.status}`)
    return String(answer.body.connectionToken)
  }
  return {
    userId,
    get: (path, headers) => request('GET', path, undefined, { ...authorization, ...headers }),
    send: (method, path, body, headers) => request(method, path, body, { ...authorization, ...headers }),
    connectionToken,
    async open(conversation) {
      const token = await connectionToken()
      const address = `${url.replace('http', 'ws')}/ws/chat/${encodeURIComponent(conversation)}?token=${encodeURIComponent(token)}`
      const socket = openSocket(new WebSocket(address))
      await socket.frame((frame) => frame.type === 'connected')
      return socket
    },
  }
}

function openSocket(socket: WebSocket): ChatSocket {
  const frames: Frame[] = []
  const waiting = new Set<(frame: Frame) => void>()
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<{ code: number }>()
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame
    frames.push(frame)
    for (const look of [...waiting]) look(frame)
  })
  socket.addEventListener('close', ({ code }) => onClosed({ code }))
  socket.addEventListener('error', () => {})

  const frame = (fits: (frame: Frame) => boolean): Promise<Frame> => {
    const past = frames.find(fits)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer)
        waiting.delete(look)
      }
      const look = (next: Frame) => {
        if (!fits(next)) return
        done()
        resolve(next)
      }
      const fail = (why: string) => {
        done()
        reject(new Error(`${why}; frames so far: ${frames.map(({ type }) => type).join(' ')}`))
      }
      const timer = setTimeout(() => fail('no such frame in time'), FRAME_MS_MAX)
      waiting.add(look)
      void closed.then(({ code }) => fail(`socket closed with ${code}`))
    })
  }

  return {
    frames,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    closed,
    frame,
    write: (value) => socket.send(typeof value === 'string' ? value : JSON.stringify(value)),
    async say(text, messageId = randomUUID()) {
      socket.send(JSON.stringify({ type: 'message.send', messageId, text }))
      const answer = await frame(
        ({ type, messageId: id }) => id === messageId && (type === 'message.accepted' || type === 'message.refused'),
      )
      if (answer.type === 'message.refused') throw new Error(`refused: ${answer['code']}`)
      return { messageId, turnId: String(answer['turnId']), position: String(answer['position']) }
    },
    ending: (turnId) => frame(isEndingOf(turnId)),
    close: () => socket.close(),
  }
}
