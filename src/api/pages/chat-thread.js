/**
 * What a conversation looks like now, from the page's own messages, the history, and frames: each message once, in order.
 *
 * A message of the person: queued ─► sending ─► sent, or refused. An answer: waiting ─► writing ─► completed, failed, stopped.
 */

/** Answers in these states have ended. */
const ENDED = new Set(['completed', 'failed', 'stopped'])

export function createThread() {
  /** The person's messages, in order. */
  let asked = []
  /** Answers by turn, in the order in which they became known. */
  const answers = new Map()

  const findAsked = (messageId) => asked.find((message) => message.messageId === messageId)

  function answerOf(turnId, askedId) {
    const known = answers.get(turnId)
    if (known) {
      if (askedId !== undefined) known.askedId ??= askedId
      return known
    }
    const answer = {
      role: 'assistant',
      turnId,
      askedId,
      messageId: undefined,
      text: '',
      status: 'waiting',
      lastDelta: 0,
    }
    answers.set(turnId, answer)
    return answer
  }

  function openAnswer(turnId) {
    const answer = answerOf(turnId, asked.find((message) => message.turnId === turnId)?.messageId)
    return ENDED.has(answer.status) ? undefined : answer
  }

  function end(turnId, change) {
    const answer = openAnswer(turnId)
    if (answer) Object.assign(answer, change, { tool: undefined })
  }

  const thread = {
    /** A message the person wrote: shown at once, confirmed later. Writing the same one again changes nothing. */
    write({ messageId, text, parentMessageId }) {
      if (findAsked(messageId)) return
      asked.push({
        role: 'user',
        messageId,
        turnId: undefined,
        text,
        parentMessageId,
        status: 'queued',
        createdAt: new Date().toISOString(),
      })
    },

    markSending(messageId) {
      const message = findAsked(messageId)
      if (message && message.status !== 'sent') message.status = 'sending'
    },

    refuse(messageId, reason) {
      const message = findAsked(messageId)
      if (message && message.status !== 'sent') Object.assign(message, { status: 'refused', reason })
    },

    /** Takes a message away that was refused, so that it can be written anew. */
    withdraw(messageId) {
      asked = asked.filter((message) => message.messageId !== messageId || message.status === 'sent')
    },

    /** The history as the server tells it: the truth about everything it holds, and about its order. */
    load(rows) {
      const told = new Map()
      for (const row of rows) {
        if (row.role === 'user') told.set(row.messageId, { ...row, status: 'sent' })
        else adopt(row)
      }
      asked = [...told.values(), ...asked.filter((message) => !told.has(message.messageId))]
      for (const { turnId, messageId } of told.values()) answerOf(turnId, messageId)
    },

    /** Turns whose end is not known, with how much of them is here. */
    openTurns() {
      return [...answers.values()]
        .filter(({ status }) => !ENDED.has(status))
        .map(({ turnId, lastDelta }) => ({ turnId, lastDelta }))
    },

    isConfirmed: (messageId) => findAsked(messageId)?.status === 'sent',

    /** Applies a frame. True when it speaks of a turn whose question is not here, so that the history is worth a look. */
    apply(frame) {
      switch (frame.type) {
        case 'message.accepted': {
          const message = findAsked(frame.messageId)
          if (message) Object.assign(message, { status: 'sent', turnId: frame.turnId, reason: undefined })
          answerOf(frame.turnId, frame.messageId)
          return message === undefined
        }
        case 'message.sent':
          thread.write(frame)
          Object.assign(findAsked(frame.messageId), { status: 'sent', turnId: frame.turnId })
          answerOf(frame.turnId, frame.messageId)
          return false
        case 'response.accepted':
          answerOf(frame.turnId, answers.get(frame.previousTurnId)?.askedId)
          return false
        case 'intent.routed': {
          const answer = openAnswer(frame.turnId)
          if (answer) Object.assign(answer, { agent: frame.agent, intent: frame.intent })
          break
        }
        case 'tool.started':
        case 'tool.finished': {
          const answer = openAnswer(frame.turnId)
          if (answer) answer.tool = frame.type === 'tool.started' ? frame.tool : undefined
          break
        }
        case 'response.delta': {
          const answer = openAnswer(frame.turnId)
          if (!answer || frame.delta !== answer.lastDelta + 1) break
          Object.assign(answer, { status: 'writing', lastDelta: frame.delta, text: answer.text + frame.text })
          break
        }
        case 'response.completed':
          end(frame.turnId, {
            status: 'completed',
            text: frame.text,
            agent: frame.agent,
            messageId: frame.messageId,
            model: frame.model,
            insteadOf: frame.insteadOf,
            attachments: frame.attachments ?? [],
          })
          break
        case 'response.failed':
          end(frame.turnId, { status: 'failed', text: frame.partialText, reason: frame.message })
          break
        case 'response.stopped':
          end(frame.turnId, { status: 'stopped', text: frame.partialText })
          break
        default:
          return false
      }
      return answers.get(frame.turnId)?.askedId === undefined
    },

    /** A turn that nobody knows: its answer is no longer waited for. */
    forget(turnId) {
      const answer = answers.get(turnId)
      if (answer && !ENDED.has(answer.status)) answers.delete(turnId)
    },

    /** What was noted about the person in answers, by turn; an undone fact stays on the page, marked. */
    noteFacts(facts) {
      const byTurn = Map.groupBy(facts, ({ turnId }) => turnId)
      for (const answer of answers.values()) {
        const noted = byTurn.get(answer.turnId) ?? []
        const undone = (answer.facts ?? []).filter(({ isUndone }) => isUndone)
        if (noted.length > 0 || undone.length > 0) answer.facts = [...noted, ...undone]
      }
    },

    undoFact(turnId, factId) {
      const answer = answers.get(turnId)
      if (answer?.facts) {
        answer.facts = answer.facts.map((fact) => (fact.factId === factId ? { ...fact, isUndone: true } : fact))
      }
    },

    rate(turnId, rating) {
      const answer = answers.get(turnId)
      if (answer) answer.rating = rating
    },

    /** Everything to show: each message, followed by its answers; answers to messages not here come last. */
    items() {
      const byQuestion = Map.groupBy(answers.values(), ({ askedId }) => askedId)
      const shown = asked.flatMap((message) => [message, ...(byQuestion.get(message.messageId) ?? [])])
      const orphans = [...answers.values()].filter(({ askedId }) => !findAsked(askedId))
      return [...shown, ...orphans]
    },
  }

  function adopt(row) {
    const answer = answerOf(row.turnId, row.parentMessageId ?? undefined)
    answer.askedId = row.parentMessageId ?? answer.askedId
    Object.assign(answer, { ...row, status: row.status === 'sent' ? 'completed' : row.status, askedId: answer.askedId })
  }

  return thread
}
