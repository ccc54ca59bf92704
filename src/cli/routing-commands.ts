/** `emberlog routing …`: asks routers what they would do, and why, and measures them; only reads. */
import type { Command } from 'commander'
import { explainRoute } from '../routing/explanation.ts'
import type { PastMessage } from '../routing/routing-decision.ts'
import { exitCodes } from './exit-codes.ts'
import { say, sayJson } from './output.ts'
import { type RouterChoice, routerOf } from './router-choice.ts'
import { type CorrectionsOptions, exportCorrections } from './routing-corrections-command.ts'
import { type EvaluateOptions, evaluateRouter } from './routing-evaluate-command.ts'
import { showWhatIf, type WhatIfOptions } from './routing-what-if-command.ts'
import type { RunCommand } from './run-command.ts'

const OTHER_ROUTER = ['--router <weights>', 'a file of weights, in place of those that came with the program'] as const
const SINCE = [
  '--since <time or position>',
  'from an ISO time or a position of the log on; the whole record when left out',
] as const

interface ExplainOptions extends RouterChoice {
  readonly after?: string
  readonly json?: boolean
}

export function addRoutingCommands(emberlog: Command, run: RunCommand): void {
  const routing = emberlog.command('routing').description('see how messages are routed')
  routing
    .command('explain <text>')
    .description('the decision the router would take for a message, with candidates and evidence')
    .option('--after <text>', 'what the assistant said just before')
    .option(...OTHER_ROUTER)
    .option('--json', 'print the decision as JSON')
    .action((text: string, options: ExplainOptions) => run(async () => explain(text, options)))
  routing
    .command('evaluate')
    .description('accuracy, confusion, calibration and speed on labelled utterances; the engine on public sets')
    .option('--data <file>', "labelled utterances, one JSON object a line; the project's sealed rows when left out")
    .option(...OTHER_ROUTER)
    .option('--benchmarks <folder>', 'a folder with CLINC150 and BANKING77, for the check of the engine')
    .option('--no-engine', 'leave the check of the engine out')
    .option('--accuracy-min <share>', 'exit code 1 when the accuracy is below this share, 0 to 1')
    .option('--json', 'print all figures as one JSON object')
    .action((options: EvaluateOptions) => run(() => evaluateRouter(options)))
  routing
    .command('what-if')
    .description('every recorded turn that another router would give to somebody else; writes nothing')
    .requiredOption('--router <weights>', 'the file of weights to try')
    .option(...SINCE)
    .option('--json', 'print lines of JSON')
    .action((options: WhatIfOptions) => run((config, logger) => showWhatIf(config, options, logger)))
  routing
    .command('corrections')
    .description('what people corrected, as labelled rows to train on')
    .option(...SINCE)
    .option('--out <file>', 'write there; to standard output when left out')
    .option('--json', 'print the totals as JSON')
    .action((options: CorrectionsOptions) => run((config, logger) => exportCorrections(config, options, logger)))
}

function explain(text: string, options: ExplainOptions): number {
  const router = routerOf(options)
  const history: PastMessage[] = options.after === undefined ? [] : [{ role: 'assistant', text: options.after }]
  const startedAt = performance.now()
  const decision = router.route({ text, history })
  const tookMs = performance.now() - startedAt
  if (options.json) sayJson({ ...decision, tookMs })
  else for (const line of explainRoute(decision, tookMs)) say(line)
  return exitCodes.success
}
