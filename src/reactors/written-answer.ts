/** Keeps what has been written of an answer so far, so that nothing of it is lost however it ends. */
import {
  type CitationPart,
  estimateTokens,
  type ModelName,
  type ModelRequest,
  type Usage,
  type WriterPart,
} from '../agents/language-model.ts'
import type { AnswerPart, ToolFinishedPart, ToolStartedPart } from '../agents/tool-loop.ts'
import type { DataOf } from '../events/conversation-events.ts'

/** An answer is cut here, whatever its agent allows: the record has a limit for one append. */
const ANSWER_CHARACTERS_MAX = 100_000

type Completed = DataOf<'ResponseCompleted'>

export interface Written {
  readonly text: string
  readonly citations: Completed['citations']
  readonly attachments: Completed['attachments']
  /** In the order they were made; one that was cut short is among them, as `interrupted`. */
  readonly toolCalls: Completed['toolCalls']
  readonly model: ModelName
  readonly insteadOf: NonNullable<Completed['insteadOf']>
  /** As far as it is known; what was written and not counted is estimated. */
  readonly usage: Usage | undefined
  readonly firstTokenMs: number
  readonly totalMs: number
}

export interface WrittenAnswer {
  /** Takes the next part; returns the text so far when the part has added to it. */
  readonly add: (part: AnswerPart) => string | undefined
  readonly isFull: () => boolean
  readonly written: () => Written
}

export function createWrittenAnswer(request: ModelRequest, asked: ModelName, elapsedMs: () => number): WrittenAnswer {
  const startedMs = elapsedMs()
  const citations: Completed['citations'] = []
  const attachments: Completed['attachments'] = []
  const calls = new Map<number, ToolStartedPart & { readonly startedMs: number }>()
  const finished = new Map<number, ToolFinishedPart>()
  let writer: Omit<WriterPart, 'type'> = { model: { provider: asked.provider, id: asked.id }, insteadOf: [] }
  let counted: Usage | undefined
  let text = ''
  let uncountedText = ''
  let firstTokenMs: number | undefined

  function addText(more: string): string {
    firstTokenMs ??= elapsedMs() - startedMs
    text = (text + more).slice(0, ANSWER_CHARACTERS_MAX)
    uncountedText += more
    return text
  }

  function usage(): Usage | undefined {
    if (uncountedText === '') return counted
    const read = request.messages.reduce((sum, message) => sum + estimateTokens(message.text), 0)
    const inputTokens = (counted?.inputTokens ?? 0) + estimateTokens(request.agent.systemPrompt) + read
    const outputTokens = (counted?.outputTokens ?? 0) + estimateTokens(uncountedText)
    return { inputTokens, outputTokens, isEstimated: true }
  }

  return {
    add(part) {
      switch (part.type) {
        case 'text':
          return addText(part.text)
        case 'writer':
          writer = { model: part.model, insteadOf: part.insteadOf }
          break
        case 'citation':
          citations.push(recorded(part))
          break
        case 'tool-started':
          calls.set(part.number, { ...part, startedMs: elapsedMs() })
          break
        case 'tool-finished':
          finished.set(part.number, part)
          attachments.push(...part.attachments)
          break
        case 'usage':
        case 'finish':
          counted = part.usage
          uncountedText = ''
      }
      return undefined
    },
    isFull: () => text.length === ANSWER_CHARACTERS_MAX,
    written() {
      const totalMs = elapsedMs() - startedMs
      const toolCalls = [...calls.values()].map((call) => {
        const { resultBytes, tookMs, outcome } = finished.get(call.number) ?? {
          resultBytes: 0,
          tookMs: elapsedMs() - call.startedMs,
          outcome: 'interrupted',
        }
        return { name: call.tool, arguments: call.arguments, resultBytes, tookMs, outcome }
      })
      const insteadOf = [...writer.insteadOf]
      const timing = { firstTokenMs: firstTokenMs ?? totalMs, totalMs }
      return { text, citations, attachments, toolCalls, model: writer.model, insteadOf, usage: usage(), ...timing }
    },
  }
}

function recorded({ entryId, title, source }: CitationPart): Written['citations'][number] {
  return { entryId, title, source }
}
