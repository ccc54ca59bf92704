/** Writes data/routing/utterances.jsonl from the hand-written templates: `node scripts/generate-utterances.ts`. */
import { withoutNearCopies } from './routing/held-out-rows.ts'
import { expandAllTemplates, writeUtterances } from './routing/utterance-files.ts'
import { withVariants } from './routing/utterance-variants.ts'

const utterances = withVariants(withoutNearCopies(expandAllTemplates()))
writeUtterances(utterances)
console.log(`wrote ${utterances.length} utterances in ${new Set(utterances.map(({ family }) => family)).size} families`)
