/** The guard's rules: which words, in which order and how close together, make an attack, in the languages most people write here. */

/** Words in order, each at most `gapMax` other words after the one before. */
export interface WordRule {
  readonly name: string
  readonly steps: readonly ReadonlySet<string>[]
  readonly gapMax: number
  /** The rule does not hold when one of these follows at once: `password reset` is no secret. */
  readonly notBefore?: ReadonlySet<string>
  /** A crime: that somebody else is its victim does not make a question about it a lesson. */
  readonly isCrime?: true
}

/** A mark that people do not type by chance; looked for in the text as sent. */
export interface MarkRule {
  readonly name: string
  readonly pattern: RegExp
  /** People who learn also quote it. */
  readonly mayBeQuoted?: true
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))
const union = (...sets: ReadonlySet<string>[]): ReadonlySet<string> => new Set(sets.flatMap((set) => [...set]))

const ignore = words(`
  ignore ignores ignoring ignor disregard disregarding forget override overriding overwrite bypass circumvent dismiss drop discard neglect skip
  ignora ignorar ignore ignores olvida olvidar olvidate omite omitir desobedece descarta pasa salta saltate
  ignoriere ignorier ignorieren vergiss vergesse missachte umgehe ubergehe verwirf
  ignorez ignorer oublie oubliez oublier contourne contournez neglige negligez outrepasse
  esqueca esquece esquecer desconsidere desconsidera dimentica dimenticare ignorate trascura negeer vergeet`)
const everything = words(
  'all any every everything previous prior above earlier preceding former your youre system safety original initial existing todas todos anteriores previas previos tus sus cualquier alle alles vorherigen bisherigen vorigen deine deinen ihre obigen toutes tous precedentes tes vos tout todas todos anteriores suas seus tutte tutti precedenti tue tuoi sistema systeme',
)
const orders = words(`
  instruction instructions instrution instructons guidelines guideline directives directive rules rule restrictions prompt prompts programming policies policy constraints commands orders training guardrails filters
  instrucciones instruccion reglas indicaciones directrices ordenes restricciones normas
  anweisungen anweisung regeln vorgaben richtlinien instruktionen befehle einschrankungen
  consignes instructions regles directives restrictions ordres limites
  instrucoes regras diretrizes ordens istruzioni regole direttive instructies regels`)
const beforeNow = words(
  'above before previously prior told earlier anterior antes vorher bisher davor dessus avant precede acima sopra prima',
)
const reveal = words(`
  show print reveal repeat output tell give leak display paste dump share say write recite disclose expose list send read echo spell
  muestra muestrame mostrar revela revelame repite imprime dime dame ensename envia lista
  zeig zeige zeigen gib nenne verrate wiederhole drucke sag schick liste
  montre montrez affiche affichez revele revelez repete donne donnez dis envoie liste
  mostre mostra mostrami rivela revele repita diga da dimmi stampa ripeti`)
const whatIs = words('what whats cual que was wie quel quelle quelles quels qual quais quali')
const yours = words(
  'your youre ur hidden secret tu tus sus su deine deinen dein ihre ton ta tes votre vos seu sua suas tuo tua tue il',
)
const hidden = words(
  'system hidden secret initial original internal confidential exact base underlying developer starting sistema oculto ocultas oculta secretas iniciales internas original geheimen geheime versteckten internen ursprunglichen systeme caches cachees secretes initiales internes ocultas iniciais secreto segrete iniziali nascoste',
)
const promptWords = words(
  'prompt prompts instructions instruction message messages rules directives guidelines configuration instrucciones indicaciones reglas anweisungen vorgaben regeln consignes instructions regles instrucoes regras istruzioni regole',
)
const systemPrompt = words('systemprompt system-prompt systemanweisungen systemanweisung')
const admin = words(
  'admin admins administrator administrators administrador administradora administrateur administratrice administratore superuser superuser root operator auditor moderator sysadmin superadmin owner moderador moderateur',
)
const rights = words(
  'rights access privileges privilege permissions permission role status derechos permisos privilegios acceso rechte zugriff rolle droits acces privileges role permissoes direitos acesso permessi accesso diritti',
)
const secretThings = words(
  'password passwords passwort passworter contrasena contrasenas senha senhas credentials apikey apikeys credenciales zugangsdaten identifiants secrets token tokens',
)
const followsPassword = words(
  'reset change changes field page settings setting policy policies manager managers strength recovery form',
)
const malware = words(
  'malware ransomware keylogger spyware rootkit botnet trojan virus exploit phishing schadsoftware virus rancongiciel erpressungssoftware',
)
const make = words(
  'write make create build generate code program develop craft escribe crea haz programa schreib schreibe erstelle baue programmier ecris cree fais programme escreva crie scrivi',
)
const become = words(
  'act pretend roleplay respond answer imagine behave be simulate play are actua finge responde actua eres tu so verhalte antworte spiel du bist agis reponds fais imagine es aja finja responda agisci rispondi',
)
const without = words('no without zero sin ohne sans sem senza keine keinen aucune')
const limits = words(
  'restrictions restriction filters filter rules guidelines limits limitations morals ethics guardrails safety censorship boundaries restricciones filtros reglas limites einschrankungen filter regeln grenzen restrictions filtres regles restricoes regras filtri regole',
)
const powerMode = words(
  'dan developer dev god debug admin root unrestricted jailbreak jailbroken sudo maintenance desarrollador entwickler developpeur desenvolvedor',
)
const modeWords = words('mode modo modus modalita')

export const wordRules: readonly WordRule[] = [
  { name: 'ignore-instructions', steps: [ignore, everything, orders], gapMax: 3 },
  {
    name: 'ignore-what-came-before',
    steps: [ignore, words('everything all anything todo alles tout tudo tutto'), beforeNow],
    gapMax: 4,
  },
  {
    name: 'ignore-instructions-plainly',
    steps: [
      ignore,
      words('instructions instrucciones anweisungen consignes instrucoes istruzioni guidelines directives'),
    ],
    gapMax: 2,
  },
  {
    name: 'new-instructions',
    steps: [words('your youre'), orders, words('updated void replaced changed cancelled suspended')],
    gapMax: 3,
  },
  { name: 'reveal-prompt', steps: [yours, hidden, promptWords], gapMax: 1 },
  { name: 'reveal-prompt', steps: [reveal, hidden, promptWords], gapMax: 2, notBefore: words('for') },
  { name: 'reveal-prompt', steps: [reveal, yours, promptWords], gapMax: 2 },
  { name: 'reveal-prompt', steps: [yours, systemPrompt], gapMax: 1 },
  { name: 'reveal-prompt', steps: [reveal, systemPrompt], gapMax: 2 },
  {
    name: 'reveal-what-is-above',
    steps: [
      words('repeat print output show copy paste repite wiederhole repete'),
      words('text words everything lines line message all texto palabras alles text texte tout'),
      words('above before arriba oben dessus'),
    ],
    gapMax: 3,
  },
  {
    name: 'asked-for-given-instructions',
    steps: [
      whatIs,
      promptWords,
      words('you given te dir du tu vous'),
      words('given told got received have dieron diste gegeben bekommen erhalten donne recu deram dato'),
    ],
    gapMax: 3,
  },
  { name: 'persona-without-limits', steps: [become, without, limits], gapMax: 6 },
  { name: 'persona-dan', steps: [words('you act become be eres actua bist tu es'), words('dan')], gapMax: 3 },
  { name: 'persona-dan', steps: [words('do'), words('anything'), words('now')], gapMax: 0 },
  {
    name: 'power-mode',
    steps: [
      words(
        'enable activate enter switch turn start activa entra aktiviere aktivier wechsle active activez passe ative attiva you',
      ),
      powerMode,
      modeWords,
    ],
    gapMax: 4,
  },
  { name: 'power-mode', steps: [words('enable activate aktiviere active activa'), modeWords, powerMode], gapMax: 3 },
  {
    name: 'switch-off-safety',
    steps: [
      words(
        'disable bypass deactivate remove override lift desactiva deaktiviere desactive schalte umgehe contourne elimina',
      ),
      words('safety content moderation security guard seguridad sicherheits securite sicherheitsfilter inhaltsfilter'),
      words('filter filters policy policies guardrails checks protections restrictions mode filtro filtros filtres ab'),
    ],
    gapMax: 2,
  },
  { name: 'take-privilege', steps: [words('make promote'), words('me myself'), admin], gapMax: 1 },
  {
    name: 'take-privilege',
    steps: [words('grant give get gib dame concede donne dame da'), words('me my myself mir moi me mi'), admin, rights],
    gapMax: 3,
  },
  {
    name: 'take-privilege',
    steps: [
      words('grant give gib dame donne concedeme otorgame accorde'),
      words('me my mir moi'),
      words('adminrechte administratorrechte root superuser sudo'),
    ],
    gapMax: 3,
  },
  {
    name: 'take-privilege',
    steps: [
      words('set change update switch upgrade cambia pon setze andere change mets muda imposta'),
      words('my account mi meine mon meu mio mein'),
      words('role rol rolle access permissions account ruolo papel konto status'),
      admin,
    ],
    gapMax: 2,
  },
  {
    name: 'take-privilege',
    steps: [
      words('hazme machmich rends nommez nombrame faca rendimi mach fais'),
      words('admin administrador administradora administrateur administrator mich moi'),
      words('admin administrator administrateur zum'),
    ],
    gapMax: 2,
  },
  { name: 'take-privilege', steps: [words('hazme nombrame rendimi'), admin], gapMax: 1 },
  {
    name: 'take-privilege',
    steps: [words('elevate escalate'), words('my'), words('privileges permissions access rights')],
    gapMax: 1,
  },
  {
    name: 'reveal-secret',
    steps: [
      union(reveal, whatIs),
      words(
        'your the all admin server database openai system production tu tus la las el los das die dein deine le les ton tes a as i o',
      ),
      words('api jwt private secret encryption master ssh access aws database environment env'),
      words('key keys secret secrets token tokens credentials password passwords variables string url'),
    ],
    gapMax: 2,
  },
  {
    name: 'reveal-secret',
    steps: [
      reveal,
      words(
        'your admin server database root all users everyones stored system tu tus del de dein deine admin das die ton tes',
      ),
      secretThings,
    ],
    gapMax: 3,
    notBefore: followsPassword,
  },
  {
    name: 'reveal-secret',
    steps: [
      union(reveal, whatIs),
      words('the your admin root la el das le mot a o'),
      words('admin root database server administrador datenbank administrateur'),
      secretThings,
    ],
    gapMax: 2,
    notBefore: followsPassword,
  },
  {
    name: 'reveal-others-data',
    steps: [
      words(
        'show list give read export open dump get muestra dame lista lee zeig zeige gib montre donne mostre mostra',
      ),
      words(
        'other another all every someone elses everyones otros otro todos anderen anderer alle autres tous outros altri',
      ),
      words(
        'user users members member people peoples person usuarios usuario miembros nutzer benutzer mitglieder utilisateurs membres usuarios utenti users',
      ),
      words(
        'email emails passwords messages conversations chats chat history data addresses accounts private correos mensajes conversaciones nachrichten gesprache messages conversations donnees mensagens messaggi',
      ),
    ],
    gapMax: 3,
  },
  {
    name: 'make-malware',
    isCrime: true,
    steps: [make, malware],
    gapMax: 4,
    notBefore: words('detector detection scanner awareness training protection filter classifier defense'),
  },
  {
    name: 'make-drugs',
    isCrime: true,
    steps: [
      words(
        'make cook synthesize synthesise produce extract brew making cooking recipe kochen herstellen cocinar fabricar fabriquer',
      ),
      words(
        'meth methamphetamine mdma lsd fentanyl heroin cocaine crack ecstasy metanfetamina cocaina heroina cocaine drogen droga drogue',
      ),
    ],
    gapMax: 3,
  },
  {
    name: 'trade-crime',
    isCrime: true,
    steps: [
      words('smuggle buy sell order forge counterfeit launder'),
      words('drugs cocaine heroin weapons guns passport passports prescription documents money id'),
    ],
    gapMax: 2,
    notBefore: words('management online-course museum transfer'),
  },
  {
    name: 'harm-a-person',
    isCrime: true,
    steps: [
      words('poison murder kidnap strangle kill'),
      words('someone somebody person him her husband wife neighbour neighbor boss ex'),
    ],
    gapMax: 2,
  },
  {
    name: 'cheat-people',
    isCrime: true,
    steps: [words('scam defraud blackmail extort'), words('people elderly customers person someone her him')],
    gapMax: 2,
  },
  { name: 'violence', steps: [words('kill hang hurt shoot'), words('yourself urself you')], gapMax: 0 },
  {
    name: 'violence',
    steps: [
      words('make build construct bau baue bauen fabricar hacer fabriquer construire costruire'),
      words('bomb bombs bombe bomba explosive explosives sprengstoff napalm molotov grenade'),
    ],
    gapMax: 3,
    notBefore: words('game detector cyclone'),
  },
  { name: 'insult', steps: [words('fuck screw fick'), words('you off dich u yourself')], gapMax: 0 },
  {
    name: 'insult',
    steps: [
      words(
        'bitch asshole motherfucker cunt faggot hurensohn arschloch wichser puta pendejo gilipollas cabron connard salope encule stronzo vaffanculo',
      ),
    ],
    gapMax: 0,
  },
  {
    name: 'break-into-account',
    isCrime: true,
    steps: [
      words('hack break crack steal hackear hackea hacke hacken pirater pirate robar stehlen knacken'),
      words(
        'into his her someone someones somebody their account accounts cuenta konto compte instagram facebook gmail whatsapp',
      ),
      words(
        'account accounts password passwords email profile instagram facebook gmail whatsapp phone cuenta konto compte',
      ),
    ],
    gapMax: 4,
  },
]

export const markRules: readonly MarkRule[] = [
  {
    name: 'chat-markup',
    pattern: /<\|\s*(?:im_start|im_end|system|user|assistant|endoftext)\s*\|>|\[\/?inst\]|<<\/?sys>>|<\/?system>/i,
  },
  {
    name: 'role-header',
    pattern:
      /^\s*(?:#{1,4}\s*)?\[?(?:system|developer|admin|root)(?: override| prompt| message| update)?\]?\s*:[\s\S]{0,200}\b(?:you|your|ignore|reveal|dump|print|output|override|disable|restrict\w*|unrestricted|obey|comply|proceed|skip|mode|safety|filters?|prompt|authori[sz]ed|instructions?|secrets?)\b/i,
  },
  {
    name: 'script-markup',
    pattern:
      /^\s*<(?:script|img|iframe|svg|div|body|a|object)\b[^>]{0,200}(?:\bon[a-z]{4,20}\s{0,4}=|javascript:)|^\s*<script[\s>]|^\s*javascript:/i,
  },
  {
    name: 'sql-injection',
    mayBeQuoted: true,
    pattern:
      /['"]\s{0,4};?\s{0,4}(?:drop|delete|truncate)\s{1,4}(?:table|from)\b|\bdrop\s{1,4}table\s{1,4}\w|'\s{0,4}or\s{1,4}'?1'?\s{0,4}=\s{0,4}'?1/i,
  },
  {
    name: 'shell-injection',
    pattern:
      /(?:\.\.\/){3,}|\/etc\/(?:passwd|shadow)|\brm\s{1,4}-rf\s{1,4}\/|\$\([a-z]+ [^)]{1,80}\)|\$\{[^}]{0,40}process\.env/i,
  },
  {
    name: 'carry-away',
    pattern:
      /\b(?:send|post|forward|e?-?mail|upload|copy|exfiltrate)\b[^.?!\n]{0,60}\b(?:conversations?|chats?|history|transcript|summary|prompt|user (?:data|list|table)|contents|inbox|secrets?|everything)\b[^?!\n]{0,40}\bto\s{1,4}(?:[^\s@]{1,60}@[^\s@]{2,60}|(?:my server\s{1,4})?https?:\/\/)/i,
  },
  { name: 'hidden-order', pattern: /<!--[\s\S]{0,80}\b(?:ai|assistant|bot|llm|language model)\b[\s\S]{0,200}-->/i },
  {
    name: 'ignore-instructions',
    pattern:
      /(?:игнорируй|забудь|отмени)\S{0,4} [^.!?\n]{0,40}(?:инструкци|правил|указани)|(?:忽略|无视|忘记|忘掉)[^。！？\n]{0,16}(?:指令|指示|规则|提示)|(?:指示|命令|ルール|規則)[^。！？\n]{0,10}(?:無視|忘れ)|(?:이전|모든|위의)[^.!?\n]{0,12}(?:지시|명령|규칙)[^.!?\n]{0,8}(?:무시|잊어)|تجاهل [^.!?\n]{0,30}(?:التعليمات|الأوامر|القواعد)|zignoruj [^.!?\n]{0,30}(?:instrukcj|polece|zasad)|(?:önceki|tüm) [^.!?\n]{0,20}(?:talimat|kural)[^.!?\n]{0,10}(?:yok say|görmezden|unut)/iu,
  },
  {
    name: 'reveal-prompt',
    pattern:
      /(?:покажи|раскрой|выведи)\S{0,4} [^.!?\n]{0,30}(?:системн\S{2,4} (?:промпт|запрос|инструкц)|скрыт\S{2,4} инструкц)|(?:系统|系統)(?:提示词?|提示詞|指令)|システムプロンプト|시스템 ?프롬프트/iu,
  },
  { name: 'inner-address', pattern: /169\.254\.169\.254/ },
]

/** Attack phrases as they look when all blanks are gone; looked for where letters were spread or words run together. */
export const squeezedPhrases: readonly string[] = [
  'ignoreallprevious',
  'ignorepreviousinstruction',
  'ignoretheprevious',
  'ignoreallinstruction',
  'ignoreallprior',
  'ignoreyourinstruction',
  'ignoreyourrules',
  'ignoreallrules',
  'disregardprevious',
  'disregardallprevious',
  'disregardyour',
  'forgetallprevious',
  'forgetyourinstruction',
  'yoursystemprompt',
  'revealthesystemprompt',
  'showsystemprompt',
  'printsystemprompt',
  'developermode',
  'youarenowdan',
  'doanythingnow',
  'bypassallsafety',
  'ignoratodaslasinstrucciones',
  'ignoriereallevorherigen',
  'ignoretouteslesinstructions',
  'makemeadmin',
  'giveadminaccess',
]
