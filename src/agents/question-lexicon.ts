/** The words the search treats specially: those that carry no subject, those that carry little, and those that mean the same. */

/** Phrases that are one thing, folded, with the word that stands for them. */
export const phrases: readonly (readonly [RegExp, string])[] = [
  [/\b(?:large )?language models?\b/g, 'llm'],
  [/\bsprachmodelle?n?\b|\bmodelos? de lenguaje\b|\bmodeles? de langage\b|\bmodelos? de linguagem\b/g, 'llm'],
  [/\bneural nets?\b|\bneuronales? netze?\b|\bneuronale netze\b|\bred(?:es)? neuronal(?:es)?\b/g, 'neural network'],
  [/\breseaux? de neurones\b|\bredes? neura(?:l|is)\b/g, 'neural network'],
  [/\bartificial intelligence\b|\bkunstlichen? intelligenz\b|\binteligencia artificial\b/g, 'ai'],
  [/\bintelligence artificielle\b|\b(?:ki|ia)\b/g, 'ai'],
  [/\bmaschinelle[sn]? lernens?\b|\baprendizaje automatico\b|\bapprentissage automatique\b/g, 'machine learning'],
  [/\bfine[ -]tun(?:e|ed|es|ing)\b/g, 'finetune'],
  [/\bgraphics? (?:card|processor)s?\b|\bgrafikkarten?\b/g, 'gpu'],
  [/\b(?:log|sign|logging|signing) ?in\b|\banmelden\b|\binici(?:o|ar) sesion\b/g, 'signin'],
  [/\b(?:log|sign|logging|signing)(?: me)? ?(?:out|off)\b|\babmelden\b|\bcerrar sesion\b/g, 'signout'],
  [/\bget(?:ting)? rid of\b/g, 'delete'],
  [/\b(?:make|makes|making|made) (?:\w+ )?up\b/g, 'hallucination'],
  [/\bopen[ -]source\b/g, 'opensource'],
  [/\bstep[ -]by[ -]step\b/g, 'stepwise'],
  [/\btext[ -]to[ -]speech\b/g, 'speech synthesis'],
]

/** Words whose usual stem would make another word of them. */
export const irregularStems: Readonly<Record<string, string>> = { projection: 'projection', projections: 'projection' }

/** Groups of words that mean the same here; the first of each group stands for all. */
export const oneMeaning: readonly (readonly string[])[] = [
  ['conversation', 'chat', 'gesprach', 'gesprache', 'unterhaltung', 'conversacion', 'conversaciones', 'conversa'],
  ['answer', 'reply', 'response', 'respond', 'antwort', 'respuesta', 'reponse'],
  ['image', 'picture', 'photo', 'photograph', 'pic', 'bild', 'bilder', 'imagen', 'imagenes'],
  ['chatbot', 'bot'],
  ['database', 'db', 'datenbank'],
  ['document', 'doc', 'pdf'],
  ['delete', 'remove', 'erase', 'loschen', 'losche', 'geloscht', 'borrar', 'eliminar', 'supprimer'],
  ['cost', 'price', 'pricing', 'expensive', 'cheap', 'bill', 'kosten', 'cuesta'],
  ['fast', 'speed', 'slow', 'quick', 'faster', 'latency'],
  ['choose', 'choosing', 'select', 'pick', 'decide', 'best'],
  ['start', 'begin', 'beginning'],
  ['chunk', 'piece', 'passage', 'snippet'],
  ['store', 'save', 'saved'],
  ['code', 'coding', 'programming'],
  ['bias', 'biased', 'unfair', 'racist', 'sexist', 'discriminate', 'prejudice'],
  ['attack', 'hack', 'hacker', 'attacker', 'malicious'],
  ['hallucination', 'fabricate', 'confabulate'],
  ['data', 'daten', 'datos', 'donnees', 'dados'],
  ['export', 'exportieren', 'exportar', 'exporter', 'download'],
  ['account', 'konto', 'cuenta', 'compte'],
  ['project', 'projekt', 'proyecto', 'projet', 'projeto'],
  ['error', 'fault', 'fehler'],
  ['retrieval', 'retrieve', 'retriever'],
  ['recommend', 'recommendation', 'recommender'],
  ['private', 'privacy'],
  ['accuracy', 'accurate'],
  ['summary', 'summarise', 'summarize', 'summarisation', 'summarization'],
  ['explain', 'explanation', 'explainable', 'explainability'],
  ['reliable', 'reliability', 'reliably'],
  ['moderation', 'moderate'],
]

/** Words that carry a question without saying what it is about, in the languages people write here; folded. */
export const fillerWords = wordSet(
  'a an the this that these those it its they them their there here he she his her him we us our you your yours i im ive id me my mine myself',
  'is are am was were be been being do does did doing done has have had having can could will would shall should may might must',
  'isnt arent dont doesnt didnt cant couldnt wont wouldnt shouldnt thats whats hows wheres theres lets youre theyre youve',
  'and or but nor so if then than as at by for from in into of off on onto out over to up with within about between through during without',
  'what which who whom whose when where why how whether not no yes any some all each every both more most other such own same too very just also only',
  'please pls thanks hi hey hello ok okay well actually really basically exactly kind sort bit little quick quickly simple simply simpler easy brief briefly short detail depth words term terms plain',
  'tell explain describe define understand help learn teach know mean means meaning work works give want wanna need like love say show get got think wonder wondering curious question ask asking talk talking',
  'something anything everything thing things stuff lot lots much many one ones way ways again now today try trying use using used',
  'beginner beginners basics introduction intro overview',
  'que es son el los las lo un una unos unas de del al y o u en con por para como cual cuales quien donde cuando porque me mi mis te tu su se si hay puedo puede quiero explica explicame explicar significa funciona funcionan sobre entre esta este esto hacer hago faire machen mache fare fazer',
  'was ist sind der die das den dem des ein eine einen einem einer eines und oder aber wie wo wer wen wann warum wieso welche welcher welches ich mir mich mein meine meinen meiner du dir dich kann kannst man wird werden hat habe haben fur mit von vom zum zur im auf an bei uber zwischen nicht bitte erklare erklar erklaren bedeutet funktioniert funktionieren gibt es mochte will',
  'quest quoi est ce cest sont le les des du et ou dans sur avec pour par comment quel quelle quels quelles qui quand pourquoi je moi mon ma mes ton ta vous votre peux peut puis explique expliquez fonctionne fonctionnent signifie entre il y ne pas',
  'o os as um uma uns umas do da dos das na nos nas em com e por como qual quais quem onde quando porque meu minha voce posso pode sao nao',
  'cosa che il gli uno di della dei delle nel nella su per come quale quali chi dove perche io mio mia puoi posso spiega spiegami tra sono non',
  'wat zijn het een en of hoe waar waarom ik mijn kan kun je jouw uitleggen uitleg werkt betekent tussen niet',
)

/** Common words that say little about a subject; folded. */
export const commonWords = wordSet(
  'able above accident across actual add after ago alone along already always another app appear around available away back bad before behind believe better big break bring broken build business buy call came care case certain chance change check clear clearly close come common company complete concept consider correct create currently current cut day deal depend different difference down early easily else end enough even ever everybody everyone exact exist existing expect explained fact fail fall far feel few figure find fine first fit follow forever form found full gave general go goes going gone good great grow guy half halfway hand happen hard hear heard hide high hold idea important improve index inside instead interest involve issue job join key knew known large last late later lead least leave left less let life line list live long lose main maintain major make making manage matter maybe meet mind minute miss money month move name never new newbie next nice nobody normal nothing number obvious often old once open option order part past pay people perfect person perhaps place plan play point popular possible prevent pretty problem properly put quite reach ready real reason recently regular remain report require rest result return right roughly rough round run safe safely said second seem sense serious set several share side similar since single size small solve somebody someone sometimes somehow soon sorry sound space special specific spend stand standard state stay still stop strange strong suggest suppose sure take talks tall task technical thank thought thousand time tip together told tomorrow tonight took tool top total touch true turn two type under unsure until upon user usual usually various version vs wait walk watch week went whatever whole wide wish word worth write wrong year yesterday yet young million hundred',
  'choose fast cost store start keep example technology easiest delete remove apply change rule speak system machine invent buy question word phone recommend',
  'genau beim ganz gerade mal eigentlich wirklich viel mehr gut neu alle alles hier dort jetzt immer wenn weil schon noch etwas jemand',
  'exactamente realmente mucho mas todo todos toda todas bien nuevo aqui ahora siempre alguien algo podria',
  'exactement vraiment beaucoup plus tout tous toute toutes bien nouveau ici maintenant toujours quelque',
)

/** Words that are a subject, but one that half of all questions here have; folded. */
export const commonSubjects = wordSet('answer conversation ai chatgpt gpt llm model claude gemini')

function wordSet(...lines: string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((words) => words.split(' ')))
}
