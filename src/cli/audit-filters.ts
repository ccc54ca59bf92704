/** How commands say which events they mean, and how their times and positions are read. */
import type { Command } from 'commander'
import type { AsOf } from '../audit/conversation-as-of.ts'
import type { EventFilter } from '../audit/event-selection.ts'
import { conversationIdOf, conversationStream } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import { type Position, parsePosition } from '../shared/ids.ts'

export interface FilterOptions {
  readonly owner?: string
  readonly from?: string
  readonly to?: string
  readonly after?: string
  readonly type?: string
  readonly actor?: string
  readonly correlation?: string
}

export function withFilterOptions(command: Command): Command {
  return command
    .option('--owner <id>', "take <stream> as this person's own conversation id")
    .option('--from <time>', 'taken in by the store at this time or later')
    .option('--to <time>', 'taken in before this time')
    .option('--after <position>', 'after this position of the log')
    .option('--type <type>', 'only events of this type, such as MessageSent')
    .option('--actor <id>', 'only of this actor: an id, or kind:id')
    .option('--correlation <id>', 'only of this turn or request')
}

/** Throws `argument-invalid` for a time or position that is none. */
export function filterOf(stream: string | undefined, options: FilterOptions): EventFilter {
  const { owner, from, to, after, type, actor, correlation } = options
  const name =
    stream !== undefined && owner !== undefined ? conversationStream(conversationIdOf(owner, stream)) : stream
  return {
    ...(name !== undefined && { stream: name }),
    ...(from !== undefined && { from: timeOf('from', from) }),
    ...(to !== undefined && { to: timeOf('to', to) }),
    ...(after !== undefined && { after: positionOf('after', after) }),
    ...(type !== undefined && { type }),
    ...(actor !== undefined && { actor }),
    ...(correlation !== undefined && { correlationId: correlation }),
  }
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** A date (its beginning, UTC) or a time with its offset. */
export function timeOf(option: string, text: string): Date {
  const time = new Date(text)
  if (!INSTANT.test(text) || Number.isNaN(time.getTime())) {
    throw new Fault('argument-invalid', {
      [option]: text,
      reason: 'is no date, and no time such as 2026-11-23T19:00:00Z',
    })
  }
  return time
}

export function positionOf(option: string, text: string): Position {
  const position = parsePosition(text)
  if (position === undefined) throw new Fault('argument-invalid', { [option]: text, reason: 'is no position' })
  return position
}

export function asOfOf(text: string | undefined): AsOf {
  if (text === undefined) return 'now'
  const position = parsePosition(text)
  return position === undefined ? { time: timeOf('at', text) } : { position }
}
