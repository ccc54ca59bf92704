/** The chat sockets open in this process: counted per person, kept alive, and closed together when the time has come. */
import type { WebSocket } from 'ws'
import type { ApiLimits } from './api-limits.ts'
import type { ApiMetrics } from './api-metrics.ts'
import type { Person } from './person.ts'

/** Why a socket was closed; the numbers are part of the contract (1xxx: RFC 6455 and its registry). */
export const closeCodes = {
  notAcceptable: 1008,
  ourMistake: 1011,
  restarting: 1012,
  tryAgain: 1013,
  notSignedIn: 4401,
  notAllowed: 4403,
  limits: 4429,
} as const

export interface OpenSockets {
  /** False when the person has as many as allowed. The socket leaves by itself when it closes. */
  readonly add: (socket: WebSocket, person: Person) => boolean
  /** Closes the sockets of sessions that have ended. */
  readonly closeEnded: (isEnded: (person: Person) => boolean) => void
  readonly isStopping: () => boolean
  /** Closes all with 1012; resolves when they are gone, at the latest after the grace. */
  readonly stop: () => Promise<void>
}

export interface OpenSocketsParts {
  readonly limits: Pick<ApiLimits, 'socketsPerPersonMax' | 'heartbeatIntervalMs' | 'closeGraceMs'>
  readonly metrics: Pick<ApiMetrics, 'socketsOpen' | 'socketsClosed'>
}

interface OpenSocket {
  readonly person: Person
  isAlive: boolean
}

export function createOpenSockets({ limits, metrics }: OpenSocketsParts): OpenSockets {
  const open = new Map<WebSocket, OpenSocket>()
  const countOf = new Map<string, number>()
  let isStopping = false
  let onEmpty: (() => void) | undefined

  const heartbeat = setInterval(() => {
    for (const [socket, state] of open) {
      // A peer that did not answer the last ping is gone, whatever its connection says.
      if (!state.isAlive) socket.terminate()
      state.isAlive = false
      socket.ping()
    }
  }, limits.heartbeatIntervalMs)
  heartbeat.unref()

  function remove(socket: WebSocket, code: number): void {
    const state = open.get(socket)
    if (state === undefined) return
    open.delete(socket)
    const count = (countOf.get(state.person.ownerId) ?? 1) - 1
    if (count === 0) countOf.delete(state.person.ownerId)
    else countOf.set(state.person.ownerId, count)
    metrics.socketsOpen.set(open.size)
    metrics.socketsClosed.inc({ code: String(code) })
    if (open.size === 0) onEmpty?.()
  }

  return {
    add(socket, person) {
      const count = countOf.get(person.ownerId) ?? 0
      if (count >= limits.socketsPerPersonMax) return false
      const state = { person, isAlive: true }
      open.set(socket, state)
      countOf.set(person.ownerId, count + 1)
      metrics.socketsOpen.set(open.size)
      socket.on('pong', () => {
        state.isAlive = true
      })
      socket.on('close', (code) => remove(socket, code))
      return true
    },
    closeEnded(isEnded) {
      for (const [socket, { person }] of open) {
        if (isEnded(person)) socket.close(closeCodes.notSignedIn, 'signed out')
      }
    },
    isStopping: () => isStopping,
    async stop() {
      isStopping = true
      clearInterval(heartbeat)
      if (open.size === 0) return
      const gone = new Promise<void>((resolve) => {
        onEmpty = resolve
      })
      for (const socket of open.keys()) socket.close(closeCodes.restarting, 'restarting')
      const cut = setTimeout(() => {
        for (const socket of open.keys()) socket.terminate()
      }, limits.closeGraceMs)
      await gone
      clearTimeout(cut)
    },
  }
}
