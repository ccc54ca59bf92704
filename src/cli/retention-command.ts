/** `emberlog privacy retention`: shows what the rules of retention are due for; applies them only when told to, and why. */
import { type Command, Option } from 'commander'
import type { Config } from '../config.ts'
import { parseRetentionRules, type RetentionRules } from '../events/retention-rules.ts'
import type { RuleFindings, RuleOutlook } from '../reactors/retention.ts'
import { Fault } from '../shared/failures.ts'
import { exitCodes } from './exit-codes.ts'
import { progressLine, say, sayJson } from './output.ts'
import { type Reached, withPrivacy } from './privacy-access.ts'
import type { RunCommand } from './run-command.ts'

interface Options {
  readonly apply?: boolean
  readonly reason?: string
  readonly rules?: string
  readonly by: string
  readonly json?: boolean
}

export function addRetentionCommand(
  privacy: Command,
  run: RunCommand,
  by: readonly [flags: string, description: string, fallback: string],
): void {
  privacy
    .command('retention')
    .description('what the rules of retention are due for; changes nothing without --apply')
    .option('--dry-run', 'only look, which is also what happens without it')
    .addOption(new Option('--apply', 'really do it: nothing brings the text back').conflicts('dryRun'))
    .option('--reason <text>', 'why; needed with --apply, goes into the record')
    .option('--rules <rules>', 'other rules than EMBERLOG_RETENTION, such as conversation=1y,deleted=30d')
    .option(...by)
    .option('--json', 'print lines of JSON')
    .action((options: Options) =>
      run((config, logger) => {
        const rules = rulesOf(config, options)
        if (options.apply === true && !options.reason?.trim()) {
          throw new Fault('argument-invalid', { '--reason': 'is needed with --apply' })
        }
        return withPrivacy(config, logger, (reached) =>
          options.apply ? apply(reached, rules, options) : look(reached, rules, options),
        )
      }),
    )
}

/** Throws `retention-rules-missing`, or `argument-invalid` for rules that cannot be read. */
function rulesOf({ EMBERLOG_RETENTION }: Config, options: Options): RetentionRules {
  if (options.rules === undefined) {
    if (EMBERLOG_RETENTION.size === 0) throw new Fault('retention-rules-missing')
    return EMBERLOG_RETENTION
  }
  const { rules, problems } = parseRetentionRules(options.rules)
  if (problems.length > 0) throw new Fault('argument-invalid', { '--rules': problems.join(' | ') })
  if (rules.size === 0) throw new Fault('retention-rules-missing')
  return rules
}

async function look({ privacy }: Reached, rules: RetentionRules, options: Options): Promise<number> {
  const found = await withProgress('found so far', (show) => privacy.retention.look(rules, show))
  if (options.json) for (const outlook of found) sayJson({ event: 'retention-due', ...spoken(outlook) })
  else {
    sayTable(['rule', 'older than', 'due', 'held', 'out of reach'], found, ({ outOfReach }) => [outOfReach])
    say('Nothing was changed. Apply the rules with --apply --reason <text>.')
    if (found.some(({ outOfReach }) => outOfReach > 0)) {
      say('Out of reach: stored before there were keys to destroy (docs/privacy.md).')
    }
  }
  return exitCodes.success
}

/** Throws `retention-busy` while another process applies rules. */
async function apply({ privacy }: Reached, rules: RetentionRules, options: Options): Promise<number> {
  const wish = { rules, requestedBy: options.by, reason: options.reason ?? '' }
  const applied = await withProgress('made unreadable', (onProgress) => privacy.retention.apply(wish, { onProgress }))
  if (applied === undefined) throw new Fault('retention-busy')
  if (options.json) for (const findings of applied) sayJson({ event: 'retention-applied', ...spoken(findings) })
  else sayTable(['rule', 'older than', 'made unreadable', 'held'], applied, () => [])
  return exitCodes.success
}

function spoken({ name, due, ...found }: RuleFindings | RuleOutlook) {
  return { rule: name, ...found, count: due }
}

const GAP = '  '

function sayTable<Found extends RuleFindings>(
  headings: readonly string[],
  found: readonly Found[],
  more: (found: Found) => readonly number[],
): void {
  const rows = found.map((each) => [
    `${each.name}=${each.ageDays}d`,
    each.until.toISOString().slice(0, 'yyyy-mm-dd'.length),
    ...[each.due, each.held, ...more(each)].map(String),
  ])
  const widths = headings.map((heading, column) =>
    Math.max(...[headings, ...rows].map((row) => (row[column] ?? heading).length)),
  )
  for (const row of [headings, ...rows]) {
    say(
      row
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join(GAP),
    )
  }
}

async function withProgress<Result>(
  what: string,
  work: (show: (count: number) => void) => Promise<Result>,
): Promise<Result> {
  const line = progressLine()
  try {
    return await work((count) => line.show(`${count} ${what}`))
  } finally {
    line.clear()
  }
}
