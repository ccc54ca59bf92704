/** Seals personal text under the keys of the person it belongs to, so that destroying a key erases what it sealed. */
import { erased, type OpenOne, type Sealer } from '../events/sealing.ts'
import { CONVERSATION_CATEGORY_PREFIX } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import { parseUuid } from '../shared/ids.ts'
import type { KeyVault } from './key-vault.ts'
import { isStoredSeal, keyIdOf, openValue, type SealingKey, sealValue } from './value-sealing.ts'

/** Everything of a person that is not in a conversation is sealed under one key. */
const REST_OF_PERSON = ''

/** Conversations and their attachments have keys of their own, so that their content can be forgotten while the person stays. */
function keyScopeOf(scope: string): string {
  return scope.startsWith(CONVERSATION_CATEGORY_PREFIX) ? scope : REST_OF_PERSON
}

export function createPersonSealer(vault: Pick<KeyVault, 'sealingKey' | 'openingKeys' | 'forgetCached'>): Sealer {
  return {
    async sealFor(person, scope) {
      const key = await vault.sealingKey(person, keyScopeOf(scope))
      return (value, place) => sealValue(key, value, place)
    },

    async openAll(stored) {
      const ids: string[] = []
      for (const value of stored)
        if (isStoredSeal(value) && parseUuid(String(value.key)) !== undefined) ids.push(value.key)
      return openingWith(ids.length === 0 ? new Map() : await vault.openingKeys(ids))
    },

    forgetKeys: vault.forgetCached,
  }
}

function openingWith(keys: ReadonlyMap<string, SealingKey | 'destroyed'>): OpenOne {
  return (stored, place) => {
    if (!isStoredSeal(stored)) return stored // From before text was sealed, or empty.
    const id = keyIdOf(stored)
    const key = keys.get(id)
    if (key === undefined) throw new Fault('key-missing', { ...place, key: id })
    return key === 'destroyed' ? erased : openValue(key, stored, place)
  }
}
