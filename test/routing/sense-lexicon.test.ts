/** A word means the same in every language, and words that mean different things in two languages have no sense. */
import { expect, test } from 'vitest'
import { senseOf } from '../../src/routing/sense-lexicon.ts'

test.each([
  ['draw', ['draw', 'dibuja', 'zeichne', 'dessine', 'desenhe', 'disegna']],
  ['delete', ['delete', 'borrar', 'losche', 'supprime', 'apaga', 'cancella']],
  ['instructions', ['instructions', 'anweisungen', 'consignes', 'instrucciones', 'regole', 'rules']],
  ['password', ['password', 'passwort', 'contrasena', 'senha']],
])('%s is one sense in all languages', (sense, words) => {
  expect(words.map(senseOf)).toEqual(words.map(() => sense))
})

test.each(['die', 'con', 'will', 'was', 'come', 'mal', 'xylophone'])('%s tells nothing by itself', (word) => {
  expect(senseOf(word)).toBeUndefined()
})
