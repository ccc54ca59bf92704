/** Keeps passwords in a form from which they cannot be told, and checks them against it. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** As it stands in a user's stream. */
export interface PasswordHash {
  /** Base64. */
  readonly salt: string
  /** The method, its three cost parameters and the key in base64, with colons between. */
  readonly hash: string
}

// What scrypt's author recommends for interactive sign-in (Percival, "Stronger key derivation via sequential
// memory-hard functions", 2009): 16 MiB and some 50 ms, on a node that shares two cores with its users.
const COST = { N: 2 ** 14, r: 8, p: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32
const METHOD = 'scrypt'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, KEY_BYTES, COST)
  const hash = [METHOD, COST.N, COST.r, COST.p, key.toString('base64')].join(':')
  return { salt: salt.toString('base64'), hash }
}

/** A hash that no password has, and that takes as long to check as any. */
export function unmatchableHash(): PasswordHash {
  const hash = [METHOD, COST.N, COST.r, COST.p, randomBytes(KEY_BYTES).toString('base64')].join(':')
  return { salt: randomBytes(SALT_BYTES).toString('base64'), hash }
}

/** False for a hash of another making, too. */
export async function isPassword(password: string, { salt, hash }: PasswordHash): Promise<boolean> {
  const [method, N, r, p, expected = ''] = hash.split(':')
  // Only our own costs: a stored text must not decide how much work a sign-in is.
  if (method !== METHOD || Number(N) !== COST.N || Number(r) !== COST.r || Number(p) !== COST.p) return false
  const key = await derive(password, Buffer.from(salt, 'base64'), KEY_BYTES, COST)
  const expectedKey = Buffer.from(expected, 'base64')
  return expectedKey.length === key.length && timingSafeEqual(key, expectedKey)
}
