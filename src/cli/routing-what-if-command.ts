/** `emberlog routing what-if`: recorded traffic through another router, beside a running Emberlog or alone. */
import { type Rerouting, whatIf } from '../audit/routing-what-if.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { logRangeOf } from './log-range.ts'
import { say, sayJson } from './output.ts'
import { routerOf } from './router-choice.ts'
import { withEventReader } from './server-access.ts'

export interface WhatIfOptions {
  readonly router: string
  readonly since?: string
  readonly json?: boolean
}

/** Resolves with the exit code: 0 whatever would change, for a change is what was asked about. */
export async function showWhatIf(config: Config, options: WhatIfOptions, logger: Logger): Promise<number> {
  const router = routerOf(options)
  const range = logRangeOf(options.since)
  const totals = await withEventReader(config, logger, async (reader, codec) => {
    const progress = await logProgress(reader)
    const onRerouting = (rerouting: Rerouting): void => {
      progress.clear()
      if (options.json) sayJson({ event: 'elsewhere', ...rerouting })
      else say(reroutingLine(rerouting))
    }
    const { onConsidered } = progress
    const found = await whatIf({ reader, codec, router, ...range, onRerouting, onConsidered })
    progress.clear()
    return found
  })
  if (options.json) sayJson({ event: 'totals', routerVersion: router.version, ...totals })
  else {
    const { turns, same, elsewhere, erased, unreadable, moves } = totals
    say(
      `${turns} turns with router ${router.version}: ${same} as before, ${elsewhere} elsewhere, ${erased} erased, ${unreadable} unreadable`,
    )
    for (const [move, count] of Object.entries(moves).sort(([, a], [, b]) => b - a))
      say(`${String(count).padStart(6)}  ${move}`)
  }
  return exitCodes.success
}

function reroutingLine({ turnId, occurredAt, from, to }: Rerouting): string {
  const side = ({ intent, method, confidence, routerVersion }: Rerouting['from']): string =>
    `${intent} (${method}, ${Math.round(confidence * 100)} %, ${routerVersion})`
  return `${occurredAt}  turn ${turnId}  ${side(from)} → ${side(to)}`
}
