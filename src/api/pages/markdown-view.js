/** Shows parsed Markdown as elements; text goes in as text nodes and nothing else. */
import { parseMarkdown } from './markdown-blocks.js'

const shown = new WeakMap()

/** Shows the text in the element. While it grows only the blocks that changed are built anew, so a selection survives. */
export function showMarkdown(element, text) {
  const blocks = parseMarkdown(text)
  const before = shown.get(element) ?? []
  const prints = blocks.map((block) => JSON.stringify(block))
  let same = 0
  while (same < prints.length && prints[same] === before[same]) same += 1
  while (element.childNodes.length > same) element.lastChild.remove()
  for (const block of blocks.slice(same)) element.append(elementOf(block))
  shown.set(element, prints)
}

function elementOf(block) {
  switch (block.kind) {
    case 'heading':
      // Below the page's own headings, whatever the answer thinks of itself.
      return fill(document.createElement(`h${Math.min(6, block.level + 2)}`), block.spans)
    case 'code':
      return codeOf(block)
    case 'list':
      return listOf(block)
    case 'quote':
      return fill(document.createElement('blockquote'), block.spans)
    case 'rule':
      return document.createElement('hr')
    default:
      return fill(document.createElement('p'), block.spans)
  }
}

function codeOf({ language, text }) {
  const pre = document.createElement('pre')
  const code = document.createElement('code')
  code.textContent = text
  if (language !== '') pre.dataset.language = language
  pre.tabIndex = 0
  pre.append(code)
  return pre
}

function listOf({ isOrdered, start, items }) {
  const list = document.createElement(isOrdered ? 'ol' : 'ul')
  if (isOrdered && start !== 1) list.start = start
  for (const { depth, spans } of items) {
    const item = fill(document.createElement('li'), spans)
    if (depth > 0 && list.lastElementChild) nestedListOf(list.lastElementChild).append(item)
    else list.append(item)
  }
  return list
}

function nestedListOf(item) {
  const last = item.lastElementChild
  if (last?.tagName === 'UL') return last
  const nested = document.createElement('ul')
  item.append(nested)
  return nested
}

function fill(element, spans) {
  for (const span of spans) element.append(spanOf(span))
  return element
}

const spanTags = { code: 'code', strong: 'strong', emphasis: 'em' }

function spanOf(span) {
  if (span.kind === 'text') return document.createTextNode(span.text)
  if (span.kind !== 'link') {
    const element = document.createElement(spanTags[span.kind])
    element.textContent = span.text
    return element
  }
  const link = document.createElement('a')
  link.href = span.address
  link.textContent = span.text
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
  return link
}
