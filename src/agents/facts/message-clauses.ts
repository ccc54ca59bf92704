/** Cuts a message into clauses that keep their place in it, and tells which of them ask something. Pure. */

/** A part of a message: `[start, end)` in UTF-16 code units of the whole text. */
export interface Clause {
  readonly start: number
  readonly end: number
  /** The clause in lower case without accents; as long as the clause itself, so that places agree. */
  readonly folded: string
}

/** Later text of a very long message is not read: facts stand at its beginning or nowhere. */
const CHARACTERS_MAX = 4_000

/** Lower case without accents, one UTF-16 code unit for one. */
export function foldInPlace(text: string): string {
  return text.replaceAll(/[^ -@[-~]/g, (unit) => {
    if (unit === '’' || unit === '‘') return "'"
    const bare = unit.normalize('NFD').charAt(0).toLowerCase()
    return bare.length === unit.length ? bare : unit
  })
}

/** The clauses of a message in order. Undefined when the message is longer than what is read. */
export function clausesOf(text: string): readonly Clause[] | undefined {
  if (text.length > CHARACTERS_MAX) return undefined
  const folded = foldInPlace(text)
  const clauses: Clause[] = []
  for (const sentence of folded.matchAll(SENTENCE)) {
    let start = sentence.index
    const cuts = [...sentence[0].matchAll(CLAUSE_BOUNDARY)].map(({ index }) => sentence.index + index)
    for (const end of [...cuts, sentence.index + sentence[0].length]) {
      const clause = trimmed(folded, start, end)
      if (clause !== undefined) clauses.push(clause)
      start = end
    }
  }
  return clauses
}

/** True for a question, and for a request to explain, show, find or make something. */
export function asks({ folded }: Clause): boolean {
  return /[?¿？؟]/.test(folded) || QUESTION_OPENING.test(folded) || REQUEST.test(folded)
}

function trimmed(folded: string, from: number, to: number): Clause | undefined {
  const part = folded.slice(from, to)
  const lead = /^(?:[\s,;:–—-]+|(?:and|y|e|und|et)\s+)*/.exec(part)?.[0].length ?? 0
  const body = part.slice(lead).trimEnd()
  if (body === '') return undefined
  return { start: from + lead, end: from + lead + body.length, folded: body }
}

/** A full stop ends a sentence only before white space: "3.5" and "node.js" go on. */
const SENTENCE = /[^\n]+?(?:[.!?…]+(?=[\s"”»)]|$)|;|(?=\n)|$)/g

const QUESTION_WORDS = [
  "what|what's|whats|why|how|who|who's|where|when|which|whose|explain|teach|tell me|describe|define|compare|walk me|help|do you|did you|does|are you|are there|is there|is it|is that|is this|am i|was i|can i|could i|may i|shall i|should|would it|have you|has|i wonder|i'm wondering|i am wondering|i want to (?:know|learn|understand)|i'd like to (?:know|learn|understand)|i would like to (?:know|learn|understand)|i need (?:help|to know|to understand)",
  'que|cual|cuales|como|donde|cuando|quien|quienes|por que|para que|cuanto|cuanta|explica\\w*|ensena\\w*|dime|describe|define|compara|ayuda\\w*|hay|puedo|debo|deberia|quiero (?:saber|aprender|entender)|me gustaria (?:saber|aprender|entender)|necesito (?:ayuda|saber)',
  'was|wie|wer|wo|warum|wieso|weshalb|wozu|wofur|wann|welche[rsmn]?|erklar\\w*|beschreib\\w*|sag mir|hilf|gibt es|ist das|ist es|hast du|bist du|kann ich|darf ich|soll ich|sollte ich|bin ich|ich (?:will|mochte) (?:wissen|lernen|verstehen)|ich frage mich',
  "quoi|qu'est|c'est quoi|comment|pourquoi|qui|ou|quand|quel|quelle|quels|quelles|combien|a quoi|de quoi|explique\\w*|decri\\w*|dis-moi|aide\\w*|apprends-moi|est-ce|y a-t-il|puis-je|dois-je|suis-je|es-tu|as-tu|je (?:veux|voudrais|aimerais) (?:savoir|apprendre|comprendre)|je me demande",
  "o que|qual|onde|quando|explique|como|cosa|cos'e|che cos|come|dove|chi|perche|spiega\\w*|wat|hoe|waarom|wie|waar|leg uit",
].join('|')

const OPENING_FILLER =
  "(?:(?:hi|hello|hey|well|ok|okay|so|also|and|but|oh|now|then|yes|no|please|btw|by the way|just|quick question|a quick question|hola|bueno|oye|pero|por favor|hallo|also|und|aber|bitte|mal|salut|bonjour|alors|mais|et|s'il te plait|e|ma|mas)\\b[\\s,:!–—-]*)*"

const QUESTION_OPENING = new RegExp(`^${OPENING_FILLER}(?:${QUESTION_WORDS})(?![\\w'])`)

const REQUEST =
  /^(?:please |can you |could you |would you |will you |and |then |now |so )*(?:make|create|build|draw|generate|design|paint|show|give|find|search|look|recommend|suggest|write|send|translate|summari[sz]e|list|open|import|muestra\w*|busca|crea|haz\w*|dibuja|genera|recomienda\w*|zeig\w*|such\w*|erstell\w*|mach|zeichne|gib|empfiehl|finde|montre\w*|trouve|cherche|cree|fais|dessine|donne\w*|recommande\w*)\s+(?:me|us|a|an|the|some|for|up|out|my own|un|una|el|la|los|las|mir|uns|ein|eine|einen|den|das|die|nach|moi|nous|le|les|des|une)\b/

/** Where a new statement or a question begins inside a sentence. */
const CLAUSE_BOUNDARY = new RegExp(
  [
    "(?:[,–—]| -)? (?:and|but|so|also) (?=(?:also )?(?:i|i'm|i've|my)\\b)",
    "[,–—] ?(?=(?:i|i'm|i've|my)\\b)",
    ',? (?:y|e|pero) (?=(?:soy|me|mi|mis|vivo|trabajo|hablo|tengo|estudio|prefiero)\\b)',
    ', ?(?=(?:soy|me|mi|mis|vivo|trabajo|hablo|tengo|estudio|prefiero)\\b)',
    ',? (?:und|aber) (?=(?:ich|mein|meine|mich)\\b)',
    ', ?(?=(?:ich|mein|meine|mich)\\b)',
    ",? (?:et|mais) (?=(?:je|j'|mon|ma|mes)\\b)",
    ", ?(?=(?:je|j'|mon|ma|mes)\\b)",
    `(?:[,–—:]| -) ?(?:(?:and|but|so|now|please|then|y|pero|und|aber|et|mais|e|ma) )?(?=(?:${QUESTION_WORDS})(?![\\w']))`,
    ' (?:and|so|but|y|pero|und|aber|et|mais) (?=(?:what|why|how|who|where|which|explain|teach|tell me|que|cual|como|por que|explica|was|wie|warum|erklar|comment|pourquoi|quel|quelle|explique)\\b)',
  ].join('|'),
  'g',
)
