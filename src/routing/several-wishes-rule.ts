/** Of several wishes in one message the first decides: "explain RAG and draw it" is a question first. */

const REQUESTING =
  "what|who|how|which|explain|teach|help|tell|describe|find|show|search|recommend|suggest|list|create|make|start|build|import|add|publish|draw|design|generate|paint|update|change|set|remember|note|save|take|open|que|como|explica|explicame|ayudame|ensename|muestra|muestrame|busca|recomienda|recomiendame|crea|haz|anade|dibuja|genera|actualiza|cambia|was|wie|erklar|erklare|hilf|zeig|zeige|such|suche|finde|empfiehl|erstelle|mach|fuge|zeichne|andere|speichere|c'est quoi|qu'est|comment|explique|aide|montre|cherche|trouve|recommande|cree|fais|ajoute|dessine|genere|change|enregistre|quien|wer|qui|spiega|mostra|mostrami|disegna|crie|mostre|desenhe"
const OPENING = new RegExp(`^(?:(?:can|could|would) you (?:please )?|please |bitte |por favor )?(?:${REQUESTING})\\b`)
const NEXT_WISH = new RegExp(
  `(?:[,.;!?] *|,? +)(?:and then|and also|and|then|afterwards|also|y luego|y|luego|und dann|und|dann|et puis|et|puis|ensuite|e|poi) +(?:please |then |also |bitte |(?:can|could) you (?:please )?)?(?:${REQUESTING})\\b`,
)
const WORDS_OF_A_WISH_MIN = 2
/** "Make it bluer": what is meant stands in the wish after it, or before this message. */
const POINTING =
  /^(?:make|turn|change|paint|set|mach|male|andere|fais|rends|haz|pon) (?:it|this|that|them|es|das|la|le|lo)\b/

/** Returns the first of several wishes in a normalized text; undefined when there is only one, or the first does not stand alone. */
export function firstOfSeveralWishes(normalized: string): string | undefined {
  if (!OPENING.test(normalized)) return undefined
  const next = NEXT_WISH.exec(normalized)
  if (next === null) return undefined
  const first = normalized.slice(0, next.index)
  return first.split(' ').length >= WORDS_OF_A_WISH_MIN && !POINTING.test(first) ? first : undefined
}
