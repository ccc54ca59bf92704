/** Follows one turn from its first delta to its end, at the pace of whoever reads it: what is not read yet waits in the live text. */
import { isTerminal, type LiveFact, type TerminalFact } from '../events/live-facts.ts'
import type { Uuid } from '../shared/ids.ts'
import { pause } from '../shared/waiting.ts'
import type { ApiServices } from './api-services.ts'
import { terminalFactOf } from './terminal-fact.ts'

/** Facts other than deltas that are kept until they are read: how a turn was routed, what its tools do. */
const KEPT_FACTS_MAX = 200
/** A turn of which nothing is heard is looked up again, and whoever waits for it is told that we are still here. */
const LOOK_AGAIN_MS = 10_000

export interface TurnFollowing {
  /** Every fact of the turn in order, its terminal fact last; `waiting` when there has been nothing to tell for a while. */
  readonly follow: (turnId: string, signal: AbortSignal) => AsyncGenerator<LiveFact | { readonly type: 'waiting' }>
  /** The newest turn under way. */
  readonly newestInFlight: () => string | undefined
  readonly close: () => void
}

type Parts = Pick<ApiServices, 'live' | 'queries'>

/** Listens from here on, so that nothing of a turn that is begun next is missed. */
export async function openTurnFollowing({ live, queries }: Parts, conversationId: Uuid): Promise<TurnFollowing> {
  const leave = await live.attend(conversationId)
  const kept: LiveFact[] = []
  let wake = () => {}
  const stopListening = live.listen(conversationId, (fact) => {
    if (fact.type !== 'response.delta' && !isTerminal(fact) && kept.length < KEPT_FACTS_MAX) kept.push(fact)
    wake()
  })

  return {
    async *follow(turnId, signal) {
      let lastDelta = 0
      while (!signal.aborted) {
        const woken = new AbortController()
        wake = () => woken.abort()
        const ofTurn = kept.splice(0).filter((fact) => fact.turnId === turnId)
        for (const fact of [...ofTurn, ...(await known(turnId, lastDelta))]) {
          yield fact
          if (isTerminal(fact)) return
          if (fact.type === 'response.delta') lastDelta = fact.delta
        }
        await pause(LOOK_AGAIN_MS, AbortSignal.any([woken.signal, signal]))
        if (!woken.signal.aborted) yield { type: 'waiting' }
      }
    },
    newestInFlight: () => live.inFlight(conversationId).at(-1)?.turnId,
    close() {
      stopListening()
      leave()
    },
  }

  async function known(turnId: string, lastDelta: number): Promise<readonly LiveFact[]> {
    const remembered = live.replay(conversationId, turnId, lastDelta)
    if (remembered !== undefined) return remembered
    await live.recall(conversationId, turnId)
    return live.replay(conversationId, turnId, lastDelta) ?? (await ofReadModels(turnId))
  }

  /** An old turn: nobody knows its deltas any more, so its text is one. */
  async function ofReadModels(turnId: string): Promise<readonly LiveFact[]> {
    const row = await queries.turn(conversationId, turnId)
    if (row === undefined || row.status === 'open') return []
    const terminal: TerminalFact = terminalFactOf(row)
    return row.text === '' ? [terminal] : [{ type: 'response.delta', turnId, delta: 1, text: row.text }, terminal]
  }
}
