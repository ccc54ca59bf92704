/**
 * Keys of signed notes, in the text forms that Go's `sumdb/note` and other verifiers read.
 *
 * Source: https://c2sp.org/signed-note, and https://c2sp.org/tlog-cosignature for witnesses' keys.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto'
import { type Refusal, refusal } from '../shared/failures.ts'

/** What a key's signatures are made over: 1 the text itself, 4 the text and the time of a witness. */
export type SignatureType = 0x01 | 0x04

export interface VerifierKey {
  readonly name: string
  /** Eight hexadecimal digits: with the name, which key a signature is from. */
  readonly id: string
  /** The whole key as text: `<name>+<id>+<base64 of type and public key>`. */
  readonly text: string
  /** True when `signature`, without the key's id, is this key's over the text. */
  readonly verifies: (text: string, signature: Uint8Array) => boolean
}

export interface SignerKey {
  readonly verifier: VerifierKey
  /** The signature without the key's id. */
  readonly sign: (text: string) => Buffer
}

const PUBLIC_KEY_BYTES = 32
const SEED_BYTES = 32
/** Ed25519 keys in DER differ from bare ones by these beginnings (RFC 8410). */
const SPKI_BEGINNING = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_BEGINNING = Buffer.from('302e020100300506032b657004220420', 'hex')
const SIGNER_BEGINNING = 'PRIVATE+KEY+'

export const WITNESS_TIME_BYTES = 8

/** A name that can stand in a signature line: not empty, without spaces, control characters or `+`. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\s\p{Cc}+]/u.test(name)
}

/** Makes a new key; the text is the private key and must be kept secret. */
export function generateSignerKey(name: string): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_BEGINNING.length)
  const { verifier } = signerOf(name, seed)
  return `${SIGNER_BEGINNING}${name}+${verifier.id}+${Buffer.concat([Buffer.of(0x01), seed]).toString('base64')}`
}

/** Reads `PRIVATE+KEY+<name>+<id>+<base64 of 0x01 and the seed>`; refuses with `ledger-key-invalid`. */
export function parseSignerKey(text: string): SignerKey | Refusal {
  if (!text.startsWith(SIGNER_BEGINNING)) return refusal('ledger-key-invalid', 'It does not begin with PRIVATE+KEY+.')
  const parts = partsOf(text.slice(SIGNER_BEGINNING.length))
  if (parts === undefined || parts.type !== 0x01 || parts.key.length !== SEED_BYTES) {
    return refusal('ledger-key-invalid', 'It is no Ed25519 key of a signed note.')
  }
  const signer = signerOf(parts.name, parts.key)
  if (signer.verifier.id !== parts.id) return refusal('ledger-key-invalid', 'Its id does not fit the key.')
  return signer
}

/** Reads `<name>+<id>+<base64>` of a log's or a witness's key; refuses with `ledger-key-invalid`. */
export function parseVerifierKey(text: string): VerifierKey | Refusal {
  const parts = partsOf(text)
  if (parts === undefined || parts.key.length !== PUBLIC_KEY_BYTES) {
    return refusal('ledger-key-invalid', 'It is no Ed25519 key of a signed note.')
  }
  const verifier = verifierOf(parts.name, parts.type, parts.key)
  if (verifier.id !== parts.id) return refusal('ledger-key-invalid', 'Its id does not fit the key.')
  return verifier
}

interface KeyParts {
  readonly name: string
  readonly id: string
  readonly type: SignatureType
  readonly key: Buffer
}

function partsOf(text: string): KeyParts | undefined {
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const type = bytes[0]
  if (!isKeyName(name) || (type !== 0x01 && type !== 0x04) || bytes.toString('base64') !== encoded) return undefined
  return { name, id, type, key: bytes.subarray(1) }
}

function signerOf(name: string, seed: Uint8Array): SignerKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_BEGINNING, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    verifier: verifierOf(name, 0x01, spki.subarray(SPKI_BEGINNING.length)),
    sign: (text) => sign(null, Buffer.from(text, 'utf8'), key),
  }
}

function verifierOf(name: string, type: SignatureType, publicKey: Uint8Array): VerifierKey {
  const material = Buffer.concat([Buffer.of(type), publicKey])
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), material]), 'hex').slice(0, 8)
  const key = createPublicKey({ key: Buffer.concat([SPKI_BEGINNING, publicKey]), format: 'der', type: 'spki' })
  const verifies = type === 0x01 ? verifyText : verifyCosignature
  return {
    name,
    id,
    text: `${name}+${id}+${material.toString('base64')}`,
    verifies: (text, signature) => verifies(key, text, signature),
  }
}

function verifyText(key: KeyObject, text: string, signature: Uint8Array): boolean {
  return verify(null, Buffer.from(text, 'utf8'), key, signature)
}

/** A witness signs `cosignature/v1`, the time, and the text; the time in seconds stands before its signature. */
function verifyCosignature(key: KeyObject, text: string, signature: Uint8Array): boolean {
  if (signature.length <= WITNESS_TIME_BYTES) return false
  const time = Buffer.from(signature).readBigUInt64BE(0)
  return verifyText(key, cosignedText(text, time), signature.subarray(WITNESS_TIME_BYTES))
}

/** The message under a witness's signature. */
export function cosignedText(text: string, timeS: bigint): string {
  return `cosignature/v1\ntime ${timeS}\n${text}`
}
