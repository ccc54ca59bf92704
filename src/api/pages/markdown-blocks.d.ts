/** The shapes of markdown-blocks.js, for those who read it with types. */

export type Span =
  | { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly address: string }

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly spans: readonly Span[] }
  | { readonly kind: 'paragraph' | 'quote'; readonly spans: readonly Span[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string }
  | {
      readonly kind: 'list'
      readonly isOrdered: boolean
      readonly start: number
      readonly items: readonly { readonly depth: number; readonly spans: readonly Span[] }[]
    }
  | { readonly kind: 'rule' }

export function parseMarkdown(text: string): Block[]
export function parseSpans(text: string): Span[]
