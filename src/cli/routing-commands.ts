/** `emberlog routing …`: asks the router what it would do, and why; nothing is recorded and no server is needed. */
import type { Command } from 'commander'
import { explainRoute } from '../routing/explanation.ts'
import { createRouter } from '../routing/router.ts'
import { loadRouterModel } from '../routing/router-weights.ts'
import { exitCodes } from './exit-codes.ts'
import { say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'

interface ExplainOptions {
  readonly json?: boolean
}

export function addRoutingCommands(emberlog: Command, run: RunCommand): void {
  const routing = emberlog.command('routing').description('see how messages are routed')
  routing
    .command('explain <text>')
    .description('the decision the router would take for a message, with candidates and evidence')
    .option('--json', 'print the decision as JSON')
    .action((text: string, options: ExplainOptions) => run(async () => explain(text, options)))
}

function explain(text: string, options: ExplainOptions): number {
  const router = createRouter(loadRouterModel(new URL('../routing/router-weights.json', import.meta.url)))
  const decision = router.route({ text })
  if (options.json) sayJson(decision)
  else for (const line of explainRoute(decision)) say(line)
  return exitCodes.success
}
