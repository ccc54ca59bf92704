/** Guesses the language of a message from its smallest words, so that a search finds other forms of a word. */

/** The text search configurations of Postgres that we tell apart; `simple` knows no grammar and fits every language. */
export type SearchLanguage = 'english' | 'german' | 'french' | 'spanish' | 'italian' | 'portuguese' | 'dutch' | 'simple'

const smallWords: Readonly<Record<Exclude<SearchLanguage, 'simple'>, string>> = {
  english: 'the and is are was of to in for with what how that this it you can do does i my your not have be on which',
  german:
    'der die das und ist sind war ein eine nicht mit für von zu wie was ich du sie mein auf dem den des im kann wird',
  french:
    'le la les et est sont un une des du de que qui dans pour avec je vous ce cette pas sur comment quel quelle au',
  spanish: 'el la los las y es son un una de que en por para con como cómo qué no se lo mi tu del al está puede',
  italian: 'il lo la gli le e è sono un una di che in per con come cosa non si mi del della al questo può',
  portuguese: 'o a os as e é são um uma de que em por para com como não se do da meu você no na isso pode',
  dutch: 'de het een en is zijn van dat die in op te voor met wat hoe ik je niet aan om mijn kan dit naar',
}

const languages = Object.keys(smallWords) as SearchLanguage[]
/** The places in `languages` of those that have the word. */
const languagesByWord = new Map<string, number[]>()
for (const [place, words] of Object.values(smallWords).entries()) {
  for (const word of words.split(' ')) languagesByWord.set(word, [...(languagesByWord.get(word) ?? []), place])
}

const NOWHERE: readonly number[] = []
const WORD = /\p{L}+/gu
const CHARACTERS_MAX = 4_000
const WORDS_MAX = 200
/** With fewer small words than this, or without a clear winner, the language is not known. */
const EVIDENCE_MIN = 2

/** Deterministic: the same text has the same language for ever, or a rebuild would give other rows. */
export function languageOf(text: string): SearchLanguage {
  const words = text.slice(0, CHARACTERS_MAX).toLowerCase().match(WORD) ?? []
  const counts = languages.map(() => 0)
  for (let index = 0; index < words.length && index < WORDS_MAX; index += 1) {
    for (const place of languagesByWord.get(words[index] as string) ?? NOWHERE) counts[place] = (counts[place] ?? 0) + 1
  }
  const most = Math.max(...counts)
  const best = counts.indexOf(most)
  const isClear = most >= EVIDENCE_MIN && counts.lastIndexOf(most) === best
  return isClear ? (languages[best] as SearchLanguage) : 'simple'
}
