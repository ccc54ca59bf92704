/** `emberlog audit …`: what an auditor reads, always from the record itself and never with a way to write to it. */
import type { Command } from 'commander'
import { addBundleCommands } from './audit-bundle-commands.ts'
import { addCompareCommand } from './audit-compare-command.ts'
import { addExchangeCommands } from './audit-exchange-commands.ts'
import { addReplayCommand } from './audit-replay-command.ts'
import { addReportCommand } from './audit-report-command.ts'
import { addVerifyCommand } from './audit-verify-command.ts'
import type { RunCommand } from './run-command.ts'

export function addAuditCommands(emberlog: Command, run: RunCommand): void {
  const audit = emberlog.command('audit').description('read the record itself; never changes it')
  addReplayCommand(audit, run)
  addExchangeCommands(audit, run)
  addVerifyCommand(audit, run)
  addCompareCommand(audit, run)
  addBundleCommands(audit, run)
  addReportCommand(audit, run)
}
