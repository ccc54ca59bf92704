/** Faults that pass by themselves: whoever was kept from working by one tries again later, and decides nothing because of it. */
import { isFault } from '../shared/failures.ts'

const PASSING_CODES = ['store-unavailable', 'vault-unavailable', 'person-being-erased', 'master-key-unknown']

export function isPassingFault(error: unknown): boolean {
  return PASSING_CODES.some((code) => isFault(error, code))
}
