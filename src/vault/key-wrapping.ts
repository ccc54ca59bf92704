/** Wraps keys under a master key: a port that a key management service can fill, and the adapter that holds the key itself. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { assert } from '../shared/assert.ts'
import { Fault } from '../shared/failures.ts'

export interface KeyWrapping {
  /** Names the master key, says nothing about it, and is another for every other key. */
  readonly masterKeyId: string
  /** `context` binds the wrapped key to its place; unwrapping needs the same. */
  readonly wrap: (key: Buffer, context: string) => Promise<Buffer>
  /** Throws `key-not-unwrapped` when it was wrapped by another master key or for another place, or was changed. */
  readonly unwrap: (wrapped: Buffer, context: string) => Promise<Buffer>
}

export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const ID_HEX_DIGITS = 32

/** Wraps with AES-256-GCM (NIST SP 800-38D): nonce, sealed key, tag. The master key never leaves this process. */
export function createLocalKeyWrapping(masterKey: Buffer): KeyWrapping {
  assert(masterKey.length === KEY_BYTES, `a master key has ${KEY_BYTES} bytes`)
  const wrapping = wrapWith(masterKey)
  return {
    masterKeyId: masterKeyIdOf(masterKey),
    wrap: async (key, context) => wrapping.wrap(key, context),
    unwrap: async (wrapped, context) => wrapping.unwrap(wrapped, context),
  }
}

/** The same at once, for a key that is at hand. */
export function wrapWith(key: Buffer): {
  readonly wrap: (key: Buffer, context: string) => Buffer
  readonly unwrap: (wrapped: Buffer, context: string) => Buffer
} {
  const secret = createSecretKey(key)
  return {
    wrap(inner, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(context))
      const sealed = cipher.update(inner)
      cipher.final()
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
    },
    unwrap(wrapped, context) {
      try {
        const nonce = wrapped.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv('aes-256-gcm', secret, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(context)).setAuthTag(wrapped.subarray(-TAG_BYTES))
        const inner = decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES))
        decipher.final()
        return inner
      } catch (cause) {
        throw new Fault('key-not-unwrapped', { context }, { cause })
      }
    },
  }
}

/** A keyed hash of a fixed text: whoever has the id learns nothing about the key. */
function masterKeyIdOf(masterKey: Buffer): string {
  return createHmac('sha256', masterKey).update('emberlog master key id').digest('hex').slice(0, ID_HEX_DIGITS)
}
