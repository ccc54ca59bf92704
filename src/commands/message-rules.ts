/** Which words of people can become part of the record: text is kept exactly, or refused with a reason; never mended. */
import { type Refusal, refusal } from '../shared/failures.ts'

export const MESSAGE_CHARACTERS_MAX = 20_000
export const TITLE_CHARACTERS_MAX = 200
export const NOTE_CHARACTERS_MAX = 2_000

/** White space, and characters that show nothing: joiners, marks of direction, byte order marks. */
const BLANK = /^[\p{White_Space}\p{Cf}\p{Cc}]*$/u

/** Refuses a message's text: text-blank, text-too-long (counted in Unicode code points), text-not-storable. */
export function refusalOfText(text: string): Refusal | undefined {
  if (!isStorable(text))
    return refusal('text-not-storable', 'The text holds a NUL character or half of a surrogate pair.')
  if (BLANK.test(text)) return refusal('text-blank', 'The message has no visible text.')
  if (isLongerThan(text, MESSAGE_CHARACTERS_MAX)) {
    return refusal('text-too-long', `A message may have at most ${MESSAGE_CHARACTERS_MAX} characters.`)
  }
  return undefined
}

/** Refuses a title: title-blank, title-too-long, text-not-storable. */
export function refusalOfTitle(title: string): Refusal | undefined {
  if (!isStorable(title))
    return refusal('text-not-storable', 'The title holds a NUL character or half of a surrogate pair.')
  if (BLANK.test(title)) return refusal('title-blank', 'The title has no visible text.')
  if (isLongerThan(title, TITLE_CHARACTERS_MAX)) {
    return refusal('title-too-long', `A title may have at most ${TITLE_CHARACTERS_MAX} characters.`)
  }
  return undefined
}

/** Refuses a note: note-too-long, text-not-storable. */
export function refusalOfNote(note: string | undefined): Refusal | undefined {
  if (note === undefined) return undefined
  if (!isStorable(note))
    return refusal('text-not-storable', 'The note holds a NUL character or half of a surrogate pair.')
  if (isLongerThan(note, NOTE_CHARACTERS_MAX)) {
    return refusal('note-too-long', `A note may have at most ${NOTE_CHARACTERS_MAX} characters.`)
  }
  return undefined
}

/** Postgres cannot hold NUL, and half of a surrogate pair has no form in UTF-8: both would come back changed. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** True for a text without anything to see. */
export function isBlank(text: string): boolean {
  return BLANK.test(text)
}

export function isWithin(text: string, charactersMax: number): boolean {
  return !isLongerThan(text, charactersMax)
}

/** Counts code points, and only when the count could matter. */
function isLongerThan(text: string, charactersMax: number): boolean {
  if (text.length <= charactersMax) return false
  if (text.length > charactersMax * 2) return true
  let count = 0
  for (const _character of text) count += 1
  return count > charactersMax
}
