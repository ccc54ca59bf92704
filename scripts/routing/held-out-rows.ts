/** Keeps the sealed and tuning rows honest: a training row that says nearly the same is left out. */

import { wordsOf } from '../../src/routing/text-features.ts'
import { normalizeText } from '../../src/routing/text-normalizer.ts'
import type { Utterance } from './template-expander.ts'

/** From this share of common words on, two rows of one language count as near copies. */
const COMMON_WORDS_SHARE_MAX = 0.7

export function withoutNearCopies(utterances: readonly Utterance[]): Utterance[] {
  const heldOut = utterances.filter(({ part }) => part !== 'train').map(wordSetOf)
  const holders = new Map<string, number[]>()
  heldOut.forEach((words, at) => {
    for (const word of words) holders.set(word, [...(holders.get(word) ?? []), at])
  })
  return utterances.filter((utterance) => {
    if (utterance.part !== 'train') return true
    const words = wordSetOf(utterance)
    const common = new Map<number, number>()
    for (const word of words) for (const at of holders.get(word) ?? []) common.set(at, (common.get(at) ?? 0) + 1)
    return ![...common].some(([at, shared]) => isNearCopy(shared, words.size, heldOut[at]!.size))
  })
}

/** A greeting of one or two words belongs to nobody; only longer texts can be copied. */
function isNearCopy(shared: number, size: number, heldOutSize: number): boolean {
  return heldOutSize >= 3 && shared / (size + heldOutSize - shared) >= COMMON_WORDS_SHARE_MAX
}

function wordSetOf({ text }: Utterance): Set<string> {
  return new Set(wordsOf(normalizeText(text)).filter((word) => /[\p{L}\p{N}]/u.test(word)))
}
