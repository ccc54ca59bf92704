/**
 * Reads the little Markdown that answers use into plain data: it never makes HTML, so text can only ever be shown as text.
 *
 * Blocks: heading, paragraph, list, quote, code, rule. Spans: text, code, strong, emphasis, link (https only).
 */

const FENCE = /^ {0,3}(```+|~~~+)([^`]*)$/
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/
const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/
const QUOTE = /^ {0,3}>\s?(.*)$/

/** Parses a text, which may still be growing: an open fence runs to the end. */
export function parseMarkdown(text) {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const blocks = []
  let at = 0
  while (at < lines.length) {
    const line = lines[at]
    const fence = FENCE.exec(line)
    const heading = HEADING.exec(line)
    if (line.trim() === '') at += 1
    else if (fence) at = readCode(lines, at, fence, blocks)
    else if (heading) {
      blocks.push({ kind: 'heading', level: heading[1].length, spans: parseSpans(heading[2]) })
      at += 1
    } else if (RULE.test(line)) {
      blocks.push({ kind: 'rule' })
      at += 1
    } else if (QUOTE.test(line)) at = readQuote(lines, at, blocks)
    else if (ITEM.test(line)) at = readList(lines, at, blocks)
    else at = readParagraph(lines, at, blocks)
  }
  return blocks
}

function readCode(lines, start, fence, blocks) {
  const closing = new RegExp(`^ {0,3}${fence[1][0] === '`' ? '`' : '~'}{${fence[1].length},}\\s*$`)
  let end = start + 1
  while (end < lines.length && !closing.test(lines[end])) end += 1
  blocks.push({ kind: 'code', language: fence[2].trim(), text: lines.slice(start + 1, end).join('\n') })
  return end + 1
}

function readQuote(lines, start, blocks) {
  let end = start
  const inner = []
  while (end < lines.length && QUOTE.test(lines[end])) {
    inner.push(QUOTE.exec(lines[end])[1])
    end += 1
  }
  blocks.push({ kind: 'quote', spans: parseSpans(inner.join('\n')) })
  return end
}

/** One level of nesting is kept as depth; a line that is indented under an item belongs to it. */
function readList(lines, start, blocks) {
  const isOrdered = ITEM.exec(lines[start])[3] !== undefined
  const items = []
  let at = start
  while (at < lines.length) {
    const item = ITEM.exec(lines[at])
    if (item && (item[3] !== undefined) !== isOrdered && item[1].length < 2) break
    if (item) items.push({ depth: item[1].length >= 2 ? 1 : 0, text: item[4] })
    else if (lines[at].trim() !== '' && /^\s{2,}/.test(lines[at])) items.at(-1).text += `\n${lines[at].trim()}`
    else if (lines[at].trim() !== '' || !ITEM.test(lines[at + 1] ?? '')) break
    at += 1
  }
  const first = isOrdered ? Number(ITEM.exec(lines[start])[3]) : 1
  blocks.push({
    kind: 'list',
    isOrdered,
    start: first,
    items: items.map(({ depth, text }) => ({ depth, spans: parseSpans(text) })),
  })
  return at
}

function readParagraph(lines, start, blocks) {
  let end = start
  while (end < lines.length && lines[end].trim() !== '' && (end === start || !beginsBlock(lines[end]))) end += 1
  blocks.push({ kind: 'paragraph', spans: parseSpans(lines.slice(start, end).join('\n')) })
  return end
}

function beginsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line)
}

// Each alternative begins with a character of its own and cannot cross a line twice, so that reading stays linear.
const SPAN =
  /(`{1,3})([^`\n]+)\1|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\[([^[\]\n]{1,300})\]\((https:\/\/[^\s()<>]{1,2000})\)|(https:\/\/[^\s<>"'`]{1,2000})/g

/** Splits a line of text into spans; whatever is not understood stays text. */
export function parseSpans(text) {
  const spans = []
  let at = 0
  for (const found of text.matchAll(SPAN)) {
    if (found.index > at) spans.push({ kind: 'text', text: text.slice(at, found.index) })
    at = found.index + found[0].length
    const [, , code, strong, emphasis, label, address, bare] = found
    if (code !== undefined) spans.push({ kind: 'code', text: code })
    else if (strong !== undefined) spans.push({ kind: 'strong', text: strong })
    else if (emphasis !== undefined) spans.push({ kind: 'emphasis', text: emphasis })
    else if (address !== undefined) spans.push(linkOf(label, address))
    else at = pushBareLink(spans, bare, at)
  }
  if (at < text.length) spans.push({ kind: 'text', text: text.slice(at) })
  return spans
}

/** Punctuation at the end of a bare address belongs to the sentence. */
function pushBareLink(spans, bare, end) {
  const address = bare.replace(/[.,;:!?)\]]+$/, '')
  spans.push(linkOf(address, address))
  return end - (bare.length - address.length)
}

/** An address that does not parse, or is no https after all, is shown as text. */
function linkOf(label, address) {
  const isSafe = URL.canParse(address) && new URL(address).protocol === 'https:'
  return isSafe ? { kind: 'link', text: label, address } : { kind: 'text', text: label }
}
