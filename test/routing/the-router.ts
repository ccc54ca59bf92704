/** The router as it ships, for the tests that ask it. */
import { createRouter } from '../../src/routing/router.ts'
import { loadRouterModel } from '../../src/routing/router-weights.ts'

export const weightsFile = new URL('../../src/routing/router-weights.json', import.meta.url)

export const router = createRouter(loadRouterModel(weightsFile))
