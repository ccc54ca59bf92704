/** A sealer whose vault is opened with the first personal text, for programs that may meet none. */
import type { Sealer } from '../events/sealing.ts'
import { isStoredSeal } from './value-sealing.ts'

export function openWhenNeeded(open: () => Promise<Sealer>): Sealer {
  let opened: Promise<Sealer> | undefined
  const sealer = () => {
    opened ??= open()
    return opened
  }
  return {
    sealFor: async (person, scope) => (await sealer()).sealFor(person, scope),
    openAll: async (stored) => (stored.some(isStoredSeal) ? (await sealer()).openAll(stored) : (value) => value),
    forgetKeys: () => void opened?.then(({ forgetKeys }) => forgetKeys()),
  }
}
