import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpointText, openCheckpoint, parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import {
  cosignedText,
  generateSignerKey,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  type VerifierKey,
} from '../../src/ledger/note-keys.ts'
import { openNote, signatureLine, signNote, textOfNote } from '../../src/ledger/signed-note.ts'
import { isRefusal } from '../../src/shared/failures.ts'

/** The key pair and note of Go's own tests of `sumdb/note`. */
const peter = {
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  signer: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature:
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}

function verifierKey(text: string): VerifierKey {
  const key = parseVerifierKey(text)
  if (isRefusal(key)) throw new Error(key.detail)
  return key
}

function signerKey(text: string): SignerKey {
  const key = parseSignerKey(text)
  if (isRefusal(key)) throw new Error(key.detail)
  return key
}

describe('a signed note', () => {
  const note = `${peter.text}\n${peter.signature}`

  it("is made byte for byte as Go's own", () => {
    expect(signNote(peter.text, [signerKey(peter.signer)])).toBe(note)
    expect(signerKey(peter.signer).verifier.text).toBe(peter.verifier)
  })

  it('opens with the key that signed it', () => {
    const opened = openNote(note, [verifierKey(peter.verifier)])
    expect(opened).toMatchObject({ kind: 'note', text: peter.text, signedBy: [{ name: 'PeterNeumann' }] })
    expect(textOfNote(note)).toBe(peter.text)
  })

  it('is refused when a byte of its text, or of a known signature, is another', () => {
    fc.assert(
      fc.property(fc.nat(), (any) => {
        const at = any % peter.text.length
        const changed = String.fromCharCode(peter.text.charCodeAt(at) === 10 ? 32 : peter.text.charCodeAt(at) ^ 1)
        const bent = `${note.slice(0, at)}${changed}${note.slice(at + 1)}`
        expect(openNote(bent, [verifierKey(peter.verifier)])).toMatchObject({ kind: 'refusal' })
      }),
    )
    expect(openNote(note.replace('JnAM=', 'JnAN='), [verifierKey(peter.verifier)])).toMatchObject({ kind: 'refusal' })
    expect(openNote(note.replace('x08go/ZJ', 'x08go/ZK'), [verifierKey(peter.verifier)])).toMatchObject({
      code: 'note-signature-wrong',
    })
  })

  it('is unsigned to who knows none of its keys, and ignores the unknown ones', () => {
    const stranger = signerKey(generateSignerKey('example.org/stranger'))
    expect(openNote(note, [stranger.verifier])).toMatchObject({ code: 'note-unsigned' })
    const both = signNote(peter.text, [stranger, signerKey(peter.signer)])
    expect(openNote(both, [verifierKey(peter.verifier)])).toMatchObject({ signedBy: [{ name: 'PeterNeumann' }] })
    expect(openNote(both, [verifierKey(peter.verifier), stranger.verifier])).toMatchObject({
      signedBy: [{ name: 'example.org/stranger' }, { name: 'PeterNeumann' }],
    })
  })

  it.each([
    '',
    peter.text,
    `${peter.text}\n`,
    note.slice(0, -1),
    `${note}\n`,
    note.replace('\u2014', '-'),
    note.replace('Peter', 'Pe\tter'),
    note.replace('Peter', 'Pe\ud800ter'),
    `${note}\u2014 PeterNeumann x08=\n`,
    `${note}${peter.signature.repeat(100)}`,
  ])('is malformed as %j', (bent) => {
    expect(openNote(bent, [verifierKey(peter.verifier)])).toMatchObject({ code: 'note-malformed' })
  })
})

describe('the text of a key', () => {
  it('is refused in every part and with any other byte', () => {
    for (const key of [peter.verifier, peter.signer]) {
      const parse = key === peter.verifier ? parseVerifierKey : parseSignerKey
      for (let begin = 0; begin < key.length; begin += 1) {
        for (let end = begin + 1; end <= key.length; end += 1) {
          if (begin > 0 || end < key.length) expect(isRefusal(parse(key.slice(begin, end)))).toBe(true)
        }
        const next = String.fromCharCode(key.charCodeAt(begin) + 1)
        expect(isRefusal(parse(`${key.slice(0, begin)}${next}${key.slice(begin + 1)}`))).toBe(true)
      }
    }
  })

  it.each([
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  ])('is refused as %s, of the wrong length or kind', (key) => {
    expect(isRefusal(parseVerifierKey(key))).toBe(true)
  })

  it('made anew signs what its public half verifies', () => {
    const signer = signerKey(generateSignerKey('emberlog.test/log'))
    const again = verifierKey(signer.verifier.text)
    expect(openNote(signNote('x\n', [signer]), [again])).toMatchObject({ kind: 'note' })
  })
})

describe('a checkpoint', () => {
  const root = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64')
  const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

  it('is written as the specification shows it, and read back', () => {
    const checkpoint = { origin: 'example.com/behind-the-sofa', size: 20_852_163, root }
    expect(checkpointText(checkpoint)).toBe(text)
    expect(parseCheckpoint(text)).toEqual(checkpoint)
    expect(parseCheckpoint(`${text}an extension\n`)).toEqual(checkpoint)
  })

  it.each([
    text.replace('20852163', '020852163'),
    text.replace('20852163', '-1'),
    text.replace('20852163', '1e3'),
    text.replace('xq2I=', 'xq2I'),
    text.replace('CsUY', ''),
    text.slice(0, -1),
    `\n${text}`,
    `${text}\nafter an empty line\n`,
  ])('is none as %j', (bent) => {
    expect(parseCheckpoint(bent)).toBeUndefined()
  })

  it('may carry the signature of a witness, with its time', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const material = Buffer.concat([Buffer.of(4), publicKey.export({ format: 'der', type: 'spki' }).subarray(12)])
    const name = 'witness.example/w1'
    const id = hashOf(Buffer.concat([Buffer.from(`${name}\n`), material])).slice(0, 8)
    const witness = verifierKey(`${name}+${id}+${material.toString('base64')}`)
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(1_679_315_147n)
    const signature = sign(null, Buffer.from(cosignedText(text, 1_679_315_147n)), privateKey)
    const line = signatureLine(witness, Buffer.concat([time, signature]))
    expect(cosignedText(text, 1_679_315_147n)).toBe(`cosignature/v1\ntime 1679315147\n${text}`)
    expect(openCheckpoint(`${text}\n${line}`, [witness])).toMatchObject({ size: 20_852_163, signedBy: [{ name }] })
    time.writeBigUInt64BE(1_679_315_148n)
    const later = signatureLine(witness, Buffer.concat([time, signature]))
    expect(openCheckpoint(`${text}\n${later}`, [witness])).toMatchObject({ code: 'note-signature-wrong' })
  })
})

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
