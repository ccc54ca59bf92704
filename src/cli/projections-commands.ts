/** `emberlog projections …`: looks after the read models, beside a running Emberlog or alone. */
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { dropGeneration, rollBackTo } from '../projections/generation-acts.ts'
import { listGenerations } from '../projections/generations.ts'
import type { ActBy } from '../projections/operator-acts.ts'
import {
  discardParkedEvent,
  listParkedStreams,
  type ReleaseOutcome,
  retryParkedEvents,
  showParkedEvents,
} from '../projections/parked-events.ts'
import { type RebuildProgress, rebuildProjections } from '../projections/rebuild.ts'
import { Fault } from '../shared/failures.ts'
import { parsePosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { progressBar, progressLine, say, sayJson } from './output.ts'
import { withReadSide } from './read-side.ts'
import type { RunCommand } from './run-command.ts'

const AS_JSON = ['--json', 'print lines of JSON'] as const
/** Who it was goes into the record with the act. */
const BY = ['--by <name>', 'who decided it', userName()] as const

export function addProjectionsCommands(emberlog: Command, run: RunCommand): void {
  const projections = emberlog.command('projections').description('look after the read models')
  projections
    .command('rebuild')
    .description('build the read models anew from the record, beside the live ones, and take them into use')
    .option('--force', 'take them into use even if they differ without a known reason')
    .option(...BY)
    .option('--json', 'print progress and result as lines of JSON')
    .action((options: RebuildOptions) => run((config, logger) => rebuild(config, options, logger)))
  projections
    .command('list')
    .description('the generations of read models there are: the live one, and older or unfinished ones')
    .option(...AS_JSON)
    .action((options: OutputOptions) => run((config, logger) => listAllGenerations(config, options, logger)))
  projections
    .command('roll-back <generation>')
    .description('lead readers back to an earlier generation that is still fed')
    .option(...BY)
    .option(...AS_JSON)
    .action((number: string, options: ActOptions) => run((config, logger) => rollBack(config, number, options, logger)))
  projections
    .command('drop <generation>')
    .description('remove a generation that nobody reads')
    .option(...BY)
    .option(...AS_JSON)
    .action((number: string, options: ActOptions) => run((config, logger) => drop(config, number, options, logger)))

  const parked = projections
    .command('parked')
    .description('events that could not become rows, and what waits behind them')
  parked
    .command('list')
    .description('the streams that wait; exit code 1 when there are any')
    .option(...AS_JSON)
    .action((options: OutputOptions) => run((config, logger) => listParked(config, options, logger)))
  parked
    .command('show <stream>')
    .description('the parked events of a stream, with the reason')
    .option(...AS_JSON)
    .action((stream: string, options: OutputOptions) =>
      run((config, logger) => showParked(config, stream, options, logger)),
    )
  parked
    .command('retry <stream>')
    .description('handle the parked events of a stream again')
    .option(...BY)
    .option(...AS_JSON)
    .action((stream: string, options: ActOptions) =>
      run((config, logger) => retryParked(config, stream, options, logger)),
    )
  parked
    .command('discard <stream> <position>')
    .description('leave the first parked event of a stream out of the read models for good; the record keeps it')
    .option('--reason <text>', 'why, for those who read the record later', '')
    .option(...BY)
    .option('--yes', 'confirm')
    .option(...AS_JSON)
    .action((stream: string, position: string, options: DiscardOptions) =>
      run((config, logger) => discardParked(config, stream, position, options, logger)),
    )
}

interface OutputOptions {
  readonly json?: boolean
}

interface ActOptions extends OutputOptions {
  readonly by: string
}

const byOf = ({ by }: ActOptions): ActBy => ({ kind: 'operator', id: by })
const BY_CHARACTERS_MAX = 256
const REASON_CHARACTERS_MAX = 2_000

/** Throws `argument-invalid`: what cannot be written into the record must not be done either. */
function checkActOptions({ by, reason = '' }: ActOptions & { readonly reason?: string }): void {
  if (by.trim() === '' || by.length > BY_CHARACTERS_MAX) throw new Fault('argument-invalid', { by })
  if (reason.length > REASON_CHARACTERS_MAX)
    throw new Fault('argument-invalid', { reason: `${reason.length} characters` })
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'operator' // An account without a name, as in some containers.
  }
}

interface RebuildOptions extends ActOptions {
  readonly force?: boolean
}

/** Resolves with the exit code; a difference that nothing explains is thrown as `generation-differs`. */
async function rebuild(config: Config, options: RebuildOptions, logger: Logger): Promise<number> {
  checkActOptions(options)
  return await withReadSide(config, logger, async ({ database, reader, codec }) => {
    const line = progressLine(options)
    const onProgress = (progress: RebuildProgress) =>
      options.json ? sayJson({ event: 'progress', ...progress }) : line.show(progressText(progress))
    const isForced = options.force === true
    const by = byOf(options)
    const act = { database, reader, codec, logger, onProgress, isForced, by }
    const result = await rebuildProjections(act)
    line.clear()
    const { digest: _digest, ...shown } = result
    if (options.json) {
      sayJson({ event: 'rebuilt', ...shown })
      return exitCodes.success
    }
    const perS = Math.round((result.events * 1000) / Math.max(1, result.tookMs))
    say(`rebuilt ${result.events} events in ${(result.tookMs / 1000).toFixed(1)} s (${perS} events/s)`)
    say(`generation ${result.generation} is live in place of ${result.replaced}`)
    say(`read models that differ: ${result.differing.join(', ') || 'none'}`)
    return exitCodes.success
  })
}

function listAllGenerations(config: Config, options: OutputOptions, logger: Logger): Promise<number> {
  return withReadSide(config, logger, async ({ database }) => {
    for (const generation of await listGenerations(database.queries)) {
      const { number, state, projectorsVersion, position, eventCount, createdAt } = generation
      if (options.json) sayJson(plain(generation))
      else {
        const made = createdAt.toISOString()
        say(
          `${String(number).padStart(4)}  ${state.padEnd(8)}  version ${projectorsVersion}  ${eventCount} events to position ${position}  made ${made}`,
        )
      }
    }
    return exitCodes.success
  })
}

async function rollBack(config: Config, number: string, options: ActOptions, logger: Logger): Promise<number> {
  checkActOptions(options)
  const wanted = generationNumber(number)
  return await withReadSide(config, logger, async ({ database, reader }) => {
    const generation = await rollBackTo({ database, reader, logger, generation: wanted, by: byOf(options) })
    if (options.json) sayJson({ event: 'rolled-back', generation: generation.number })
    else say(`generation ${generation.number} is live again`)
    return exitCodes.success
  })
}

async function drop(config: Config, number: string, options: ActOptions, logger: Logger): Promise<number> {
  checkActOptions(options)
  const unwanted = generationNumber(number)
  return await withReadSide(config, logger, async ({ database }) => {
    await dropGeneration({ database, logger, generation: unwanted, by: byOf(options) })
    if (options.json) sayJson({ event: 'dropped', generation: Number(number) })
    else say(`generation ${number} is dropped`)
    return exitCodes.success
  })
}

/** Resolves with 1 when something is parked: a script can ask. */
function listParked(config: Config, options: OutputOptions, logger: Logger): Promise<number> {
  return withReadSide(config, logger, async ({ database }) => {
    const streams = await listParkedStreams(database)
    for (const parked of streams) {
      if (options.json) sayJson(plain(parked))
      else
        say(
          `${parked.stream}  ${parked.events} events from position ${parked.firstPosition} (${parked.firstType}): ${parked.reason}`,
        )
    }
    if (streams.length === 0 && !options.json) say('nothing is parked')
    return streams.length === 0 ? exitCodes.success : exitCodes.foundWrong
  })
}

function showParked(config: Config, stream: string, options: OutputOptions, logger: Logger): Promise<number> {
  return withReadSide(config, logger, async ({ database }) => {
    const events = await showParkedEvents(database, stream)
    for (const event of events) {
      if (options.json) sayJson(plain(event))
      else
        say(
          `${String(event.revision).padStart(4)}  position ${event.position}  ${event.type}  ${event.isFirst ? event.reason : 'waits'}`,
        )
    }
    if (events.length === 0) throw new Fault('not-parked', { stream })
    return exitCodes.success
  })
}

async function retryParked(config: Config, stream: string, options: ActOptions, logger: Logger): Promise<number> {
  checkActOptions(options)
  return await withReadSide(config, logger, async ({ database, reader, codec }) => {
    const act = { database, reader, codec, logger, stream, by: byOf(options) }
    return sayReleased(await retryParkedEvents(act), options)
  })
}

interface DiscardOptions extends ActOptions {
  readonly yes?: boolean
  readonly reason: string
}

/** Leaves an event out of the read models for good, so it wants to be confirmed: throws `discard-not-confirmed` without `--yes`. */
async function discardParked(
  config: Config,
  stream: string,
  position: string,
  options: DiscardOptions,
  logger: Logger,
): Promise<number> {
  checkActOptions(options)
  const parsed = parsePosition(position)
  if (parsed === undefined) throw new Fault('argument-invalid', { position })
  if (options.yes !== true) throw new Fault('discard-not-confirmed', { stream, position })
  return await withReadSide(config, logger, async ({ database, reader, codec }) => {
    const parts = { database, reader, codec, logger }
    const act = { ...parts, stream, position: parsed, by: byOf(options), reason: options.reason }
    return sayReleased(await discardParkedEvent(act), options)
  })
}

function sayReleased(outcomes: readonly ReleaseOutcome[], options: OutputOptions): number {
  for (const outcome of outcomes) {
    const { generation, released, remaining, reason } = outcome
    const why = reason === undefined ? '' : `: ${reason}`
    if (options.json) sayJson({ event: 'released', ...outcome })
    else say(`generation ${generation}: ${released} events handled, ${remaining} still parked${why}`)
  }
  return outcomes.some(({ remaining }) => remaining > 0) ? exitCodes.foundWrong : exitCodes.success
}

function generationNumber(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new Fault('argument-invalid', { generation: text })
  return number
}

/** Positions and counts are 64 bit: in JSON they are decimal strings. */
function plain(row: object): unknown {
  return JSON.parse(JSON.stringify(row, (_name, value) => (typeof value === 'bigint' ? String(value) : value)))
}

function progressText({ step, events, eventsTotal, eventsPerS, remainingS }: RebuildProgress): string {
  const left = remainingS === undefined ? '' : `, ${Math.ceil(remainingS)} s left`
  return `${step} ${progressBar(events, eventsTotal)}  ${events} events, ${Math.round(eventsPerS)}/s${left}`
}
