/** Runs a router over labelled utterances and gives the outcomes the evaluation measures, and what a decision took. */
import type { Outcome } from './evaluation.ts'
import type { LabelledUtterance } from './labelled-utterances.ts'
import type { Router } from './router.ts'

export function outcomeOf(router: Router, { text, history, intent, slices }: LabelledUtterance): Outcome {
  const decision = router.route(history === undefined ? { text } : { text, history })
  return {
    truth: intent,
    decided: decision.intent,
    confidence: decision.confidence,
    unsafeProbability: decision.candidates.find((candidate) => candidate.intent === 'unsafe')?.probability ?? 0,
    slices: [...slices, `method:${decision.method}`],
  }
}
