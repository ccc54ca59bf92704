/** Makes further rows of written ones: typing mistakes, careless case and punctuation, and a change of subject after an unrelated turn. */
import { pick, type Random, seededRandom, seedOf } from '../../src/routing/seeded-random.ts'
import type { Utterance } from './template-expander.ts'

const TYPO_SHARE = 0.16
const SUBJECT_CHANGE_SHARE = 0.13
const WRAPPED_SHARE = 0.2
const TYPO_LENGTH_MIN = 8

const neighbours: Readonly<Record<string, string>> = {
  a: 'sq',
  b: 'vn',
  c: 'xv',
  d: 'sf',
  e: 'wr',
  f: 'dg',
  g: 'fh',
  h: 'gj',
  i: 'uo',
  j: 'hk',
  k: 'jl',
  l: 'k',
  m: 'n',
  n: 'bm',
  o: 'ip',
  p: 'o',
  q: 'w',
  r: 'et',
  s: 'ad',
  t: 'ry',
  u: 'yi',
  v: 'cb',
  w: 'qe',
  x: 'zc',
  y: 'tu',
  z: 'x',
}

/** Adds variants of a share of the training rows, each in the family of the row it was made of; the other parts stay as written. */
export function withVariants(utterances: readonly Utterance[]): Utterance[] {
  const turns = utterances.flatMap(({ part, history }) => (part === 'train' && history !== undefined ? [history] : []))
  return utterances.flatMap((utterance) => {
    if (utterance.part !== 'train') return [utterance]
    const random = seededRandom(seedOf(`${utterance.family} ${utterance.text}`))
    const rows = [utterance]
    if (random() < TYPO_SHARE && utterance.text.length >= TYPO_LENGTH_MIN && !/https?:|\[/.test(utterance.text)) {
      rows.push({ ...utterance, text: mistype(utterance.text, random), kinds: [...utterance.kinds, 'typo'] })
    }
    if (utterance.history !== undefined) return rows
    if (random() < WRAPPED_SHARE) rows.push({ ...utterance, text: wrap(utterance, random) })
    if (standsAlone(utterance) && random() < SUBJECT_CHANGE_SHARE) {
      rows.push({ ...utterance, history: pick(turns, random), kinds: [...utterance.kinds, 'history'] })
    }
    return rows
  })
}

/** What people put before and after what they want; it says nothing about where a message goes. */
const WRAPPINGS: Readonly<Record<string, { before: string[]; after: string[] }>> = {
  en: {
    before:
      'hey, |hi, |hello! |hi there, |so |ok |ok so |well, |um, |quick question: |please |pls |yo |hey ember, |ember, |good morning, |sorry, |right, |now |alright, |one more thing: |btw '.split(
        '|',
      ),
    after:
      ' please| pls| thanks| thank you| thx| :)|!|!!|...| ?| for me| today| now| asap| if you can| if possible| when you have time| 🙏| 😊'.split(
        '|',
      ),
  },
  es: {
    before: 'hola, |oye, |buenas, |por favor, |bueno, |a ver, |perdona, |vale, '.split('|'),
    after: ' por favor| porfa| gracias|!| ahora| si puedes'.split('|'),
  },
  de: {
    before: 'hallo, |hey, |bitte |also, |so, |ok, |sag mal, |entschuldigung, '.split('|'),
    after: ' bitte| danke|!| jetzt| wenn möglich'.split('|'),
  },
  fr: {
    before: "bonjour, |salut, |dis, |bon, |alors, |ok, |s'il te plaît, |pardon, ".split('|'),
    after: " s'il te plaît| stp| merci|!| maintenant| si possible".split('|'),
  },
}

function wrap({ text, language }: Utterance, random: Random): string {
  const { before, after } = WRAPPINGS[language] ?? { before: [''], after: ['!'] }
  const side = random()
  const start = side < 0.7 ? pick(before, random) : ''
  const end = side > 0.45 ? pick(after, random) : ''
  return `${start}${end.startsWith('!') || end.startsWith('.') ? text.replace(/[.?!]+$/, '') : text}${end}`
}

/** Only a message that is clear without its conversation keeps its meaning in a foreign one. */
function standsAlone({ text }: Utterance): boolean {
  return text.split(' ').length >= 4
}

function mistype(text: string, random: Random): string {
  let mistyped = text
  const mistakes = 1 + Math.floor(random() * Math.max(1, Math.min(3, text.length / 18)))
  for (let made = 0; made < mistakes; made++) mistyped = pick(MISTAKES, random)(mistyped, random)
  return mistyped === text ? text.toLowerCase().replace(/[.?!']/g, '') : mistyped
}

type Mistake = (text: string, random: Random) => string

const MISTAKES: readonly Mistake[] = [
  (text, random) => atLetter(text, random, (letter, next) => next + letter, 2),
  (text, random) => atLetter(text, random, () => ''),
  (text, random) => atLetter(text, random, (letter) => letter + letter),
  (text, random) => atLetter(text, random, (letter) => pick([...(neighbours[letter.toLowerCase()] ?? letter)], random)),
  (text) => text.toLowerCase().replace(/[.?!',]/g, ''),
  (text, random) => atBlank(text, random),
  (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, ''),
  (text) => shorten(text),
]

function atLetter(text: string, random: Random, change: (letter: string, next: string) => string, length = 1): string {
  const at = 1 + Math.floor(random() * (text.length - 2))
  const letter = text[at] ?? ''
  const next = text[at + 1] ?? ''
  if (!/\p{L}/u.test(letter) || (length === 2 && !/\p{L}/u.test(next))) return text
  return text.slice(0, at) + change(letter, next) + text.slice(at + length)
}

function atBlank(text: string, random: Random): string {
  const blanks = [...text.matchAll(/ /g)].map(({ index }) => index)
  if (blanks.length < 2) return text
  const at = pick(blanks, random)
  return text.slice(0, at) + text.slice(at + 1)
}

/** The way people type on a telephone. */
function shorten(text: string): string {
  return text
    .toLowerCase()
    .replace(/\byou\b/g, 'u')
    .replace(/\byour\b/g, 'ur')
    .replace(/\bplease\b/g, 'pls')
    .replace(/\bare\b/g, 'r')
    .replace(/\bwhat is\b/g, 'whats')
    .replace(/\bbecause\b/g, 'bc')
    .replace(/\bpor que\b/g, 'xq')
    .replace(/\bque\b/g, 'q')
    .replace(/\bpara\b/g, 'pa')
    .replace(/\bnicht\b/g, 'nich')
}
