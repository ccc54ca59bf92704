/** Trains the router from the committed utterances and writes its weights and a report: `npm run train-router`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate } from '../src/routing/evaluation.ts'
import { createRouter } from '../src/routing/router.ts'
import { decodeWeights, encodeWeights } from '../src/routing/router-weights.ts'
import { outcomesOf } from './routing/router-outcomes.ts'
import { crossScore, fitSettings, trainAskers, trainIntents } from './routing/router-training.ts'
import { dataFolder, readUtterances } from './routing/utterance-files.ts'

const VERSION = '1'
const weightsFile = join(import.meta.dirname, '../src/routing/router-weights.json')

const utterances = readUtterances()
const learnt = utterances.filter(({ part }) => part !== 'test')
const sealed = utterances.filter(({ part }) => part === 'test')
console.log(`${learnt.length} rows to learn from, ${sealed.length} sealed`)

const askers = trainAskers(learnt)
const scored = crossScore(learnt, askers)
const { temperature, settings, accuracy } = fitSettings(scored)
console.log(`across families: accuracy ${accuracy.toFixed(4)}, temperature ${temperature.toFixed(3)}`, settings)

const intents = { ...trainIntents(learnt, askers), temperature }
const text = encodeWeights(VERSION, { settings, intents, askers })
writeFileSync(weightsFile, text)

const router = createRouter(decodeWeights(text))
const figures = evaluate(outcomesOf(router, sealed))
const report = {
  routerVersion: router.version,
  rows: utterances.length,
  features: intents.vocabulary.size,
  bytes: text.length,
  acrossFamilies: { accuracy, temperature },
  settings,
  sealed: figures,
}
writeFileSync(join(dataFolder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
console.log(`wrote ${weightsFile}: ${intents.vocabulary.size} features, ${text.length} bytes, ${router.version}`)
console.log(
  `sealed: accuracy ${figures.accuracy.toFixed(4)}, macro-F1 ${figures.macroF1.toFixed(4)}, calibration error ${figures.calibrationError.toFixed(4)}`,
)
