/**
 * Draws a card or a concept map from words, the same for the same words. It is honest about being a drawing, readable by
 * screen readers, and inert: text and shapes only, every character of a person escaped, nothing fetched.
 */
import type { ImageModel, ImageWish, Picture } from '../image-model.ts'

const WIDTH = 800
const HEIGHT = 450
const LABELS_MAX = 6
const LABEL_CHARACTERS_MAX = 40
const TITLE_CHARACTERS_MAX = 60
const DESCRIPTION_CHARACTERS_MAX = 280
const LINE_CHARACTERS = 46
const NOTICE = 'Drawn from words by Emberlog’s offline assistant; not a generated picture.'

/** Background, line and text: each text stands out from its background by more than 7 to 1. */
const palettes = [
  ['#fff7ed', '#c2410c', '#431407'],
  ['#eff6ff', '#1d4ed8', '#172554'],
  ['#f0fdf4', '#15803d', '#052e16'],
  ['#faf5ff', '#7e22ce', '#3b0764'],
] as const

const name = { provider: 'offline', id: 'emberlog-drawing-1' }

export const svgDrawing: ImageModel = {
  ...name,
  async draw(wish, signal): Promise<Picture> {
    signal.throwIfAborted()
    const { svg, alt } = drawn(wish)
    return {
      mediaType: 'image/svg+xml',
      bytes: new TextEncoder().encode(svg),
      alt,
      made: { origin: 'drawn', model: name, insteadOf: [] },
    }
  },
}

function drawn(wish: ImageWish): { svg: string; alt: string } {
  const title = cut(wish.title, TITLE_CHARACTERS_MAX) || 'Untitled'
  const labels = wish.labels
    .map((label) => cut(label, LABEL_CHARACTERS_MAX))
    .filter((label) => label !== '')
    .slice(0, LABELS_MAX)
  const isMap = wish.form === 'diagram' && labels.length > 0
  const described = cut(wish.description, DESCRIPTION_CHARACTERS_MAX)
  const description = described === title ? '' : described
  const alt = isMap
    ? `Concept map: ${title}, linked to ${labels.join(', ')}`
    : description === ''
      ? `Card: ${title}`
      : `Card: ${title}. ${description}`
  const [background, line, ink] = palettes[numberFrom(`${title} ${description}`) % palettes.length] ?? palettes[0]
  const shapes = isMap ? conceptMap(title, labels, line) : card(title, description, line)
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" fill="${ink}">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(`${alt} ${NOTICE}`)}</desc>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${background}"/>`,
    ...shapes,
    text({ x: WIDTH / 2, y: HEIGHT - 16, size: 13 }, NOTICE),
    '</svg>',
  ].join('\n')
  return { svg, alt: cut(alt, 400) }
}

/** The subject in the middle, what belongs to it around it. */
function conceptMap(title: string, labels: readonly string[], line: string): string[] {
  const centre = { x: WIDTH / 2, y: HEIGHT / 2 - 10 }
  const places = labels.map((label, index) => {
    const angle = -Math.PI / 2 + (index * 2 * Math.PI) / labels.length
    return { label, x: Math.round(centre.x + 290 * Math.cos(angle)), y: Math.round(centre.y + 160 * Math.sin(angle)) }
  })
  const links = places.map(
    ({ x, y }) => `<line x1="${centre.x}" y1="${centre.y}" x2="${x}" y2="${y}" stroke="${line}" stroke-width="2"/>`,
  )
  const boxes = places.flatMap(({ label, x, y }) => box({ x, y, width: 200, height: 54 }, label, { line, size: 15 }))
  return [...links, ...boxes, ...box({ ...centre, width: 270, height: 76 }, title, { line, size: 19, isStrong: true })]
}

function card(title: string, description: string, line: string): string[] {
  const circles = Array.from({ length: 7 }, (_, index) => {
    const seed = numberFrom(`${title}${index}`)
    const at = { x: 40 + (seed % 720), y: 40 + ((seed >>> 10) % 330), r: 18 + ((seed >>> 20) % 60) }
    return `<circle cx="${at.x}" cy="${at.y}" r="${at.r}" fill="${line}" opacity="0.07"/>`
  })
  const lines = description === '' ? [] : wrapped(description, LINE_CHARACTERS)
  return [
    ...circles,
    `<rect x="40" y="36" width="720" height="360" rx="18" fill="none" stroke="${line}" stroke-width="3"/>`,
    ...wrapped(title, 30).map((words, index) =>
      text({ x: WIDTH / 2, y: 104 + index * 40, size: 32, isStrong: true }, words),
    ),
    ...lines.map((words, index) => text({ x: WIDTH / 2, y: 205 + index * 28, size: 19 }, words)),
  ]
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function box(
  { x, y, width, height }: Box,
  words: string,
  style: { line: string; size: number; isStrong?: boolean },
): string[] {
  const lines = wrapped(words, Math.floor((width - 20) / (style.size * 0.54))).slice(0, 3)
  const lineHeight = style.size * 1.2
  const top = y - ((lines.length - 1) * lineHeight) / 2 + style.size * 0.35
  return [
    `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="12" fill="#ffffff" stroke="${style.line}" stroke-width="2"/>`,
    ...lines.map((each, index) =>
      text(
        { x, y: Math.round(top + index * lineHeight), size: style.size, ...(style.isStrong && { isStrong: true }) },
        each,
      ),
    ),
  ]
}

function text(
  { x, y, size, isStrong = false }: { x: number; y: number; size: number; isStrong?: boolean },
  words: string,
): string {
  const weight = isStrong ? ' font-weight="700"' : ''
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="middle"${weight}>${escaped(words)}</text>`
}

function wrapped(words: string, charactersMax: number): string[] {
  const lines: string[] = []
  for (const word of words.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < charactersMax) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word.slice(0, charactersMax))
  }
  return lines
}

/** One line, no longer than that, cut between characters. */
function cut(words: string, charactersMax: number): string {
  const characters = [...words.replaceAll(UNSEEN, ' ').replaceAll(/\s+/g, ' ').trim()]
  return characters.length <= charactersMax
    ? characters.join('')
    : `${characters
        .slice(0, charactersMax - 1)
        .join('')
        .trimEnd()}…`
}

/** What XML cannot hold, and marks that turn the direction of text around. */
const UNSEEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu

function escaped(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** A number from a text, the same every time (FNV-1a, 32 bit). */
function numberFrom(words: string): number {
  let hash = 0x811c9dc5
  for (const character of words) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash
}
