/** Recognises the language of a question, as far as needed to say in it that the knowledge base is in English. */
import { foldText } from './question-terms.ts'

/** Returns the sentence that says, in that language, that the knowledge base is in English; undefined for English. */
export function languageNotice(language: Language): string | undefined {
  return language === 'en' ? undefined : notices[language]
}

/**
 * Returns the likeliest language of a text: by its script, else by counting the small words of each language. Text that
 * gives no sign is in the language `before`.
 */
export function languageOf(text: string, before: Language = 'en'): Language {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  const byScript = scripts.find(([pattern]) => (text.match(pattern)?.length ?? 0) > letters * scriptShareMin)
  if (byScript !== undefined) return byScript[1]
  if (/[¿¡]/.test(text)) return 'es'
  const words =
    foldText(text)
      .match(/\p{L}+/gu)
      ?.slice(0, wordsMax) ?? []
  let best = before
  let most = countOf(words, before)
  for (const language of latinLanguages) {
    const count = countOf(words, language)
    if (count > most) [best, most] = [language, count]
  }
  return best
}

/** A greeting in another script inside an English message does not change the language. */
const scriptShareMin = 0.3
const wordsMax = 200

function countOf(words: readonly string[], language: Language): number {
  const small = language in smallWords ? smallWords[language as keyof typeof smallWords] : undefined
  return small === undefined ? 0 : words.filter((word) => small.has(word)).length
}

/** Small words and greetings, folded; a word that two languages share says little and is mostly left out. */
const smallWords = {
  en: set(
    'the is are what how does do i my of to a an and in it this that can you me for with please explain tell about why which vs between difference hello hi thanks die',
  ),
  es: set(
    'que es son como el los las una para mi puedo quiero por favor explica explicame cual cuales donde funciona funcionan hola gracias buenos buenas dias cuando entre diferencia hacer crear del estoy tengo necesito ayuda sobre proyecto proyectos dame ejemplo otro muestrame ensename',
  ),
  de: set(
    'ist sind der das die ein eine einen einem wie und ich mir mich mein meine kann kannst bitte erklare erklar warum welche welches wo funktioniert hallo danke guten morgen tag zwischen unterschied nicht fur mit auf werden wird mochte habe bin gibt zeig erstelle gib beispiel mehr das verhindern',
  ),
  fr: set(
    'quest est ce que les une des comment je moi mon ma mes peux puis expliquez explique pourquoi quelle quel bonjour merci salut bonsoir entre avec dans sur cest suis fonctionne veux voudrais difference aide projet projets montre cree donne exemple encore',
  ),
  pt: set(
    'o que e um uma como eu meu minha voce posso qual quais onde por favor explique ola obrigado obrigada bom dia funciona entre diferenca nao quero preciso projeto projetos sao tenho mostre crie exemplo mais',
  ),
  it: set(
    'che cosa cos e il gli una come io mio mia puoi posso spiegami spiega perche quale quali dove ciao grazie buongiorno funziona tra differenza sono voglio vorrei progetto progetti della mostrami crea esempio dammi',
  ),
  nl: set(
    'wat het een hoe werkt ik mijn kun kan je waarom welke waar hallo dank bedankt goedemorgen leg uit tussen verschil niet voor met wil zijn',
  ),
} satisfies Record<string, ReadonlySet<string>>

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(' '))
}

const latinLanguages = ['en', 'es', 'de', 'fr', 'pt', 'it', 'nl'] as const

const scripts = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Han}/gu, 'zh'],
  [/\p{Script=Cyrillic}/gu, 'ru'],
  [/\p{Script=Arabic}/gu, 'ar'],
  [/\p{Script=Devanagari}/gu, 'hi'],
] as const

const notices = {
  es: 'Mi base de conocimientos está en inglés, así que respondo en inglés.',
  de: 'Meine Wissensbasis ist auf Englisch, deshalb antworte ich auf Englisch.',
  fr: 'Ma base de connaissances est en anglais, je réponds donc en anglais.',
  pt: 'A minha base de conhecimento está em inglês, por isso respondo em inglês.',
  it: 'La mia base di conoscenza è in inglese, quindi rispondo in inglese.',
  nl: 'Mijn kennisbank is in het Engels, daarom antwoord ik in het Engels.',
  ja: '知識ベースは英語で書かれているため、英語でお答えします。',
  ko: '지식 베이스가 영어로 되어 있어 영어로 답변드립니다.',
  zh: '我的知识库是英文的，因此我用英文回答。',
  ru: 'Моя база знаний на английском языке, поэтому я отвечаю по-английски.',
  ar: 'قاعدة معارفي باللغة الإنجليزية، لذلك أجيب بالإنجليزية.',
  hi: 'मेरा ज्ञान-संग्रह अंग्रेज़ी में है, इसलिए मैं अंग्रेज़ी में उत्तर देता हूँ।',
}

export type Language = 'en' | keyof typeof notices
