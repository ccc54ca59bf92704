/** Brings what a person typed into one plain form, so that accents, case, look-alike letters and hidden characters do not matter. */

/** Longer texts are cut here before anything reads them; the API accepts no more either. */
export const TEXT_LENGTH_MAX = 20_000

/** Default-ignorable characters: soft hyphens, joiners, direction marks, variation selectors, tags. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
const COMBINING_LATIN = /[\u0300-\u036f]/g
const APOSTROPHES = /[\u2018\u2019\u201b\u02bc\u00b4`]/g
const BLANKS = /[\s\p{Z}\p{Cc}]+/gu

/** Letters of other alphabets that look like Latin ones; attackers swap them in to slip past a filter. */
const LOOK_ALIKES = new Map(
  Object.entries({
    а: 'a',
    в: 'b',
    е: 'e',
    к: 'k',
    м: 'm',
    н: 'h',
    о: 'o',
    р: 'p',
    с: 'c',
    т: 't',
    у: 'y',
    х: 'x',
    і: 'i',
    ѕ: 's',
    ј: 'j',
    ԁ: 'd',
    ո: 'n',
    α: 'a',
    ε: 'e',
    ι: 'i',
    κ: 'k',
    ν: 'v',
    ο: 'o',
    ρ: 'p',
    τ: 't',
    υ: 'u',
    χ: 'x',
    ı: 'i',
    ł: 'l',
    ø: 'o',
    đ: 'd',
    ß: 'ss',
    æ: 'ae',
    œ: 'oe',
  }),
)
const LOOK_ALIKE = new RegExp(`[${[...LOOK_ALIKES.keys()].join('')}]`, 'gu')
const LATIN = /[a-z]/
const CYRILLIC_OR_GREEK_WORD = /[\p{Script=Cyrillic}\p{Script=Greek}]{4,}/u

/**
 * Returns the text in lower case, without accents, invisible characters or runs of blanks, at most `TEXT_LENGTH_MAX` long.
 * Look-alike letters are folded only in texts that are otherwise Latin, so that Russian and Greek stay what they are.
 */
export function normalizeText(text: string): string {
  const plain = text
    .slice(0, TEXT_LENGTH_MAX)
    .toWellFormed()
    .normalize('NFKC')
    .slice(0, TEXT_LENGTH_MAX)
    .replace(INVISIBLE, '')
    .replace(APOSTROPHES, "'")
    .replace(BLANKS, ' ')
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replace(COMBINING_LATIN, '')
    .normalize('NFC')
  if (!LATIN.test(plain) || CYRILLIC_OR_GREEK_WORD.test(plain)) return plain
  return plain.replace(LOOK_ALIKE, (letter) => LOOK_ALIKES.get(letter) ?? letter)
}
