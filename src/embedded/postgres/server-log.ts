/** Carries what the server writes to stderr into the program's log, without any text that came from a client. */
import { StringDecoder } from 'node:string_decoder'

type LogLine = (fields: Record<string, unknown>, message: string) => void

/** What this folder needs of a logger: fields first, then a short sentence. */
export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

export interface ServerLog {
  /** Takes the next bytes of the server's stderr. */
  push(chunk: Buffer): void
  /** The last lines that were kept, oldest first, at most `keptLinesMax`. */
  readonly lines: readonly string[]
  /** The last complaint that ends a server (FATAL or PANIC), without its prefix. */
  lastFatal(): string | undefined
}

/** Starts every line with the kind of process that wrote it; `parseLine` relies on it. */
export const logLinePrefix = '%b|'

const clientProcesses = new Set(['client backend', 'parallel worker'])
const keptLinesMax = 40
const lineLengthMax = 2_000

export function createServerLog(logger: Logger): ServerLog {
  const decoder = new StringDecoder('utf8')
  const lines: string[] = []
  let rest = ''
  const take = (line: string) => {
    if (line.trim() === '' || isClientText(line)) return
    lines.push(line)
    if (lines.length > keptLinesMax) lines.shift()
    forward(line, logger)
  }
  return {
    lines,
    push(chunk) {
      const parts = (rest + decoder.write(chunk)).split('\n')
      rest = (parts.pop() ?? '').slice(0, lineLengthMax)
      for (const part of parts) take(part.slice(0, lineLengthMax))
    },
    lastFatal() {
      const line = lines.findLast((candidate) => /(FATAL|PANIC): {2}/.test(candidate))
      return line?.replace(/^.*?(FATAL|PANIC): {2}/, '')
    },
  }
}

interface ParsedLine {
  readonly process: string
  readonly severity: string
  readonly message: string
}

function parseLine(line: string): ParsedLine | undefined {
  const match = /^([^|]*)\|([A-Z]+\d?): {2}(.*)$/.exec(line)
  return match === null ? undefined : { process: match[1]!, severity: match[2]!, message: match[3]! }
}

/** The client gets its errors itself, and they may quote what a person wrote; a tab starts the rest of such a message. */
function isClientText(line: string): boolean {
  if (line.startsWith('\t')) return true
  const parsed = parseLine(line)
  if (parsed === undefined || !clientProcesses.has(parsed.process)) return false
  return !['LOG', 'FATAL', 'PANIC'].includes(parsed.severity)
}

function forward(line: string, logger: Logger): void {
  const parsed = parseLine(line)
  const fields = parsed ?? { message: line } // The program loader complains in its own form.
  logger[parsed === undefined ? 'warn' : levelOf(parsed)]({ server: fields }, 'embedded postgres said')
}

function levelOf({ process, severity, message }: ParsedLine): keyof Logger {
  // A clean stop ends every open connection this way; and a client that comes too early is told to wait.
  if (message.startsWith('terminating ') || message.startsWith('the database system is ')) return 'debug'
  if (severity === 'LOG' || severity === 'NOTICE' || severity === 'INFO') return 'debug'
  if (severity === 'PANIC') return 'error'
  return process === 'postmaster' && severity === 'FATAL' ? 'error' : 'warn'
}
