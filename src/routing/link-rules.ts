/** Links and uploads speak for themselves: a bare link is something to add, an upload is never a wish for a new picture. */
import type { Intent } from '../events/conversation-events.ts'

/** What a link or an upload in the text means for the route. */
export interface LinkReading {
  /** The rule that decided, when one did. */
  readonly rule?: { readonly name: string; readonly intent: Intent }
  /** Intents the message cannot have. */
  readonly excluded: readonly Intent[]
  /** The text without links and markers, for the model to read. */
  readonly rest: string
}

const MEDIA_UPLOAD = /\[(?:image|video|audio):\s{0,4}[^\]\n]{1,300}\](?:\([^)\n]{1,2000}\))?/gi
const FILE_UPLOAD = /\[file:\s{0,4}[^\]\n]{1,300}\](?:\([^)\n]{1,2000}\))?/gi
const LINK =
  /\bhttps?:\/\/[^\s<>"]{2,2000}|\b(?:www\.)?[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3}\.(?:com|org|net|io|dev|ai|app|co|de|fr|es|me|tv|xyz|site|tech)\/[^\s<>"]{1,2000}|\bwww\.[^\s<>"]{4,2000}/gi
const TOPIC_PREFIX = /^\s*\[[A-Z_]{3,40}:[^\]\n]{0,200}\]\s*/

/** In a longer text a link is one thing among many and decides nothing. */
const LENGTH_MAX = 4_000
const WORDS_BESIDE_LINK_MAX = 3
const WORDS_BESIDE_UPLOAD_MAX = 12
const ADDING =
  /\b(?:import\w*|add|save|saving|clip\w*|bookmark|mine|my|i (?:made|built|wrote|created|found)|project|playground|collection|portfolio|publish|share|look at|check (?:this|it|out)|importa\w*|guarda\w*|anade|mi|proyecto|mira|speicher\w*|fuge|hinzu|mein\w*|projekt|schau|importe\w*|enregistre\w*|ajoute\w*|mon|ma|projet|regarde\w*|salva\w*|guard\w*|aggiungi|mio|progetto|salve|adiciona\w*|meu|minha|projeto|olha)\b/i
const OTHER_WISH =
  /\b(?:what|why|how|explain\w*|error|broken|404|does(?:n't| not) (?:work|load|open)|similar|like this|summar\w*|linkedin\.com\/in|profile|que es|por que|como|explica|was ist|warum|erklar\w*|qu'est|pourquoi|comment|explique|resum\w*|zusammenfass\w*|o que|cosa)\b/i

export function readLinks(text: string): LinkReading {
  if (text.length > LENGTH_MAX) return { excluded: [], rest: text }
  const withoutPrefix = text.replace(TOPIC_PREFIX, '')
  const hasMedia = withoutPrefix.search(MEDIA_UPLOAD) !== -1
  const hasFile = withoutPrefix.search(FILE_UPLOAD) !== -1
  const withoutUploads = withoutPrefix.replace(MEDIA_UPLOAD, ' ').replace(FILE_UPLOAD, ' ')
  const hasLink = withoutUploads.search(LINK) !== -1
  const rest = withoutUploads.replace(LINK, ' linkhere ').replace(/ {2,}/g, ' ').trim()
  if (hasMedia)
    return { excluded: ['image'], rest: `${rest} mediahere`, ...rule('media-upload', 'creation', saysLittle(rest)) }
  if (hasFile) return { excluded: ['image'], rest: `${rest} filehere`, ...rule('file-upload', 'support', rest === '') }
  if (hasLink) return { excluded: [], rest, ...rule('link', 'creation', isAboutAdding(rest, withoutUploads)) }
  return { excluded: [], rest: withoutPrefix }
}

function rule(name: string, intent: Intent, holds: boolean): Pick<LinkReading, 'rule'> {
  return holds ? { rule: { name, intent } } : {}
}

/** A few words beside an upload describe it; more of them, or a question, are for the model. */
function saysLittle(rest: string): boolean {
  return !rest.includes('?') && !OTHER_WISH.test(rest) && rest.split(/\s+/).length <= WORDS_BESIDE_UPLOAD_MAX
}

function isAboutAdding(rest: string, whole: string = rest): boolean {
  const words = rest
    .replaceAll('linkhere', ' ')
    .split(/\s+/)
    .filter((word) => /\p{L}/u.test(word))
  if (words.length === 0) return !/linkedin\.com\/in/i.test(whole)
  if (OTHER_WISH.test(whole)) return false
  return words.length <= WORDS_BESIDE_LINK_MAX || ADDING.test(rest)
}
