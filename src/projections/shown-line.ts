/** One line that stands for a longer text: in lists, as a title or as a preview. */

export const TITLE_CHARACTERS_MAX = 80
export const PREVIEW_CHARACTERS_MAX = 160

/** Half of a character that takes two code units. */
const SURROGATE = /[\ud800-\udfff]/
/** All white space but a single space, which stays as it is. */
const UNFOLDED = / \s+|[^\S ]\s*/g
const FIRST_LINE = /\S[^\n\r\u2028\u2029]*/

/** The first line with something to see, white space folded, at most `charactersMax` code points; '' for a blank text. */
export function shownLine(text: string, charactersMax: number): string {
  const [line = ''] = FIRST_LINE.exec(text) ?? []
  const folded = foldedStart(line, charactersMax * 2 + 2) // Two code units at most for each code point, and one to see that there are more.
  if (folded.length <= charactersMax) return folded
  if (!SURROGATE.test(folded)) return shortened(folded.slice(0, charactersMax - 1))
  const characters = [...folded.slice(0, charactersMax * 2 + 2)]
  if (characters.length <= charactersMax) return folded
  return shortened(characters.slice(0, charactersMax - 1).join(''))
}

function shortened(text: string): string {
  return `${text.trimEnd()}…`
}

/** The line with white space folded: all of it, or at least `unitsMin` code units of its beginning. */
function foldedStart(line: string, unitsMin: number): string {
  const start = fold(line.slice(0, unitsMin * 2))
  return start.length > unitsMin ? start : fold(line)
}

function fold(text: string): string {
  return text.replaceAll(UNFOLDED, ' ').trim()
}
