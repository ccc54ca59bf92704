/** Runs a router over the project's own utterances and gives the outcomes the evaluation measures. */
import type { Outcome } from '../../src/routing/evaluation.ts'
import type { Router } from '../../src/routing/router.ts'
import { outcomeOf } from '../../src/routing/router-outcomes.ts'
import type { Utterance } from './template-expander.ts'

export function outcomesOf(router: Router, utterances: readonly Utterance[]): Outcome[] {
  return utterances.map(({ language, kinds, ...utterance }) =>
    outcomeOf(router, { ...utterance, slices: [`language:${language}`, ...kinds.map((kind) => `kind:${kind}`)] }),
  )
}
