/** Keeps a socket to one conversation open: comes back after losses with a fresh token, until told to stop. */
import { call } from './rest-client.js'

const CONNECT_MS_MAX = 10_000
const RETRY_MS_MIN = 300
const RETRY_MS_MAX = 5_000
const PING_MS = 20_000
const PONG_MS_MAX = 4_000

/** Close codes after which coming back is pointless: the page says why instead. */
const FINAL_CODES = new Set([1008, 4403])

// connecting ─► open ─► waiting (grows to RETRY_MS_MAX) ─► connecting …
//      └──────────┴──► closed (signed out, not allowed, told to stop)

/**
 * `handlers`: onFrame(frame), onState('connecting' | 'open' | 'waiting' | 'closed'), onSignedOut(), onRefused(words).
 * The state is `open` once `connected` has come; that frame is passed on, too.
 */
export function openConnection(conversationId, handlers) {
  let socket
  let tries = 0
  let attempt = 0
  let isStopped = false
  let retryTimer
  let pingTimer
  let pongTimer
  let lastError

  void connect()

  async function connect() {
    clearTimeout(retryTimer)
    attempt += 1
    const thisAttempt = attempt
    handlers.onState('connecting')
    try {
      const { data } = await call('POST', '/auth/ws-connection-token', { body: {} })
      if (isStopped || attempt !== thisAttempt) return
      listen(new WebSocket(addressOf(conversationId, data.connectionToken)))
    } catch (problem) {
      if (isStopped || attempt !== thisAttempt) return
      if (problem.status === 401) stopAs(handlers.onSignedOut)
      else retry(problem.retryAfterMs)
    }
  }

  function listen(opened) {
    socket = opened
    lastError = undefined
    const connectTimer = setTimeout(() => opened.close(), CONNECT_MS_MAX)
    opened.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data)
      clearTimeout(pongTimer)
      if (frame.type === 'connected') {
        clearTimeout(connectTimer)
        tries = 0
        handlers.onState('open')
      }
      if (frame.type === 'error') lastError = frame
      schedulePing()
      handlers.onFrame(frame)
    })
    opened.addEventListener('close', ({ code }) => {
      clearTimeout(connectTimer)
      clearTimeout(pingTimer)
      clearTimeout(pongTimer)
      if (socket !== opened) return
      socket = undefined
      if (isStopped) return
      if (code === 4401) stopAs(handlers.onSignedOut)
      else if (FINAL_CODES.has(code))
        stopAs(() => handlers.onRefused(lastError?.message ?? 'This conversation cannot be opened.'))
      else retry(code === 4429 ? lastError?.retryAfterMs : undefined)
    })
  }

  function retry(afterMs) {
    handlers.onState('waiting')
    const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** tries)
    tries += 1
    clearTimeout(retryTimer)
    // Spread, so that a restarted server is not met by everybody at once.
    retryTimer = setTimeout(connect, Math.max(afterMs ?? 0, delayMs * (0.75 + Math.random() / 2)))
  }

  function schedulePing() {
    clearTimeout(pingTimer)
    pingTimer = setTimeout(probe, PING_MS)
  }

  /** A connection that does not answer is dropped, whatever the browser believes about it. */
  function probe() {
    if (socket?.readyState !== WebSocket.OPEN) return
    socket.send('{"type":"ping"}')
    clearTimeout(pongTimer)
    const probed = socket
    pongTimer = setTimeout(() => drop(probed), PONG_MS_MAX)
  }

  /** The closing handshake of a dead connection takes long: it is left behind. */
  function drop(dead) {
    if (socket !== dead) return
    socket = undefined
    dead.close()
    retry()
  }

  function stopAs(tell) {
    close()
    tell()
  }

  const onOnline = () => {
    if (isStopped) return
    tries = 0
    if (socket === undefined) void connect()
    else probe()
  }
  addEventListener('online', onOnline)
  addEventListener('offline', probe)

  function close() {
    isStopped = true
    clearTimeout(retryTimer)
    clearTimeout(pingTimer)
    clearTimeout(pongTimer)
    removeEventListener('online', onOnline)
    removeEventListener('offline', probe)
    socket?.close()
    handlers.onState('closed')
  }

  return {
    /** False when there is no open socket; nothing is queued here. */
    send(frame) {
      if (socket?.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify(frame))
      return true
    },
    probe,
    close,
  }
}

function addressOf(conversationId, token) {
  const address = new URL(`/ws/chat/${encodeURIComponent(conversationId)}`, location.href)
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  address.searchParams.set('token', token)
  return address
}
