/** The router a command works with: the one that came with the program, or one whose weights are named. */
import { createRouter, type Router } from '../routing/router.ts'
import { loadRouterModel } from '../routing/router-weights.ts'
import { Fault } from '../shared/failures.ts'

export interface RouterChoice {
  /** A file of weights. */
  readonly router?: string
}

const OWN_WEIGHTS = new URL('../routing/router-weights.json', import.meta.url)

/** A named file that is missing, damaged or of another format is `argument-invalid`; the program's own then is `router-weights-unusable`. */
export function routerOf({ router }: RouterChoice): Router {
  if (router === undefined) return createRouter(loadRouterModel(OWN_WEIGHTS))
  try {
    return createRouter(loadRouterModel(router))
  } catch (cause) {
    throw new Fault('argument-invalid', { router }, { cause })
  }
}
