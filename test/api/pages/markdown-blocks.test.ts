import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Block, parseMarkdown, parseSpans, type Span } from '../../../src/api/pages/markdown-blocks.js'

const text = (words: string): Span => ({ kind: 'text', text: words })

function spansOf(block: Block): readonly Span[] {
  if (block.kind === 'list') return block.items.flatMap(({ spans }) => spans)
  return 'spans' in block ? block.spans : []
}

const marks = [
  '`',
  '```',
  '*',
  '**',
  '_',
  '[',
  ']',
  '(',
  ')',
  '# ',
  '- ',
  '1. ',
  '> ',
  '---',
  '\n',
  '\n\n',
  '  ',
  '~~~',
  'https://a.b/c',
  '.',
]
const writing = fc
  .array(fc.oneof(fc.constantFrom(...marks), fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 40 })
  .map((pieces) => pieces.join(''))

describe('an answer’s Markdown', () => {
  test('becomes headings, paragraphs, lists, quotes, code and rules', () => {
    const answer =
      '## About\nTwo\nlines\n\n- one\n- two\n  more\n  - inner\n\n3. three\n4. four\n\n> said\n\n---\n```js\nlet a = 1\n\nlet b\n```\nend'
    expect(parseMarkdown(answer)).toEqual([
      { kind: 'heading', level: 2, spans: [text('About')] },
      { kind: 'paragraph', spans: [text('Two\nlines')] },
      {
        kind: 'list',
        isOrdered: false,
        start: 1,
        items: [
          { depth: 0, spans: [text('one')] },
          { depth: 0, spans: [text('two\nmore')] },
          { depth: 1, spans: [text('inner')] },
        ],
      },
      {
        kind: 'list',
        isOrdered: true,
        start: 3,
        items: [
          { depth: 0, spans: [text('three')] },
          { depth: 0, spans: [text('four')] },
        ],
      },
      { kind: 'quote', spans: [text('said')] },
      { kind: 'rule' },
      { kind: 'code', language: 'js', text: 'let a = 1\n\nlet b' },
      { kind: 'paragraph', spans: [text('end')] },
    ])
  })

  test('keeps a fence that is still being written as code', () => {
    expect(parseMarkdown('```python\nx = "**not bold**"')).toEqual([
      { kind: 'code', language: 'python', text: 'x = "**not bold**"' },
    ])
  })

  test('marks code, bold and emphasis inside a line', () => {
    expect(parseSpans('a `b*c` **d** *e* 2 * 3 * 4')).toEqual([
      text('a '),
      { kind: 'code', text: 'b*c' },
      text(' '),
      { kind: 'strong', text: 'd' },
      text(' '),
      { kind: 'emphasis', text: 'e' },
      text(' 2 * 3 * 4'),
    ])
  })

  test('links https addresses, named or bare, without the sentence’s punctuation', () => {
    expect(parseSpans('See [the paper](https://arxiv.org/abs/2005.11401), or https://example.org/a?b=c.')).toEqual([
      text('See '),
      { kind: 'link', text: 'the paper', address: 'https://arxiv.org/abs/2005.11401' },
      text(', or '),
      { kind: 'link', text: 'https://example.org/a?b=c', address: 'https://example.org/a?b=c' },
      text('.'),
    ])
  })

  test.each([
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '[x](http://example.org)',
    '[x](//example.org)',
    '[x](https://)',
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '![x](https://example.org/pixel.png)<a href="javascript:alert(1)">',
  ])('never links or runs %s', (markup) => {
    const links = parseMarkdown(markup)
      .flatMap(spansOf)
      .filter(({ kind }) => kind === 'link')
    expect(links.every((link) => 'address' in link && new URL(link.address).protocol === 'https:')).toBe(true)
  })

  test('loses no letter, whatever is written', () => {
    const letters = (words: string) => (words.match(/[\p{L}\p{N}]/gu) ?? []).sort().join('')
    fc.assert(
      fc.property(writing, (answer) => {
        const shown = parseMarkdown(answer).map((block) =>
          block.kind === 'code'
            ? block.text + block.language
            : spansOf(block)
                .map((span) => span.text)
                .join(''),
        )
        // The numbers of a list are shown by the list itself, the address of a link behind its name.
        const isNumbered = parseMarkdown(answer).some((block) => block.kind === 'list' && block.isOrdered)
        if (!isNumbered && !answer.includes('](')) expect(letters(shown.join(''))).toBe(letters(answer))
      }),
    )
  })

  test('is read in time that grows with its length, whatever it repeats', () => {
    const hostile = ['`', '*', '**', '[', '](', '[a](https://', '> ', '- ', '  - ', '```\n', '# ', '_ ', 'https://']
    const started = performance.now()
    for (const piece of hostile) parseMarkdown(piece.repeat(20_000 / piece.length))
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})
