/** Models for tests that follow a script, and what a meter has counted of them. */

import { agentFor } from '../../src/agents/agent-catalogue.ts'
import type { LanguageModel, ModelPart, ModelRequest } from '../../src/agents/language-model.ts'
import type { ModelMeter } from '../../src/agents/model-meter.ts'
import { Fault } from '../../src/shared/failures.ts'

export const text = (words: string): ModelPart => ({ type: 'text', text: words })
export const finish: ModelPart = { type: 'finish', finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 2 } }

/** What happens at one question: parts are handed out, a code is thrown as a fault. */
export type Step = ModelPart | string | Error

export interface ScriptedModel extends LanguageModel {
  readonly asked: readonly ModelRequest[]
}

/** Follows one list of steps for each question, the last for all that follow. */
export function scripted(id: string, ...scripts: readonly (readonly Step[])[]): ScriptedModel {
  const asked: ModelRequest[] = []
  return {
    provider: 'test',
    id,
    asked,
    async *stream(request, signal) {
      const steps = scripts[Math.min(asked.length, scripts.length - 1)] ?? []
      asked.push(request)
      for (const step of steps) {
        signal.throwIfAborted()
        if (typeof step === 'string') throw new Fault(step)
        if (step instanceof Error) throw step
        yield step
      }
    },
  }
}

/** Never says a word. */
export function silent(id: string): ScriptedModel {
  const asked: ModelRequest[] = []
  return {
    provider: 'test',
    id,
    asked,
    async *stream(request, signal) {
      asked.push(request)
      signal.throwIfAborted()
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
}

export const question: ModelRequest = {
  agent: agentFor('learning'),
  messages: [{ role: 'user', text: 'What is RAG?' }],
}

export async function readAll(model: LanguageModel, request = question, signal = new AbortController().signal) {
  const parts: ModelPart[] = []
  let failure: unknown
  try {
    for await (const part of model.stream(request, signal)) parts.push(part)
  } catch (error) {
    failure = error
  }
  const words = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  return { parts, words, code: failure instanceof Fault ? failure.code : undefined, failure }
}

/** Notes what it is told, as lines. */
export function createNotes() {
  const lines: string[] = []
  const meter: ModelMeter = {
    called: ({ id }) => lines.push(`${id} called`),
    firstToken: ({ id }) => lines.push(`${id} begins`),
    answered: ({ id }, { outputTokens }) => lines.push(`${id} answered ${outputTokens}`),
    failed: ({ id }, code) => lines.push(`${id} failed: ${code}`),
    retried: ({ id }) => lines.push(`${id} retried`),
    fellBack: (from, to, code) => lines.push(`${from.id} -> ${to.id}: ${code}`),
    breakerIs: ({ id }, state) => lines.push(`${id} is ${state}`),
  }
  return { lines, meter }
}
