/** The router a command works with: the one that came with the program, or one whose weights are named. */
import { createRouter, type Router } from '../routing/router.ts'
import { loadRouterModel } from '../routing/router-weights.ts'

export interface RouterChoice {
  /** A file of weights. */
  readonly router?: string
}

/** Throws the fault `router-weights-unusable` when the file is missing, damaged or of another format. */
export function routerOf({ router }: RouterChoice): Router {
  return createRouter(loadRouterModel(router ?? new URL('../routing/router-weights.json', import.meta.url)))
}
