/** Runs a router over labelled utterances and gives the outcomes the evaluation measures. */
import type { Outcome } from '../../src/routing/evaluation.ts'
import type { Router } from '../../src/routing/router.ts'
import type { Utterance } from './template-expander.ts'

export function outcomesOf(router: Router, utterances: readonly Utterance[]): Outcome[] {
  return utterances.map(({ text, history, intent, language, kinds }) => {
    const decision = router.route(history === undefined ? { text } : { text, history })
    return {
      truth: intent,
      decided: decision.intent,
      confidence: decision.confidence,
      slices: [`language:${language}`, `method:${decision.method}`, ...kinds.map((kind) => `kind:${kind}`)],
    }
  })
}
