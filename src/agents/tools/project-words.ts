/** Reads from a message and the shape of a link what a project is called and whose it is. Pure; no link is ever opened. */
import { foldText } from '../question-terms.ts'

const LINK = /https?:\/\/[^\s<>"'`)\]}]+/i
const LINK_CHARACTERS_MAX = 2_000
const TITLE_CHARACTERS_MAX = 80
const TITLE_WORDS_MAX = 9

/** The first web address in a text, without the punctuation after it. */
export function linkIn(text: string): string | undefined {
  const link = LINK.exec(text)?.[0].replace(/[.,;:!?…]+$/, '')
  return link === undefined || link.length > LINK_CHARACTERS_MAX || !URL.canParse(link) ? undefined : link
}

const foreign =
  /\b(not (mine|my)|isnt mine|is not mine|found (it|this)|clip(ped|ping)?|bookmark|save it|for reference|somebody elses|someone elses|nicht meins?|no es mio|pas (a moi|le mien))\b/
const own =
  /\b(its mine|it is mine|is mine|my own|my (project|repo|repository|site|work|video|app)|i (made|built|created|wrote)|i am the owner|im the owner|meins|es mio|cest le mien)\b/

/** Whose work a link is, when the message says so. */
export function whoseIsSaid(text: string): 'own' | 'reference' | undefined {
  const folded = foldText(text)
  if (foreign.test(folded)) return 'reference'
  return own.test(folded) ? 'own' : undefined
}

/** What a project is called before the person names it: from a name in quotes, from what the wish is about, or from the link. */
export function titleOf(text: string, link?: string): string {
  const named = /(?:called|named|titled|llamad[oa]|namens|appele\w*)\s+["“”«»„']?([^"“”«»„'\n.,;!?]{2,60})/iu.exec(
    text,
  )?.[1]
  if (named !== undefined) return shortened(named)
  const words = text
    .replaceAll(/https?:\/\/\S+/gi, ' ')
    .replaceAll(/\[(?:image|video|audio|file):[^\]\n]*\]/gi, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const subject = words
    .replace(WISH_OPENING, '')
    .replace(/^(?:an?|the|my|some|new|un|una|ein|eine|einen|une|mon|ma|mi)\s+/i, '')
  if (link !== undefined) return titleOfLink(link)
  return shortened(subject.split(/[.!?\n]/)[0] ?? '') || shortened(words) || 'Untitled project'
}

const WISH_OPENING =
  /^(?:(?:hi|hello|hey|please|ok|okay|so|and|por favor|bitte|s'il te plait)[\s,]+)*(?:(?:can|could|would) you (?:please )?(?:help me (?:to )?)?|help me (?:to )?|i(?:'d like| would like| want|'m going)? (?:to )?|let(?:'s| us) |quiero |me gustaria |ich (?:will|möchte) |je (?:veux|voudrais) )?(?:create|make|build|start|set up|begin|draft|plan|develop|write|design|publish|add|import|crear|hacer|construir|empezar|bauen|erstellen|créer|construire|faire)?\s*/i

/** The last telling part of the address: "llama" for github.com/facebookresearch/llama. */
function titleOfLink(link: string): string {
  const { hostname, pathname } = new URL(link)
  const parts = pathname
    .split('/')
    .filter((part) => /\p{L}/u.test(part) && !/^(?:watch|index\.\w+|blob|tree|main|master|en|de|es|fr)$/i.test(part))
  const last = parts
    .at(-1)
    ?.replace(/\.\w{1,5}$/, '')
    .replaceAll(/[-_+]+/g, ' ')
  return shortened(decoded(last ?? '')) || hostname.replace(/^www\./, '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // A percent sign that encodes nothing is a percent sign.
  }
}

function shortened(text: string): string {
  const words = text.trim().split(/\s+/).slice(0, TITLE_WORDS_MAX).join(' ')
  const title = [...words].slice(0, TITLE_CHARACTERS_MAX).join('').trim()
  return title.charAt(0).toUpperCase() + title.slice(1)
}
