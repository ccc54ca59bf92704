/** Trains the router from the committed utterances and writes its weights and a report: `npm run train-router`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate } from '../src/routing/evaluation.ts'
import { createRouter } from '../src/routing/router.ts'
import { decodeWeights, encodeWeights } from '../src/routing/router-weights.ts'
import { outcomesOf } from './routing/router-outcomes.ts'
import { fitSettings, scoreRows, trainAskers, trainIntents } from './routing/router-training.ts'
import type { Part, Utterance } from './routing/template-expander.ts'
import { dataFolder, readAssistantTurns, readUtterances } from './routing/utterance-files.ts'

const VERSION = '2'
const weightsFile = join(import.meta.dirname, '../src/routing/router-weights.json')

const utterances = readUtterances()
const rowsOf = (part: Part): Utterance[] => utterances.filter((utterance) => utterance.part === part)
const [train, tune, sealed] = [rowsOf('train'), rowsOf('tune'), rowsOf('test')]
console.log(`${train.length} rows to train on, ${tune.length} to tune on, ${sealed.length} sealed`)

// Settings come from a model that has not seen the tuning rows; the weights we keep have learnt from them as well.
const askers = trainAskers(train, readAssistantTurns())
const tuned = fitSettings(scoreRows(trainIntents(train), tune, askers))
console.log(
  `tuning rows: accuracy ${tuned.accuracy.toFixed(4)}, temperature ${tuned.temperature.toFixed(3)}`,
  tuned.settings,
)

const intents = { ...trainIntents([...train, ...tune]), temperature: tuned.temperature }
const text = encodeWeights(VERSION, { settings: tuned.settings, intents, askers })
writeFileSync(weightsFile, text)

const router = createRouter(decodeWeights(text))
const figures = evaluate(outcomesOf(router, sealed))
const report = {
  routerVersion: router.version,
  rows: utterances.length,
  features: intents.vocabulary.size,
  bytes: text.length,
  tuning: { rows: tune.length, accuracy: tuned.accuracy, temperature: tuned.temperature, ...tuned.settings },
  sealed: figures,
}
writeFileSync(join(dataFolder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
console.log(`wrote ${weightsFile}: ${intents.vocabulary.size} features, ${text.length} bytes, ${router.version}`)
console.log(
  `sealed: accuracy ${figures.accuracy.toFixed(4)}, macro-F1 ${figures.macroF1.toFixed(4)}, calibration error ${figures.calibrationError.toFixed(4)}`,
)
