/** Makes the committed utterances of the templates, always the same. */
import { withoutNearCopies } from './held-out-rows.ts'
import type { Utterance } from './template-expander.ts'
import { expandAllTemplates } from './utterance-files.ts'
import { withVariants } from './utterance-variants.ts'

/** Near copies are left out before variants are made, so that none slips through mistyped, and after, where a variant comes near. */
export function makeUtterances(): Utterance[] {
  return withoutNearCopies(withVariants(withoutNearCopies(expandAllTemplates())))
}
