import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isStatedIn, statedFacts } from '../../../src/agents/facts/stated-facts.ts'

const found = (text: string) => statedFacts(text).map(({ kind, value }) => `${kind}: ${value}`)

describe('a statement about oneself is a fact', () => {
  const statements: Readonly<Record<string, readonly string[]>> = {
    "I'm a nurse from Lisbon and I like chess.": ['work: nurse from Lisbon', 'interest: chess'],
    'Hi, my name is Ada Lovelace and I live in Berlin!': ['name: Ada Lovelace', 'place: Berlin'],
    'I am 34 years old': ['age: 34 years old'],
    'I speak English and Spanish': ['language: English and Spanish'],
    'I prefer short answers, thanks': ['preference: short answers'],
    "I don't eat meat": ["preference: don't eat meat"],
    "I'm new to Python": ['experience: new to Python'],
    'I have two kids and a dog': ['about: two kids and a dog'],
    'my goal is to learn Rust this year': ['goal: learn Rust this year'],
    'Soy enfermera y vivo en Madrid': ['work: enfermera', 'place: Madrid'],
    'Me llamo Ana y tengo 34 años': ['name: Ana', 'age: 34 años'],
    'hola, me gusta la fotografía': ['interest: la fotografía'],
    'no me gusta el fútbol': ['preference: no me gusta el fútbol'],
    'Ich heiße Jürgen und ich arbeite als Arzt bei Siemens.': ['name: Jürgen', 'work: Arzt bei Siemens'],
    'ich bin Krankenschwester': ['work: Krankenschwester'],
    'ich esse kein Fleisch': ['preference: esse kein Fleisch'],
    "je suis infirmière et j'habite à Lyon": ['work: infirmière', 'place: Lyon'],
    'J’adore la randonnée': ['interest: la randonnée'],
  }
  it.each(Object.entries(statements))('%s', (text, facts) => expect(found(text)).toEqual(facts))
})

describe('a wish to write something down is a fact', () => {
  const wishes: Readonly<Record<string, readonly string[]>> = {
    'Remember that I am vegetarian': ['about: vegetarian'],
    "Can you remember that I'm a firefighter?": ['work: firefighter'],
    'Remember this: my project is called Emberlog': ['note: my project is called Emberlog'],
    'add Python to my skills': ['skill: Python'],
    'please set my job title to data scientist': ['work: data scientist'],
    "Update my profile: I'm a carpenter": ['work: carpenter'],
    'change my bio to "civil servant who loves yoga"': ['about: civil servant who loves yoga'],
    'añade Python a mis habilidades': ['skill: Python'],
    'Puedes recordar que soy enfermera': ['work: enfermera'],
    'Merk dir, dass ich Krankenschwester bin': ['work: Krankenschwester'],
    'Kannst du dir merken, dass ich Ärztin bin?': ['work: Ärztin'],
    'trag Stuttgart als Wohnort ein': ['place: Stuttgart'],
    'note que je préfère les vidéos': ['preference: les vidéos'],
    'Peux-tu retenir que je suis médecin ?': ['work: médecin'],
  }
  it.each(Object.entries(wishes))('%s', (text, facts) => expect(found(text)).toEqual(facts))
})

describe('no fact is stated by', () => {
  it.each([
    'What is RAG in AI?',
    'I love hiking and AI, what is RAG?',
    'My name is Ana. what is RAG',
    "I've been a developer for ten years; help me understand RAG",
    "why does my profile say copywriter? I'm a plumber!",
    "I'm a nurse. Recommend me a course",
    "I'd like to know what RAG is",
    'As a teacher, what is RAG?',
    'Do you remember that I am a nurse?',
    'Remember what I said about embeddings',
    'remember to call me tomorrow',
    "I'm tired",
    "I'm a bit confused",
    'I like it',
    'I love that idea',
    'I know a lot',
    'call me later',
    'I speak to you',
    "I'm not a nurse",
    "I'm not a nurse anymore",
    'If I were a nurse I live in Paris',
    'Imagine I am a nurse',
    'She said I am a nurse',
    'The sign says "I am a nurse"',
    'Estoy cansado',
    '¿Qué es RAG? Soy enfermera',
    'Ich bin müde',
    'Ich bin Lehrer, was ist RAG',
    'je suis fatigué',
    'Je suis médecin, explique-moi RAG',
    '',
    `I am a nurse${' and so on'.repeat(500)}`,
  ])('%s', (text) => expect(found(text)).toEqual([]))
})

describe('a stated fact', () => {
  it('stands in the message, word for word, at the place it names', () => {
    const words = fc.constantFrom(
      'I am',
      "I'm",
      'a nurse',
      'my name is',
      'Ana',
      '.',
      ',',
      'and',
      'ich',
      'heiße',
      'soy',
      'é',
      '🦊',
      '?',
      'like',
      'remember that',
      '\n',
      'x'.repeat(50),
    )
    fc.assert(
      fc.property(fc.array(words, { maxLength: 14 }), (parts) => {
        const text = parts.join(' ')
        for (const { value, span } of statedFacts(text)) {
          expect(span.from).toBeGreaterThanOrEqual(0)
          expect(text.slice(span.from, span.to)).toContain(value)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('is found in bounded time, whatever is written', () => {
    const startedMs = performance.now()
    for (const text of ["I'm ".repeat(1_000), 'and my '.repeat(570), `I like ${'a,'.repeat(1_900)}`, 'é'.repeat(4_000)])
      statedFacts(text)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })

  it('may be quoted from a language without patterns, as long as it is the person’s own statement', () => {
    expect(isStatedIn('Ik woon in Gent en ik ben mijn eigen baas', 'mijn eigen baas')).toBe(true)
    expect(isStatedIn('Eu sou enfermeira', 'enfermeira')).toBe(true)
    expect(isStatedIn('Eu sou enfermeira', 'médica')).toBe(false)
    expect(isStatedIn('Eu sou enfermeira. O que é RAG?', 'enfermeira')).toBe(false)
    expect(isStatedIn('The weather is nice', 'nice')).toBe(false)
  })
})
