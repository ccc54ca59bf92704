/** How a command gets what it needs: the configuration and a logger; what its work resolves with is the exit code. */
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'

export type RunCommand = (
  work: (config: Config, logger: Logger) => Promise<number>,
  options?: { readonly isServer?: boolean },
) => Promise<void>
