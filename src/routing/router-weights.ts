/** The router's weights as one small file that says which version it is and notices when a byte of it was changed. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Fault } from '../shared/failures.ts'
import type { BlockWeights, LinearModel } from './linear-model.ts'

/** Everything the router has learnt. */
export interface RouterModel {
  /** Version and hash: `1+sha256:0123456789ab`. */
  readonly version: string
  readonly intents: LinearModel
  /** Tells which agent an unsigned assistant message came from. */
  readonly askers: LinearModel
  /** From this probability of `unsafe` on, the model's word is enough for the guard. */
  readonly unsafeProbabilityMin: number
  /** Below this probability the router names the two likeliest intents to ask about. */
  readonly clarifyProbabilityMax: number
  readonly fallbackConfidence: number
}

export type RouterSettings = Pick<RouterModel, 'unsafeProbabilityMin' | 'clarifyProbabilityMax' | 'fallbackConfidence'>

interface WeightsFile {
  readonly format: 'emberlog-router-weights'
  readonly version: string
  /** SHA-256 of the canonical text of `content`, in hex. */
  readonly sha256: string
  readonly content: { readonly settings: RouterSettings; readonly intents: PackedModel; readonly askers: PackedModel }
}

/** A model with its numbers in one byte each, base64; feature names by kind (`w` words, `c` letters …), in one string each. */
interface PackedModel {
  readonly labels: readonly string[]
  readonly biases: readonly number[]
  readonly blockWeights: BlockWeights
  readonly temperature: number
  readonly vocabulary: Readonly<Record<string, string>>
  readonly rarityStep: number
  readonly rarities: string
  readonly weightStep: number
  readonly weights: string
}

/** No word and no letter group has it. */
const NAME_BREAK = '|'
const STEPS_OF_A_WEIGHT = 127
const STEPS_OF_A_RARITY = 255
const HASH_SHOWN_LENGTH = 12

/** Reads and checks a weights file. Throws the fault `router-weights-unusable` when it is missing, damaged or of another format. */
export function loadRouterModel(path: string | URL): RouterModel {
  try {
    return decodeWeights(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Fault('router-weights-unusable', { path: String(path) }, { cause })
  }
}

export function encodeWeights(
  version: string,
  model: { readonly settings: RouterSettings; readonly intents: LinearModel; readonly askers: LinearModel },
): string {
  const content = { settings: model.settings, intents: pack(model.intents), askers: pack(model.askers) }
  const file: WeightsFile = { format: 'emberlog-router-weights', version, sha256: hashOf(content), content }
  return `${JSON.stringify(file)}\n`
}

export function decodeWeights(text: string): RouterModel {
  const file = JSON.parse(text) as WeightsFile
  if (file.format !== 'emberlog-router-weights') throw new Fault('router-weights-unknown-format')
  if (file.sha256 !== hashOf(file.content)) throw new Fault('router-weights-changed', { version: file.version })
  return {
    ...file.content.settings,
    version: `${file.version}+sha256:${file.sha256.slice(0, HASH_SHOWN_LENGTH)}`,
    intents: unpack(file.content.intents),
    askers: unpack(file.content.askers),
  }
}

function hashOf(content: WeightsFile['content']): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

function pack(model: LinearModel): PackedModel {
  const largest = model.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
  const weightStep = largest / STEPS_OF_A_WEIGHT || 1
  const rarityStep = model.rarities.reduce((most, rarity) => Math.max(most, rarity), 0) / STEPS_OF_A_RARITY || 1
  return {
    labels: model.labels,
    biases: model.biases.map((bias) => Math.round(bias * 1e6) / 1e6),
    blockWeights: model.blockWeights,
    temperature: model.temperature,
    vocabulary: packNames([...model.vocabulary.keys()]),
    rarityStep,
    rarities: toBase64(Uint8Array.from(model.rarities, (rarity) => Math.round(rarity / rarityStep))),
    weightStep,
    weights: toBase64(Uint8Array.from(model.weights, (weight) => Math.round(weight / weightStep) + STEPS_OF_A_WEIGHT)),
  }
}

function unpack(packed: PackedModel): LinearModel {
  const names = unpackNames(packed.vocabulary)
  const rarities = Float32Array.from(Buffer.from(packed.rarities, 'base64'), (steps) => steps * packed.rarityStep)
  const weights = Float32Array.from(
    Buffer.from(packed.weights, 'base64'),
    (steps) => (steps - STEPS_OF_A_WEIGHT) * packed.weightStep,
  )
  if (rarities.length !== names.length || weights.length !== names.length * packed.labels.length) {
    throw new Fault('router-weights-unknown-format')
  }
  return {
    labels: packed.labels,
    vocabulary: new Map(names.map((name, row) => [name, row])),
    rarities,
    weights,
    biases: packed.biases,
    blockWeights: packed.blockWeights,
    temperature: packed.temperature,
  }
}

/** Names come sorted, so that each kind stands together and the order survives. */
function packNames(names: readonly string[]): Record<string, string> {
  const byKind: Record<string, string[]> = {}
  for (const name of names) {
    const kind = name.slice(0, name.indexOf(':'))
    byKind[kind] ??= []
    byKind[kind].push(name.slice(kind.length + 1))
  }
  return Object.fromEntries(Object.entries(byKind).map(([kind, rest]) => [kind, rest.join(NAME_BREAK)]))
}

function unpackNames(packed: PackedModel['vocabulary']): string[] {
  return Object.entries(packed).flatMap(([kind, rest]) => rest.split(NAME_BREAK).map((name) => `${kind}:${name}`))
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
