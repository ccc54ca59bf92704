/** A message of nothing but emoji or an emoticon is a reaction: small talk, whatever it shows. */

const PICTURE = /\p{Extended_Pictographic}/u
/** Pictures, their colours and joiners, and the marks that people put around them. */
const AROUND_PICTURES = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{P}\s]|\u200d|\ufe0f/gu
const EMOTICON = /^(?:[:;=8][-o']?[()DPp3*/|\]]+|[xX]D+|<3+|\^[_.]?\^|[-–]_+[-–])[\s.!]*$/
const REACTION_CHARACTERS_MAX = 100

/** True of `👍`, `😂😂!`, `:)` and `<3`; false of `???`, which asks something. */
export function isReaction(text: string): boolean {
  if (text.length > REACTION_CHARACTERS_MAX) return false
  const said = text.trim()
  return EMOTICON.test(said) || (PICTURE.test(said) && said.replace(AROUND_PICTURES, '') === '')
}
