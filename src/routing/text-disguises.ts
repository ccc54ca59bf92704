/** Undoes the disguises in which an attack may be written: number-for-letter spelling, spread letters, base64, hex, rot13, URL escapes, reversal. */
import { normalizeText } from './text-normalizer.ts'

/** A readable form of a text and how it was got. */
export interface ReadableForm {
  readonly form: 'plain' | 'leet' | 'joined' | 'base64' | 'hex' | 'url' | 'rot13' | 'reversed'
  readonly text: string
}

/** Disguises are looked for in this much of a text; the plain form is always read in full. */
const DISGUISED_LENGTH_MAX = 4_000
const ENCODED_RUNS_MAX = 4

const LEET = new Map(
  Object.entries({ '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '8': 'b', '@': 'a', $: 's' }),
)
const LEET_WORD = /[\p{L}\d@$!|]{2,40}/gu
const SPREAD_LETTERS = /(?<![\p{L}\d])\p{L}(?:[ .\-_*|]\p{L}(?![\p{L}\d])){3,}/gu
const BASE64_RUN = /[A-Za-z0-9+/_-]{16,}={0,2}/g
const HEX_RUN = /(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ ,]?){8,}/g
const MOSTLY_PRINTABLE = /^[\x20-\x7e\s]*$/

/** Returns the plain form first, then each disguise that, undone, gives a different text. */
export function readableForms(raw: string): ReadableForm[] {
  const plain = normalizeText(raw)
  const head = raw.slice(0, DISGUISED_LENGTH_MAX)
  const plainHead = plain.slice(0, DISGUISED_LENGTH_MAX)
  const forms: ReadableForm[] = [{ form: 'plain', text: plain }]
  const add = (form: ReadableForm['form'], text: string): void => {
    if (text !== '' && text !== plain && text !== plainHead) forms.push({ form, text })
  }
  add('leet', undoLeet(plainHead))
  add('joined', joinSpreadLetters(head))
  add('base64', decodeRuns(head, BASE64_RUN, fromBase64))
  add('hex', decodeRuns(head, HEX_RUN, fromHex))
  if (head.includes('%')) add('url', normalizeText(unescapeUrl(head)))
  add('rot13', plainHead.replace(/[a-z]/g, rotate13))
  add('reversed', [...plainHead].reverse().join(''))
  return forms
}

function undoLeet(text: string): string {
  return text.replace(LEET_WORD, (word) =>
    /\p{L}/u.test(word) ? word.replace(/[\d@$!|]/g, (sign) => LEET.get(sign) ?? 'i') : word,
  )
}

/** `i g n o r e  t h i s` → `ignore this`; where only single blanks part the letters the words run together. */
function joinSpreadLetters(raw: string): string {
  const spread = normalizeText(raw.replace(/ {2,}/g, ' \n ').replace(/\n/g, ' § '))
  let isSpread = false
  const joined = spread.replace(SPREAD_LETTERS, (run) => {
    isSpread = true
    return run.replace(/[ .\-_*|]/g, '')
  })
  return isSpread ? joined.replaceAll('§', '').replace(/ {2,}/g, ' ').trim() : ''
}

function decodeRuns(raw: string, pattern: RegExp, decode: (run: string) => string): string {
  const decoded: string[] = []
  for (const [run] of raw.matchAll(pattern)) {
    if (decoded.length === ENCODED_RUNS_MAX) break
    const text = decode(run)
    if (text.length >= 8 && MOSTLY_PRINTABLE.test(text)) decoded.push(normalizeText(text))
  }
  return decoded.join(' . ')
}

function fromBase64(run: string): string {
  return Buffer.from(run, 'base64').toString('utf8')
}

function fromHex(run: string): string {
  return Buffer.from(run.replace(/0x|\\x|[ ,]/g, ''), 'hex').toString('utf8')
}

function unescapeUrl(raw: string): string {
  return raw.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
}

function rotate13(letter: string): string {
  return String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97)
}
