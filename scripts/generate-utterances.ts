/** Writes data/routing/utterances.jsonl from the hand-written templates: `node scripts/generate-utterances.ts`. */
import { writeUtterances } from './routing/utterance-files.ts'
import { makeUtterances } from './routing/utterance-making.ts'

const utterances = makeUtterances()
writeUtterances(utterances)
console.log(`wrote ${utterances.length} utterances in ${new Set(utterances.map(({ family }) => family)).size} families`)
