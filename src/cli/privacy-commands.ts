/** `emberlog privacy …`: erases, exports and holds people's records, and changes the master key. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { conversationIdOf } from '../events/stream-names.ts'
import { developmentMasterKeyFile, exportFileOf } from '../main/data-directory.ts'
import { systemClock } from '../shared/clock.ts'
import { Fault, isRefusal, type Refusal } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { createLocalKeyWrapping, KEY_BYTES } from '../vault/key-wrapping.ts'
import { parseMasterKey } from '../vault/master-key.ts'
import type { Vault } from '../vault/open-vault.ts'
import { exitCodes } from './exit-codes.ts'
import { progressLine, say, sayJson } from './output.ts'
import { type Reached, withPrivacy } from './privacy-access.ts'
import { addRetentionCommand } from './retention-command.ts'
import type { RunCommand } from './run-command.ts'
import { openCommandDatabase, reachServers, unlockVault } from './server-access.ts'

interface Options {
  readonly json?: boolean
  readonly by: string
  readonly reason: string
  readonly yes?: boolean
  readonly output?: string
  readonly conversation?: string
  readonly newKeyFile?: string
}

const AS_JSON = ['--json', 'print lines of JSON'] as const
const BY = ['--by <name>', 'who decided it; goes into the record', userName()] as const
const REASON = ['--reason <text>', 'why; goes into the record'] as const

export function addPrivacyCommands(emberlog: Command, run: RunCommand): void {
  const privacy = emberlog.command('privacy').description('erase, export and hold the records of people')
  const act =
    (work: (reached: Reached, options: Options, ...args: string[]) => Promise<number>) =>
    (...given: unknown[]) => {
      const args = given.filter((each) => typeof each === 'string') as string[]
      const options = given.find((each) => typeof each === 'object') as Options
      return run((config, logger) => withPrivacy(config, logger, (reached) => work(reached, options, ...args)))
    }
  privacy
    .command('erase <owner>')
    .description('destroy the key of a person and everything made of their text; resumes what was begun')
    .requiredOption(...REASON)
    .option('--yes', 'really do it: nothing brings the text back')
    .option(...BY)
    .option(...AS_JSON)
    .action(act(erase))
  privacy
    .command('receipt <id>')
    .description('how far an erasure is, and its signed receipt')
    .option(...AS_JSON)
    .action(act(showReceipt))
  privacy
    .command('export <owner>')
    .description('everything the record holds about a person, as one ZIP archive of JSON and pages')
    .option('--output <file>', 'where to write it (default: exports/ in the data directory, which an erasure clears)')
    .option(...AS_JSON)
    .action(act(exportPerson))
  privacy
    .command('rotate-master-key')
    .description('wrap every key anew under another master key; no event is touched, and it may be repeated')
    .option(
      '--new-key-file <file>',
      'holds the new master key (default: EMBERLOG_MASTER_KEY_OTHER; development makes one)',
    )
    .option(...AS_JSON)
    .action((options: Options) => run((config, logger) => rotate(config, options, logger)))
  addHoldCommands(privacy, act)
  addRetentionCommand(privacy, run, BY)
}

type Act = (
  work: (reached: Reached, options: Options, ...args: string[]) => Promise<number>,
) => (...given: unknown[]) => Promise<void>

function addHoldCommands(privacy: Command, act: Act): void {
  const hold = privacy.command('hold').description('legal holds: what is held is neither erased nor retained away')
  hold
    .command('place <owner>')
    .description('hold all of a person’s record, or one conversation')
    .requiredOption(...REASON)
    .option('--conversation <id>', 'only this conversation, named by the owner’s own id')
    .option(...BY)
    .option(...AS_JSON)
    .action(act(placeHold))
  hold
    .command('lift <holdId>')
    .description('end a hold')
    .requiredOption(...REASON)
    .option(...BY)
    .option(...AS_JSON)
    .action(act(liftHold))
  hold
    .command('list [owner]')
    .description('the holds that stand')
    .option(...AS_JSON)
    .action(act(listHolds))
}

/** Exit code 1 when a hold stands in the way. Throws `erasure-not-confirmed` without `--yes`. */
async function erase({ privacy }: Reached, options: Options, owner = ''): Promise<number> {
  if (options.yes !== true) throw new Fault('erasure-not-confirmed', { owner })
  const wish = { receiptId: randomUUID(), person: owner, requestedBy: options.by, reason: options.reason }
  const requested = await privacy.erasure.request(wish)
  if (isRefusal(requested)) return sayRefusal(requested, options)
  const done = await privacy.erasure.finish(requested.receiptId)
  if (done === undefined) {
    say(`erasure ${requested.receiptId} is being worked on by another process`)
    return exitCodes.success
  }
  if (isRefusal(done)) return sayRefusal(done, options)
  if (options.json) sayJson(done.receipt)
  else {
    say(`erased ${owner}; receipt ${done.receiptId}`)
    for (const [what, count] of Object.entries(done.cleared)) say(`  ${what}: ${count}`)
  }
  return exitCodes.success
}

async function showReceipt({ privacy }: Reached, options: Options, receiptId = ''): Promise<number> {
  const erasure = await privacy.erasure.find(receiptId)
  if (erasure === undefined) {
    say(`there is no erasure ${receiptId}`)
    return exitCodes.foundWrong
  }
  if (options.json) sayJson(erasure.receipt ?? { receiptId, step: erasure.step })
  else say(erasure.step === 'done' ? JSON.stringify(erasure.receipt, null, 2) : `not done yet: ${erasure.step}`)
  return exitCodes.success
}

async function exportPerson({ config, privacy }: Reached, options: Options, owner = ''): Promise<number> {
  const file = path.resolve(options.output ?? exportFileOf(config.dataDirectory, owner, systemClock()))
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const growing = `${file}.part`
  try {
    await pipeline(
      Readable.from(privacy.exportOf(owner), { objectMode: false }),
      createWriteStream(growing, { mode: 0o600 }),
    )
    await rename(growing, file)
  } finally {
    await rm(growing, { force: true })
  }
  if (options.json) sayJson({ event: 'exported', owner, file })
  else say(`wrote ${file}`)
  return exitCodes.success
}

async function placeHold({ privacy }: Reached, options: Options, owner = ''): Promise<number> {
  const { by, reason, conversation } = options
  const conversationId = conversation === undefined ? null : conversationIdOf(owner, conversation)
  const hold = { holdId: randomUUID(), person: owner, conversationId, placedBy: by, reason }
  let placed = await privacy.holds.place(hold)
  if (isRefusal(placed) && placed.code === 'retention-under-way') {
    await privacy.retention.finish() // Left behind by a process that died, it would never end by itself here.
    placed = await privacy.holds.place(hold)
  }
  if (isRefusal(placed)) return sayRefusal(placed, options)
  const data = { holdId: placed.holdId, subjectId: owner, conversationId, by, reason }
  await privacy.recordAct({
    actId: `hold:${placed.holdId}`,
    event: { type: 'LegalHoldPlaced', data },
    by: { kind: 'operator', id: by },
  })
  if (options.json) sayJson({ event: 'held', ...placed })
  else say(`hold ${placed.holdId} stands`)
  return exitCodes.success
}

/** In the record first: a hold that is lifted has a reason for it. */
async function liftHold({ privacy }: Reached, options: Options, holdId = ''): Promise<number> {
  const { by, reason } = options
  const hold = await privacy.holds.find(holdId)
  if (hold === undefined) {
    say(`there is no hold ${holdId}`)
    return exitCodes.foundWrong
  }
  const data = { holdId, subjectId: hold.person, by, reason }
  await privacy.recordAct({
    actId: `lift:${holdId}`,
    event: { type: 'LegalHoldLifted', data },
    by: { kind: 'operator', id: by },
  })
  await privacy.holds.lift(holdId)
  if (options.json) sayJson({ event: 'lifted', holdId })
  else say(`hold ${holdId} is lifted`)
  return exitCodes.success
}

async function listHolds({ privacy }: Reached, options: Options, owner?: string): Promise<number> {
  for (const hold of await privacy.holds.list(owner)) {
    if (options.json) sayJson(hold)
    else {
      const what = hold.conversationId === null ? 'everything' : `conversation ${hold.conversationId}`
      say(
        `${hold.holdId}  ${hold.placedAt.toISOString()}  ${hold.person}  ${what}  by ${hold.placedBy}: ${hold.reason}`,
      )
    }
  }
  return exitCodes.success
}

/** In development the new key takes the place of the old one in the data directory, when all keys are wrapped with it. */
async function rotate(config: Config, options: Options, logger: Logger): Promise<number> {
  await using reached = new AsyncDisposableStack()
  const servers = await reachServers(config, logger, reached)
  const database = await openCommandDatabase(config, servers.databaseUrl, logger, reached)
  const { vault } = await unlockVault(config, database)
  const isMade = config.EMBERLOG_MASTER_KEY === undefined && config.EMBERLOG_MASTER_KEY_FILE === undefined
  const next = await nextMasterKey(config, options, isMade)
  const rewrapped = await rotateTo(vault, next.key)
  if (next.file !== undefined) await rename(next.file, developmentMasterKeyFile(config.dataDirectory))
  const { masterKeyId } = createLocalKeyWrapping(next.key)
  if (options.json) sayJson({ event: 'rotated', masterKeyId, rewrapped })
  else say(`${rewrapped} keys are wrapped with master key ${masterKeyId}; start servers with it from now on`)
  return exitCodes.success
}

async function rotateTo(vault: Vault, key: Buffer): Promise<number> {
  const line = progressLine()
  try {
    return await vault.rotateTo(createLocalKeyWrapping(key), (count) => line.show(`${count} keys wrapped anew`))
  } finally {
    line.clear()
  }
}

async function nextMasterKey(
  config: Config,
  options: Options,
  isMade: boolean,
): Promise<{ readonly key: Buffer; readonly file?: string }> {
  const { EMBERLOG_MASTER_KEY_OTHER: other } = config
  if (options.newKeyFile !== undefined) {
    const key = parseMasterKey(await readFile(options.newKeyFile, 'utf8'))
    if (key === undefined) throw new Fault('argument-invalid', { newKeyFile: options.newKeyFile })
    return { key }
  }
  if (other !== undefined) return { key: parseMasterKey(other) as Buffer }
  if (!isMade) throw new Fault('next-master-key-missing')
  // Kept before it is used: a rotation that is cut short is resumed with the same key.
  const file = `${developmentMasterKeyFile(config.dataDirectory)}.next`
  await writeFile(file, randomBytes(KEY_BYTES).toString('base64'), { flag: 'wx', mode: 0o600, flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    },
  )
  return { key: parseMasterKey(await readFile(file, 'utf8')) as Buffer, file }
}

function sayRefusal(refused: Refusal, options: Options): number {
  if (options.json) sayJson({ event: 'refused', code: refused.code })
  else say(`refused: ${refused.code}${refused.code === 'legal-hold' ? ' (emberlog privacy hold list)' : ''}`)
  return exitCodes.foundWrong
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'operator'
  }
}
