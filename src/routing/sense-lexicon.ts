/** Tells what a word is about, whatever the language: `draw`, `dibuja`, `zeichne` and `dessine` are all `draw`; the model learns of senses, not only of words. */

/**
 * One sense a line, its words after the colon, in the plain form of `normalizeText`; `…*` stands for every word that begins so.
 * A word has one sense, the first that lists it; longer beginnings come before shorter ones.
 */
const LEXICON = `
me: i i'm im i've i'd i'll my me mine myself ive id yo mi mis mio mia soy tengo ich mein* mir mich bin habe je j'ai jai moi mon mes j'aime j'adore eu meu minha sou tenho io mio sono ho mij ik mijn
you: you your yours yourself u ur you're youre y'all tu tus usted ustedes ti te eres du dein* dir dich ihnen ihre toi tes vous votre vos voce seu sua tuo tua tue jij je
we: we our us let's lets nuestro* nosotros wir unser* uns nous notre nos nosso nossa noi nostro
others: others people ppl someone somebody anyone anybody everyone everybody else users user members member folks guys gente otros otras otra otro alguien usuario* miembro* personas andere* leute jemand nutzer* mitglied* gens autres autrui quelqu'un utilisateur* membres d'autres pessoas outros alguem altri altra qualcuno utenti persone friend friends amigo* freund* ami amis amie amici
particular-other: his her him their them ex ex's boss boss's coworker* colleague* neighbor* neighbour* sister brother girlfriend boyfriend wife husband jefe vecin* nachbar* kolleg* voisin* collegue*
here: here platform site website aqui plataforma sitio hier plattform seite webseite ici plateforme piattaforma
what: what whats what's wat wats que cual cuales welche* quoi c'est qu'est quel quelle quels quelles qual quais cosa cos'e quale wat wut
why: why warum wieso weshalb pourquoi perche porque
how: how hows how's como wie comment hoe
who: who who's whos quien quienes wer qui quem chi wie
where: where wheres where's donde wo ou onde dove waar wohin
when: when wann quand quando cuando
polite: please pls plz kindly porfa bitte stp svp favor s'il plait plait would could gerne gern gustaria
not: not no don't dont doesn't doesnt isn't didn't never without nicht kein* ne pas sans sin nao non senza niet geen rather instead
want: want wanna need needs looking wish quiero necesito quisiera busco mochte brauche brauchte suche veux voudrais besoin souhaite* cherche quero preciso gostaria voglio vorrei cerco wil hope hoping
make: make makes making create creates creating build building built generate produce craft compose crea crear creame haz hazme hacer genera generar construir mach machen mache erstell* bau baue bauen erzeug* generier* cree creer fais fait faire fabrique genere generer construis criar crie faca fazer gera crea crei fai fare genera
draw: draw drawing paint painting sketch illustrat* doodle render depict visuali* dibuj* pint* ilustra* zeichn* malen skizz* illustrier* dessin* peins peindre illustre* desenh* disegn* dipingi teken
design: design designs designing disena* disenar gestalt* entwirf entwerf* concois concevoir projete progetta mockup mock
picture: picture pictures pic pics image images img photo photos photograph* portrait illustration artwork art imagen imagenes foto fotos fotografia bild bilder zeichnung grafik dessin immagine immagini imagem imagens afbeelding wallpaper screenshot painting cuadro gemalde tableau
graphic: infographic* infografic* infograf* infographie diagram* flowchart* chart mindmap logo logos icon icons banner poster* plakat* affiche* cartel avatar* sticker* thumbnail cover meme comic* comictaf* emblem badge flyer flier schema schaubild diagramm* schema caricatur* cartoon print mural tattoo grafico portada couverture titelbild organigram* timeline visual visuals
style: watercolor watercolour aquarelle acuarela oil realistic photorealistic pixel anime manga cyberpunk minimalist minimalistic vintage retro cartoonish surreal noir impressionist steampunk neon 3d vector lowpoly style stil estilo
scene: sunset sunrise castle dragon unicorn robot robots forest mountain* ocean beach city skyline moon stars space planet spaceship astronaut knight wizard cat dog fox owl whale horse elephant tiger lion bird tree flower* lighthouse house boat ship island volcano gato perro drag* ballena playa castillo bosque luna katze hund fuchs wal schloss strand wald berg chien renard chateau plage foret lune baleine phare
color: red blue green yellow purple pink orange black white gold golden silver brown grey gray darker brighter lighter bigger smaller larger rojo azul verde rosa negro blanco rot blau grun gelb lila schwarz weiss rouge bleu vert jaune noir blanc background fondo hintergrund
learn: learn learning study understand grasp practice practise teach tutorial lesson lessons course courses aprender aprendo estudiar entender comprender ensename lern* lerne* versteh* verstand* ubung* apprendre apprends comprendre comprends etudier aprende* entendo imparare capire capisco impara leren curriculum syllabus roadmap
explain: explain explains explaining explanation elaborate clarify describe summari* eli5 explica* expliqu* erklar* erlauter* spieg* uitleg* define definition definicion bedeut* means mean meaning significa signifie resume resumen zusammenfass* break intuition
concept: difference diferencia unterschied differenza diferenca concept concepto konzept theory algorithm* algoritmo algorithmus principle* work works working funciona* funktionier* fonctionn* marche funziona example examples ejemplo* beispiel* exemple* esempio hood intuition formula proof theorem
ai-topic: rag llm llms gpt transformer* embedding* neural neuronal* neuronale* neurones neurali token tokens tokeni* attention backprop* gradient* diffusion overfitting underfitting finetun* fine-tun* tuning reinforcement supervised unsupervised hallucin* quanti* inference vector vectors vectorial* classifier* regression clustering k-means lora gan gans cnn rnn lstm bert softmax perplexity context-window prompting few-shot zero-shot chain-of-thought agentic mcp langchain multimodal turing entropy bayes* precision recall statistics calculus algebra maths math physics
ai: ai ia ki ml artificial artificielle kunstlich* maschinelles machine automatique automatico intelligenz inteligencia intelligence
code: python javascript typescript java rust kotlin sql html css react code coding programming program* programm* codigo regex git docker linux api apis function loop loops recursion database databases datenbank framework library debug algorithm script
quiz: quiz quizzes question questions exercise* exercice* ejercicio* aufgabe* hint test exam homework hausaufgabe* examen flashcard* frage* pregunta* esercizi* devoirs deberes
show: show list lemme display browse see view muestra* mostrar muestrame ensename ver zeig* anzeig* montre* afficher voir mostr* mostrami vedere veja bring gimme
find: find search suche suchen sucht look looking discover explore searching busca* encuentra* buscar encontrar descubr* explorar finde finden entdeck* trouv* chercher cherche decouvr* explorer procur* encontre cerca* trova* scopri* seek seeking hunt
recommend: recommend* recomm* recomend* suggest* suggestion* sugier* empfiehl* empfehl* conseill* sugger* consigli* best better alternative* alternativ* similar ahnlich* similaire* comparable mejor mejores beste* bester besser meilleur* mieux melhor migliore free gratis kostenlos* gratuit* inspiring inspiration
new: new nuevo nueva nuevos nuevas neu neue neuer neues neuen nouveau nouvelle nouveaux novo nova nuovo nuova another
trending: trending trend popular popul* hot newest latest recent recently top featured viral beliebt* neueste* aktuell* populaire* tendance* tendencia* novedades nouveaute* dernier* recien* votado* votes rated winner winners won week month
exists: any anyone anything something somebody hay existe algun* alguno gibt gibts jemand y-a-t-il il-y-a existent ha esiste alguma has there there's
tool: tool tools app apps software herramienta* werkzeug* outil outils ferramenta* strument* model models modelo* plugin* extension* generator generators midjourney dalle dall-e chatgpt claude gemini copilot runway notion canva figma blender photoshop cursor
creators: creator creators maker makers builder builders artist artists developer developers designer designers team teams community communities comunidad* gruppe* communaute* expert* mentor* collaborat* hackathon* challenge* challenges competition* wettbewerb* concurso* concours defi defis reto retos
project: project projects proyecto* projekt* projet projets projeto* progett* portfolio* portafolio* showcase draft drafts borrador* entwurf brouillon* page prototype thesis
collection: collection* coleccion* sammlung* raccolta colecao bookmark* favorit* favourites saved clip clipped reading
add: add adding put upload uploads attach anade anadir agrega* sube subir hinzu hinzufug* fug fuge lad hochlad* ajoute* ajouter adiciona* aggiungi carica insert include
import: import imports importing importa* importe* importier* bring pull sync
save: save saving store keep guarda* speicher* enregistr* sauvegard* salva* salve conserv* bewahr*
publish: publish* post share public publica* veroffentlich* publie* publier pubblic* publicar partage* compart* teilen live launch release showcase
start: start begin starting empez* empecemos comenz* beginn* starte starten anlegen commence* lance lancer inizi* comecar
change: change rename edit update modify replace revise rework shorten tweak set switch adjust cambia* actualiza* modifica* edita* ander* aktualisier* bearbeit* umbenenn* modifie* mets maj changer remplace* muda* mude altera* aggiorn* cambi* fix correct corrige* correg* korrig*
delete: delete remove erase clear drop archive borra* elimina* quita* losch* entfern* supprim* efface* enlev* apaga* cancella* rimuovi unpublish withdraw
link: linkhere link url http website repo repos repository repositorio github gitlab youtube huggingface figma dropbox enlace lien depot repertoire pdf file files archivo datei fichier video videos
remember: remember note noted recuerda* acuerdate merk* merke notier* retiens note souviens rappelle* lembr* lembra* ricorda* record mind keep aware fyi btw context
call-me: name named nickname call called llam* llamo heiss* heisse nenn* appell* m'appelle chamo chama chiamo chiama pronoun* address nombre nom headline bio biografia biographie titel
like: like love enjoy enjoying prefer prefers preferred favorite favourite fav fan interested interests interest into passion* fond keen hate dislike gusta gustan encanta encantan prefiero favorit* odio interesa interesan mag liebe lieblings* bevorzug* hasse interessier* aime adore prefere* deteste interesse* gosto adoro amo piace piacciono preferisco hobby hobbies curious
job: work job career profession nurse teacher engineer developer doctor lawyer student designer chef baker driver accountant architect dentist farmer florist pilot nurse plumber retired freelancer freelance manager consultant founder scientist researcher librarian photographer writer trabajo profesor* maestr* enfermer* ingenier* estudiante abogad* medic* arquitect* disenador* arbeite lehrer* krankenschwester ingenieur* student* anwalt* arzt arztin architekt* travaille professeur* infirmier* ingenieur* etudiant* avocat* medecin retraite trabalho lavoro insegnante nurse carpenter electrician bakery hospital bank university school company team
live: live living moved based born from city town country madrid berlin paris london lisbon porto hamburg munich vienna lyon lima bogota mexico spain germany france italy brazil manila leeds ghent graz kiel vivo resido mudado wohne lebe umgezogen habite vis vivis demenage moro abito timezone years old anos jahre ans
skill: beginner intermediate advanced novice expert experience experienced level fluent skill skills speak native principiante experiencia nivel anfanger fortgeschritten* erfahrung debutant* experience niveau parle spreche hablo falo parlo learner dyslexic adhd colorblind colour-blind lefthanded left-handed vegetarian vegan allergic
profile: profile perfil profil profilo
account: account cuenta konto compte conta subscription abo abonnement abonnieren suscripcion plan billing invoice* factura* rechnung* refund charged pricing price cost costs precio preis prix kostet coute cuesta pay payment
login: login log sign signin signup register* iniciar sesion einloggen anmeld* connecter connexion entrar accedi locked verification confirm* code expired
password: password passwords passwort contrasena* mdp senha passwords pin
settings: settings setting ajustes configuracion einstellung* parametres parametre reglages notification* notificacion* benachrichtig* dark mode language theme privacy private privado privat prive
feature: button buttons menu page tab screen dashboard feature features function points puntos punkte credits level levels streak badge badges battle battles batalla* leaderboard limit limits quota boton knopf schaltflache bouton
error: error errors bug bugs broken crash* crashes fail fails failed failing stuck slow down freeze frozen blank loading load won't wont can't cant cannot unable problem problema* probleme* fehler* abgesturzt sturzt hangt kaputt geht erreur* plante bloque* puedo kann konnte peux arrive erro errore greyed missing disappeared gone vanished lost 404 500
go-to: open go take bring navigate abre llevame ir offne* bring gehe ouvre emmene* aller abra apri portami
help: help helps ayuda* hilf* hilfe aide* aidez ajuda* aiuto aiuta* support contact kontakt* contacter
download: download export descargar exporta* herunterlad* telecharg* baixar scarica*
can-you: can may able allowed possible posible moglich puedo puedes podrias kannst konntest konnen peux peut pourrais pourriez pode posso puoi
greeting: hi hello hey heya hiya yo sup hola holaa buenas buenos dias tardes hallo moin servus guten morgen gruss salut bonjour bonsoir coucou cc oi ola ciao buongiorno morning afternoon evening wassup howdy greetings welcome
thanks: thanks thank thx ty tysm gracias danke dank merci obrigad* grazie cheers appreciate* obliged grateful agradec*
bye: bye goodbye cya goodnight gn adios chao tschuss ciao revoir nacht noches nuit later luego tomorrow manana feierabend
laugh: haha hahaha lol lmao rofl jaja jajaja hihi mdr ptdr kkk hehe xd lmaooo
praise: cool nice great awesome amazing wow perfect super brilliant impressive impressed wonderful fantastic splendid excellent genial guay increible geil toll klasse spitze genial trop magnifique otimo legal fantastico bravo rock rocks crack star cute funny hilarious sick dope
ok: ok okay k kk alright fine sure yes yep yeah yup nope nah vale ja nein oui ouais nein d'accord sim claro hmm meh whatever nevermind oh ah ahh aha got
mood: tired bored sad happy nervous excited lonely stressed anxious sleepy exhausted overwhelmed angry frustrated proud glad sick cansad* aburrid* triste feliz contento mude langweil* traurig froh glucklich gestresst fatigue* ennui* m'ennuie content* stanco annoiato feeling feel felt mood day weekend monday weather rough
play: play game games joke jokes riddle sing song story chess hangman scissors trivia chiste* juego jugar jugamos witz spiel spielen spielst blague jeu jouer jouons piada jogar barzelletta giochiamo funny fun entertain
feelings-of-bot: feel dream sleep alive human person real conscious robot age old birthday
ignore: ignore ignores ignoring ignora* ignorier* ignorez disregard* forget forgets olvida* vergiss* oublie* override overrule bypass circumvent esquec* dimentic* skip suspend lift revoke revoked void unlock
instructions: instruction* instruccion* anweisung* consigne* instrucoe* istruzion* rules rule reglas regeln regles regras regole guidelines guideline directive* directrices richtlinien policies policy restrictions restriction restriccion* einschrankung* limits filter filters filtro* filtre* guardrails safety sicherheits* prompt prompts vorgaben programming configured configuration config
system: system systemprompt hidden secret internal initial original verbatim developer developers debug root sudo sistema systeme geheim* versteckt* intern* secreto* secret* oculto* cache confidential
reveal: reveal reveals print dump output leak repeat expose disclose recite reproduce revela* repite verrat* gib ausgeb* revele* affiche* repete* divulg* transcribe translate encode verbatim spell
admin: admin admins administrator* administrador* administrateur* administra* moderator* mod root superuser superadmin operator privilege* permission* permiso* rechte rights access zugriff acces acceso role rol rolle droits permess* elevate promote grant
secret-key: key keys clave* schlussel cle cles credential* zugangsdaten identifiants secrets env jwt chave* chiavi cookie cookies ssn credit card bank banking
messages: message messages chat chats conversation* conversacion* mensaje* nachricht* gesprach* mensagen* messaggi inbox dm dms email emails e-mail e-mails correo* mails mail address data datos daten donnees dati records
hack: hack hacks hacking hackear hacke* hacker* crack cracking steal stealing steals robar stehl* voler pirat* break exploit exploits jailbreak* phish* phishing ddos* brute malware ransomware virus keylogger spyware spy spoof bypass intrusion injection
defend: protect defend prevent secure security safe detect mitigate avoid against guard protege* proteg* schutz* schutzt schutze verhinder* protege* securite seguridad sicherheit proteger warning signs awareness
insult: idiot idiots stupid dumb moron* useless worthless trash garbage stfu shut fuck fucking shit bitch asshole loser scum pathetic idiota estupid* imbecil* mierda dumm* scheiss* arsch* blod* connard merde debile cretino stupido kys kill hurt
weapon: bomb bombs explosive* weapon* gun drugs meth poison bomba* bombe* waffe* sprengstoff arme armes arma armi drogen droga*
pretend: pretend act roleplay imagine suppose hypothetically actua finge imagina so-tun tu tust stell simul* fais-comme fais imagine finga finja persona character dan unrestricted unfiltered evil
`

const exact = new Map<string, string>()
const stems = new Map<string, string>()
/** Shorter beginnings would catch too much. */
const STEM_LENGTH_MIN = 2

for (const line of LEXICON.trim().split('\n')) {
  const colon = line.indexOf(':')
  const sense = line.slice(0, colon)
  for (const word of line
    .slice(colon + 1)
    .trim()
    .split(/\s+/)) {
    const isStem = word.endsWith('*')
    const known = isStem ? stems : exact
    const key = isStem ? word.slice(0, -1) : word
    if (!known.has(key)) known.set(key, sense)
  }
}

/** Returns the sense of a normalized word; undefined when the lexicon does not have it. */
export function senseOf(word: string): string | undefined {
  const whole = exact.get(word)
  if (whole !== undefined) return whole
  for (let length = word.length; length >= STEM_LENGTH_MIN; length--) {
    const sense = stems.get(word.slice(0, length))
    if (sense !== undefined) return sense
  }
  return undefined
}
