/**
 * Seals one value for one place in the record: what is stored says under which key, and nothing else.
 *
 * AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. A key takes new values for a limited time only
 * (`KEY_LIFETIME_MS`), so that far fewer than 2³² are ever sealed under it: the bound of that standard for random nonces. A nonce
 * made from the place would repeat with another text when a command is repeated; a random one cannot.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto'
import type { JsonValue, SealedPlace } from '../events/sealing.ts'
import { Fault } from '../shared/failures.ts'

/** The form in which a sealed value is stored. For ever: a new form gets a new number. */
export interface StoredSeal {
  readonly $sealed: 1
  /** Id of the data key. */
  readonly key: string
  /** 96 bits, base64url. */
  readonly nonce: string
  /** The sealed JSON text and the tag of 128 bits, base64url. */
  readonly text: string
}

export interface SealingKey {
  readonly id: string
  readonly secret: KeyObject
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
const SEPARATOR = '\u241F'

export function isStoredSeal(value: JsonValue): value is StoredSeal & JsonValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && '$sealed' in value
}

export function sealValue(key: SealingKey, value: JsonValue, place: SealedPlace): JsonValue {
  const nonce = nextNonce()
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce).setAAD(boundTo(key.id, place))
  const sealed = cipher.update(JSON.stringify(value), 'utf8')
  cipher.final()
  const text = Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url')
  return { $sealed: 1, key: key.id, nonce: nonce.toString('base64url'), text }
}

/** Throws `value-not-opened` when the value was changed, moved from its place, or sealed in a form that this version does not know. */
export function openValue(key: SealingKey, stored: StoredSeal, place: SealedPlace): JsonValue {
  try {
    const sealed = Buffer.from(stored.text, 'base64url')
    const nonce = Buffer.from(stored.nonce, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(boundTo(key.id, place)).setAuthTag(sealed.subarray(-TAG_BYTES))
    const text = decipher.update(sealed.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new Fault('value-not-opened', { ...place }, { cause })
  }
}

/** The id of the key that a stored value needs. Throws `value-not-opened` for a form that this version does not know. */
export function keyIdOf(stored: StoredSeal): string {
  const { $sealed, key, nonce, text } = stored
  const isKnown = $sealed === 1 && [key, nonce, text].every((part) => typeof part === 'string')
  if (!isKnown) throw new Fault('value-not-opened', { form: $sealed })
  return key
}

function boundTo(keyId: string, { stream, eventId, field }: SealedPlace): Buffer {
  return Buffer.from([1, keyId, stream, eventId, field].join(SEPARATOR))
}

/** Random bytes are fetched for many nonces at once: one call for each costs as much as sealing. */
const nonces = Buffer.alloc(NONCE_BYTES * 1_024)
let noncesUsed = nonces.length

function nextNonce(): Buffer {
  if (noncesUsed === nonces.length) {
    randomFillSync(nonces)
    noncesUsed = 0
  }
  const nonce = Buffer.from(nonces.subarray(noncesUsed, noncesUsed + NONCE_BYTES))
  noncesUsed += NONCE_BYTES
  return nonce
}
