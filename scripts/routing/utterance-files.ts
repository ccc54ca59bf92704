/** Reads and writes the committed utterances, one JSON object a line. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentName } from '../../src/routing/intents.ts'
import type { PastMessage } from '../../src/routing/routing-decision.ts'
import { expandTemplates, type Fillers, parseFillers, type Utterance } from './template-expander.ts'

export const dataFolder = join(import.meta.dirname, '../../data/routing')

export function readUtterances(file = join(dataFolder, 'utterances.jsonl')): Utterance[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Utterance)
}

export function writeUtterances(utterances: readonly Utterance[], file = join(dataFolder, 'utterances.jsonl')): void {
  writeFileSync(file, utterances.map((utterance) => `${JSON.stringify(utterance)}\n`).join(''))
}

/** Expands every template file in order of name; slots without fillers in a language fall back to the English ones. */
export function expandAllTemplates(): Utterance[] {
  const folder = join(dataFolder, 'templates')
  const files = readdirSync(folder).sort()
  const english = parseFillers(readFileSync(join(folder, 'fillers.en.txt'), 'utf8'))
  const fillersOf = (language: string): Fillers => {
    const own = `fillers.${language}.txt`
    if (language === 'en' || !files.includes(own)) return english
    return new Map([...english, ...parseFillers(readFileSync(join(folder, own), 'utf8'))])
  }
  return files
    .filter((file) => !file.startsWith('fillers.'))
    .flatMap((file) => expandTemplates(readFileSync(join(folder, file), 'utf8'), fillersOf))
}

/** Reads `agent: text` lines: what each agent says. */
export function readAssistantTurns(): PastMessage[] {
  return readFileSync(join(dataFolder, 'assistant-turns.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('//'))
    .map((line) => {
      const colon = line.indexOf(':')
      return { role: 'assistant', agent: line.slice(0, colon) as AgentName, text: line.slice(colon + 1).trim() }
    })
}
