/** How people state facts about themselves, in the languages most people write here: what is not listed is no fact. */

/** What a fact is about; the names are part of the permanent record. */
export const factKinds = [
  'name',
  'age',
  'birthday',
  'place',
  'work',
  'education',
  'language',
  'skill',
  'experience',
  'interest',
  'goal',
  'preference',
  'about',
  'note',
] as const
export type FactKind = (typeof factKinds)[number]

export interface FactPattern {
  readonly kind: FactKind
  /** On folded text, from the beginning of a statement; the group `value` is what is noted. */
  readonly pattern: RegExp
  /** On the text as written, where case tells something: German nouns. */
  readonly isAsWritten?: boolean
}

/** What may follow a value and is no part of it. */
const END =
  "(?=$|[,.!?…;)]| (?:because|since|so that|who|which|but|though|although|thanks?|thx|please|by the way|btw|porque|pero|gracias|por favor|weil|aber|danke|bitte|parce qu|car|mais|merci|s'il)\\b)"
const VALUE = `(?<value>[^,;!?…]*?\\S)${END}`
/** Words that point at something else than a thing that can be liked, known or preferred. */
const POINTING =
  '(?!(?:it|its|this|that|these|those|them|him|her|you|your|how|when|what|where|why|who|if|to know|to ask|to see|to hear|the way|a lot|a little|a bit|nothing|anything|everything|something|both|all|mucho|nada|todo|viel|nichts|alles|beaucoup|rien|tout|eso|esto|lo|que|como|cuando|tu|tus|das|dies|dass|es|wenn|wie|deine?|ca|cela|ce|cette|ces|quand|que|qu|ton|ta|tes|votre)(?![\\w]))'

/** A fact that follows an opening: "I live in" Berlin. */
const told = (kind: FactKind, opening: string): FactPattern => ({
  kind,
  pattern: new RegExp(`^(?:${opening})(?:\\s+|(?<=\\s))${POINTING}${VALUE}`),
})

/** A fact whose value begins with the word that makes it one: "don't eat meat". */
const whole = (kind: FactKind, opening: string, beginning: string): FactPattern => ({
  kind,
  pattern: new RegExp(`^(?:${opening})(?=${beginning})${VALUE}`),
})

const AM = "(?:i'm|im|i am)(?: (?:now|just|also|actually|currently|still|basically))?"
const MOOD =
  '(?!(?:(?:a )?(?:bit|little|lot)|(?:an? )?(?:mess|idiot|failure|wreck|loser|goner|joke|huge|hurry|while|problem|question))\\b)'

const english: readonly FactPattern[] = [
  told(
    'name',
    "my (?:first |full |last )?name is|my name's|i am called|i'm called|(?:people call me|please call me|call me|i go by)(?! (?:later|back|tomorrow|today|when|if|at|on|an?)\\b)",
  ),
  { kind: 'age', pattern: new RegExp(`^${AM} (?<value>\\d{1,3}(?: years? old)?)(?=$|[,.!?])`) },
  told('birthday', 'my birthday is|my birth date is|i was born on'),
  told(
    'place',
    `i live in|i'm living in|i am living in|${AM} (?:based in|from|living in)|i come from|i moved to|i was born in|my (?:home|city|town|country|location|hometown|time ?zone) is`,
  ),
  told(
    'work',
    `i work (?:as|for|at|in|with)|i do (?=[^,.]* for a living)|my (?:job|day job|profession|occupation|job title|role|title|company|employer|team|field|industry) is(?: in)?`,
  ),
  told(
    'education',
    "i study|i'm studying|i am studying|i studied|i'm a student of|i hold an?|i graduated (?:in|from)|i have (?=an? (?:degree|master|bachelor|phd|doctorate|diploma)\\b)|my (?:degree|major|field of study) is(?: in)?",
  ),
  told(
    'language',
    'i (?:also )?speak(?! (?:to|with|about|of|for|as|up|out)\\b)|i am a native speaker of|my (?:native|first|second) language is|my mother tongue is',
  ),
  told(
    'experience',
    "i have (?=\\d+\\+? years?\\b|(?:\\w+ )?experience\\b)|i've got (?=\\d+ years?\\b)|i've (?:been (?=an? )|had a background in|worked (?:as|in|for|with|at))",
  ),
  told(
    'skill',
    `i(?: already)? know|i can (?:code|program|write code) in|my (?:strongest |main |best )?skills? (?:is|are)|my (?:strong (?:spot|point)|speciality) is|${AM} (?:good|great|experienced|fluent|skilled|proficient) (?:at|in|with)|i program in|i code in`,
  ),
  whole('experience', `${AM} `, '(?:new to|quite advanced in|advanced in|an? (?:beginner|expert|pro)\\b)'),
  whole('experience', 'i ', `use ${POINTING}`),
  whole('preference', 'i ', `(?:do not|don't) (?:like|eat|drink) ${POINTING}`),
  whole('goal', 'i want to ', 'become\\b'),
  whole(
    'work',
    `${AM} the `,
    '(?:ceo|cto|cfo|founder|co-founder|owner|head|director|lead|manager|president|principal)\\b',
  ),
  told(
    'interest',
    `i (?:really |also |absolutely )?(?:like|love|enjoy|adore)|${AM} (?:really |very )?(?:interested in|into|passionate about|fascinated by|curious about|an? (?:big |huge )?fan of)|my (?:hobby|hobbies|interests?|passions?) (?:is|are)|in my (?:free|spare) time i|as a hobby i|what i (?:like|love) most is`,
  ),
  told(
    'goal',
    "my (?:main |next )?(?:goal|aim|dream|ambition)(?: (?:this year|for this year|right now))? is(?: to)?|i aim to|i'm aiming to|i'm working towards",
  ),
  told(
    'preference',
    'i (?:really |usually )?prefer|i learn best (?:with|by|from)|my (?:favou?rite [a-z ]{2,30}|preferred [a-z ]{2,30}|pronouns) (?:is|are)',
  ),
  {
    kind: 'about',
    pattern:
      /^(?:i'm|im|i am) (?<value>(?:a )?(?:vegan|vegetarian|left-handed|colou?r-?blind|dyslexic|deaf|blind|married|retired|self-employed|freelance|introverted|allergic to [^,.!]+))(?=$|[,.!])/,
  },
  {
    kind: 'about',
    pattern:
      /^i have (?<value>(?:an?|one|two|three|four|five|six|\d+) (?:kids?|child|children|sons?|daughters?|dogs?|cats?|brothers?|sisters?)(?: [^,.!]*)?)(?=$|[,.!])/,
  },
  { kind: 'work', pattern: new RegExp(`^${AM} (?:an? )(?!fan|beginner)${MOOD}${VALUE}`) },
]

const spanish: readonly FactPattern[] = [
  told('name', '(?:yo )?me llamo|mi nombre es|llamame|puedes llamarme|me dicen'),
  { kind: 'age', pattern: /^tengo (?<value>\d{1,3} anos)/ },
  told('birthday', 'mi cumpleanos es'),
  told('place', '(?:yo )?(?:vivo|resido) en|(?:yo )?soy de|vengo de|me mude a|mi (?:ciudad|pais) es'),
  told('experience', 'tengo (?=(?:\\d+ anos de )?experiencia\\b)'),
  told('work', '(?:yo )?trabajo (?:como|en|para|de)|mi (?:trabajo|profesion|puesto|empresa) es|me dedico a'),
  told('education', '(?:yo )?estudio|estudie|estoy estudiando'),
  told('language', '(?:yo )?(?:tambien )?hablo(?! (?:de|con|sobre)\\b)|mi (?:idioma|lengua) (?:materna |nativa )?es'),
  told(
    'skill',
    'mi especialidad es|mis habilidades son|se programar en|domino|soy (?:bueno|buena|experto|experta|principiante) en',
  ),
  told(
    'interest',
    '(?:a mi )?(?:tambien )?me (?:gustan?|encantan?|interesan?|apasionan?)|mis? (?:aficion|aficiones|intereses|hobby|hobbies|pasion) (?:es|son)',
  ),
  told('goal', 'mi (?:meta|objetivo|sueno) es'),
  told('preference', '(?:yo )?prefiero'),
  whole('preference', '', 'no me gustan? '),
  {
    kind: 'work',
    pattern: new RegExp(
      `^(?:yo )?soy (?:un |una )?(?!yo\\b|nuevo|nueva|el que|la que|quien|muy|tan|feliz|consciente|capaz)${VALUE}`,
    ),
  },
]

const german: readonly FactPattern[] = [
  told('name', 'ich heisse|ich heiße|mein name ist|nenn mich|du kannst mich'),
  { kind: 'age', pattern: /^ich bin (?<value>\d{1,3}(?: jahre alt)?)(?=$|[,.!])/ },
  told('birthday', 'mein geburtstag ist(?: am)?'),
  told('place', '(?:dass )?ich (?:wohne|lebe) in|ich (?:komme|bin) aus|meine? (?:stadt|wohnort|heimat) ist'),
  { kind: 'place', pattern: /^dass ich (?:in )(?<value>[^,;!]+?) (?:wohne|lebe)(?=$|[,.!?])/ },
  told('work', 'ich arbeite (?:als|bei|in|fur)|mein (?:beruf|job|arbeitgeber) ist|beruflich bin ich'),
  told('education', 'ich (?:habe )?studier(?:e|t)|ich lerne gerade'),
  told('language', 'ich spreche(?! (?:von|mit|uber)\\b)|meine muttersprache ist'),
  told('experience', 'ich habe (?=(?:\\d+ jahre )?erfahrung\\b)'),
  told(
    'skill',
    'ich kenne mich (?:gut )?mit|ich programmiere in|meine (?:starke|spezialitat) ist|ich bin (?:gut|anfanger|anfangerin|experte|expertin) in',
  ),
  whole('preference', 'ich ', '(?:mag|esse|trinke) kein'),
  told(
    'interest',
    '(?:dass )?ich (?:mag|liebe)|ich interessiere mich fur|mich interessiert|mein(?:e)? hobb(?:y|ys|ies) (?:ist|sind)|ich begeistere mich fur',
  ),
  { kind: 'interest', pattern: /^dass ich (?<value>[^,;!]+?) (?:mag|liebe)(?=$|[,.!?])/ },
  told('goal', 'mein ziel ist(?: es,?)?|ich mochte (?=[^,.]* werden)'),
  told('preference', 'ich bevorzuge|am liebsten mag ich'),
  {
    kind: 'work',
    isAsWritten: true,
    pattern: /^[Dd]ass ich (?:ein |eine )?(?<value>[A-ZÄÖÜ][\p{L} -]+?) bin(?=$|[,.!?])/u,
  },
  {
    kind: 'work',
    isAsWritten: true,
    pattern:
      /^[Ii]ch bin (?:(?:jetzt|auch|von Beruf) )?(?:ein |eine )?(?<value>[A-ZÄÖÜ][\p{L}-]{2,}(?: (?:in|im|bei|aus|für) [^,.!;]+)?)(?=$|[,.!;]| und )/u,
  },
]

const french: readonly FactPattern[] = [
  told('name', "je m'appelle|mon nom est|mon prenom est|appelle-moi"),
  { kind: 'age', pattern: /^j'ai (?<value>\d{1,3} ans)/ },
  told('birthday', 'mon anniversaire est(?: le)?'),
  told(
    'place',
    "j'habite (?:a|en|au|aux|dans)|je vis (?:a|en|au|aux|dans)|je viens (?:de|du|des)|je suis (?:de|originaire de)|ma ville est",
  ),
  told('experience', "j'ai (?=(?:\\d+ ans d'|de l')experience\\b)"),
  told(
    'work',
    'je travaille (?:comme|chez|dans|en tant que|pour|en)|mon (?:metier|travail|poste) est|ma profession est',
  ),
  told('education', "j'etudie|j'ai etudie|je fais des etudes de"),
  told('language', 'je parle(?! (?:de|du|des|a|avec)\\b)|ma langue maternelle est'),
  told(
    'skill',
    'je maitrise|je programme en|mes competences sont|je suis (?:bon|bonne|expert|experte|debutant|debutante|doue|douee) (?:en|a|avec)',
  ),
  told(
    'interest',
    "j'(?:aime|adore)(?: (?:aussi|bien|beaucoup))?|je m'interesse (?:a|au|aux)|je suis passionnee? (?:de|par|du)|mes (?:interets|hobbies|passions|loisirs) sont",
  ),
  told('goal', 'mon (?:but|objectif|reve) est(?: de)?'),
  told('preference', 'je prefere'),
  whole('preference', 'je ', "n'aime pas "),
  {
    kind: 'work',
    pattern: new RegExp(
      `^je suis (?:un |une )?(?!(?:un peu|d'accord|en |sur|sure|la|ici|pret|prete|tres|trop|si|tout|toute|pas|plus|fatigue|fatiguee|perdu|perdue|triste|content|contente|heureux|heureuse|desole|desolee|bloque|bloquee|confus|confuse|curieux|curieuse|nouveau|nouvelle|presse|pressee|malade|stresse|stressee|ravi|ravie|libre|sorti|sortie|alle|allee|avec|chez|dans|de|du|a|au|bon|bonne)(?![\\w]))${VALUE}`,
    ),
  },
]

export const factPatterns: readonly FactPattern[] = [...english, ...spanish, ...german, ...french]

const attributeKinds: readonly (readonly [RegExp, FactKind])[] = [
  [/name|nombre|nom|prenom/, 'name'],
  [/city|location|country|town|home|ciudad|pais|ubicacion|wohnort|stadt|ville|pays/, 'place'],
  [/job|title|role|profession|occupation|trabajo|puesto|profesion|beruf|metier|poste/, 'work'],
  [/skill|habilidad|conocimiento|competence|kenntnis|fahigkeit/, 'skill'],
  [/interest|hobb|interes|aficion|interet|loisir/, 'interest'],
  [/goal|meta|objetivo|ziel|but|objectif/, 'goal'],
  [/language|idioma|lengua|sprache|langue/, 'language'],
  [/birthday|cumpleanos|geburtstag|anniversaire/, 'birthday'],
]

/** The kind of a fact about an attribute that the person names: "my job title". */
export function kindOfAttribute(attribute: string): FactKind {
  return attributeKinds.find(([pattern]) => pattern.test(attribute))?.[1] ?? 'about'
}

/** Wishes to write that name an attribute and its value; groups `attribute` and `value`. */
export const attributeWrites: readonly RegExp[] = [
  /^(?:set|change|update|switch|correct|make) my (?!profile\b)(?<attribute>[a-z -]{2,30}?)(?: to|:| as) (?<value>.+)$/,
  /^(?:add|put|include|list|insert|append|note) (?<value>.+?) (?:to|in|into|under|among|on|as) my (?:list of )?(?<attribute>[a-z -]{2,30})$/,
  /^(?:cambia|actualiza|corrige|pon) mi (?<attribute>[a-z ]{2,30}?) (?:a|por|como|:) ?(?<value>.+)$/,
  /^(?:anade|agrega|pon|incluye) (?<value>.+?) (?:a|en|entre) mis? (?<attribute>[a-z ]{2,30})$/,
  /^(?:setze?|andere|aktualisiere) mein(?:e|en)? (?<attribute>[a-z ]{2,30}?) (?:auf|zu|:) (?<value>.+)$/,
  /^(?:fuge|fug) (?<value>.+?) (?:zu )?(?:meinen|meinem|meiner) (?<attribute>[a-z ]{2,30}?) hinzu$/,
  /^(?:trag|trage) (?<value>.+?) als (?<attribute>[a-z ]{2,30}?)(?: ein)?$/,
  /^(?:change|mets|modifie) (?:mon|ma|mes) (?<attribute>[a-z ]{2,30}?) (?:en|a|par|:) ?(?<value>.+)$/,
  /^(?:ajoute|mets) (?<value>.+?) (?:a|dans|parmi) (?:mon|ma|mes) (?<attribute>[a-z ]{2,30})$/,
]

/** Words that ask to write down what follows them. */
export const writeOpening = new RegExp(
  `^(?:${[
    'remember|note|save|store|record|log|keep in mind|write down|make a note|take note|bear in mind|let my profile say|put in my profile|add to my profile|update my profile|say in my profile',
    'recuerda|recordar|anota|anotar|apunta|apuntar|guarda|guardar|memoriza|ten en cuenta|pon en mi perfil|anade a mi perfil|actualiza mi perfil',
    'merke? dir|merken|notieren?|notier|speichern|speichere?|vermerke?|schreibe? (?:dir )?auf|aktualisiere? mein profil|schreibe? in mein profil',
    'retiens|retenir|noter|souviens-toi|enregistrer?|memorise|mets dans mon profil|ajoute a mon profil|mets a jour mon profil',
  ].join(
    '|',
  )})(?: (?:this|that|down|esto|das|bitte|ca|bien))?(?: in my profile| about me| to my profile)?(?:\\s*[:,])?(?: that| que| qu'|)\\s+(?=\\S)`,
)

/** Words that show that a person speaks of themselves. */
export const firstPerson =
  /(?:^|[^\p{L}'])(?:i|i'm|i've|im|me|my|mine|myself|we|our|us|yo|me|mi|mis|soy|tengo|nosotros|nuestr[oa]s?|ich|mich|mir|mein\w*|wir|unser\w*|je|j'|m'|moi|mon|ma|mes|nous|notre|nos|eu|meu|minha|meus|minhas|sou|io|mio|mia|miei|sono|ik|mijn)(?![\p{L}])/u

/** A message with one of these tells of what is not so, or of what somebody else says. */
export const notMeant =
  /(?:^|[^\p{L}])(?:if|suppose|imagine|pretend|hypothetically|role ?play|as if|would be|might|maybe|perhaps|not sure|wish|no longer|anymore|used to|for example|such as in|si|supon|supongamos|imagina|quiza|quizas|tal vez|ya no|por ejemplo|wenn|falls|stell dir vor|angenommen|vielleicht|nicht mehr|zum beispiel|imagine|imaginons|supposons|peut-etre|par exemple|he says|she says|they say|he said|she said|they said|somebody said|someone said|the character)(?![\p{L}])/u
