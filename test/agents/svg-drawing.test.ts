import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { svgDrawing } from '../../src/agents/offline/svg-drawing.ts'

const wish = { title: 'A sunset', description: 'A sunset over the sea', form: 'picture', labels: [] } as const
async function draw(changes: Partial<Parameters<typeof svgDrawing.draw>[0]> = {}) {
  const picture = await svgDrawing.draw({ ...wish, ...changes }, new AbortController().signal)
  return { ...picture, svg: new TextDecoder().decode(picture.bytes) }
}

describe('a drawing', () => {
  it('is the same for the same words', async () => {
    expect(await draw()).toEqual(await draw())
    expect((await draw()).svg).not.toBe((await draw({ title: 'A fox' })).svg)
  })

  it('says what it shows and that it is a drawing, in words for screen readers', async () => {
    const { svg, alt, made, mediaType } = await draw()
    expect({ alt, origin: made.origin, mediaType }).toEqual({
      ...{ alt: 'Card: A sunset. A sunset over the sea', origin: 'drawn', mediaType: 'image/svg+xml' },
    })
    expect(svg).toContain('role="img" aria-labelledby="title desc"')
    expect(svg).toContain('<title id="title">A sunset</title>')
    expect(svg).toContain('not a generated picture')
  })

  it('of a diagram shows its parts around the subject', async () => {
    const { svg, alt } = await draw({ title: 'RAG', form: 'diagram', labels: ['Search', 'Answer'] })
    expect(alt).toBe('Concept map: RAG, linked to Search, Answer')
    expect(svg.match(/<line /g)).toHaveLength(2)
  })

  it('is not drawn once it is no longer wanted', async () => {
    await expect(svgDrawing.draw(wish, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped')
  })

  it('holds nothing but shapes and escaped words, and stays small, whatever is asked for', async () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom(
        '</text><script>alert(1)</script>',
        '" onload="x',
        '<image href="http://x"/>',
        '&#x3c;',
        ']]>',
        '\0\u202e',
        "' onclick='x",
      ),
    )
    await fc.assert(
      fc.asyncProperty(
        nasty,
        nasty,
        fc.array(nasty, { maxLength: 9 }),
        fc.boolean(),
        async (title, description, labels, isMap) => {
          const { svg } = await draw({ title, description, labels, form: isMap ? 'diagram' : 'picture' })
          const tags = new Set([...svg.matchAll(/<\/?([a-zA-Z!?]+)/g)].map(([, name]) => name))
          expect(
            [...tags].filter(
              (name) => !['svg', 'title', 'desc', 'rect', 'line', 'circle', 'text'].includes(name ?? ''),
            ),
          ).toEqual([])
          for (const [attributes] of svg.matchAll(/<[a-z][^>]*>/g))
            expect(attributes).not.toMatch(/\s(?:on\w+|href|xlink:href|style)=/)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
          expect(svg).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&(?!amp;|lt;|gt;|quot;|#39;)/)
          expect(svg.length).toBeLessThan(20_000)
        },
      ),
      { numRuns: 500 },
    )
  })
})
