/** Words with which people begin a question or a request, in the languages most people write here; an alternation for regular expressions. */

const english =
  "what|whats|what's|why|how|who|where|when|which|explain|teach|show|find|search|look for|recommend|suggest|list|create|make|start|build|generate|draw|design|paint|import|add|publish|update|change|set|open|take me|go to|remember|tell me|describe|help|help me|walk me|give me|can i|can you|could you|would you|will you|is there|are there|do i|does|should i|i want to understand|i want to learn|i'd like to know|i want to know"
const spanish =
  'que|como|cual|cuales|donde|quien|quienes|por que|para que|explica|explicame|ensename|muestra|muestrame|busca|crea|haz|hazme|dibuja|genera|anade|cambia|actualiza|recuerda|ayudame|puedes|podrias|hay'
const german =
  'was|wie|wer|wo|warum|wieso|wozu|wofur|welche|welcher|welches|erklar|erklare|zeig|zeige|suche|such|finde|erstelle|mach|zeichne|andere|fuge|fug|bring|gib|hilf|kannst du|konntest du|gibt es'
const french =
  "qu'est-ce|c'est quoi|quoi|comment|pourquoi|qui|ou|quel|quelle|quels|quelles|a quoi|explique|explique-moi|montre|montre-moi|trouve|cherche|cree|fais|dessine|ajoute|change|aide|aide-moi|apprends-moi|peux-tu|pourrais-tu|y a-t-il"
const others =
  "o que|qual|onde|mostra|mostre|procure|crie|desenhe|pode|cosa|cos'e|che cos'e|come|dove|chi|perche|spiega|spiegami|mostrami|cerca|disegna|aggiungi|puoi"

export const REQUEST_WORDS = [english, spanish, german, french, others].join('|')
