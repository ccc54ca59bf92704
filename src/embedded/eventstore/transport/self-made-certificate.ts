/** Makes an authority and a server certificate signed by it, for nodes whose owner has no authority to ask. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import * as der from './der-writer.ts'

/** PEM texts. Clients are given the authority (`tlsCaFile`), the server the other two. */
export interface SelfMadeCertificate {
  readonly authority: string
  readonly cert: string
  readonly key: string
}

export interface CertificateWish {
  /** Host names and addresses that clients connect to. */
  readonly hosts: readonly string[]
  readonly nowMs: number
}

// RFC 5280, and RFC 5480 and RFC 5758 for the elliptic curve.
const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

const DAY_MS = 24 * 60 * 60 * 1_000
/** Ten years: these are for development, and nobody is there to renew them. */
const VALID_DAYS = 3_650
const AUTHORITY_NAME = 'Emberlog event store, self-made authority'
const SERVER_NAME = 'Emberlog event store'

/** The authority's key is forgotten at once: it signs this one certificate and never another. */
export function makeCertificate({ hosts, nowMs }: CertificateWish): SelfMadeCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issued = { issuer: AUTHORITY_NAME, signWith: authority.privateKey, nowMs }
  const authorityCert = certificate({
    ...issued,
    subject: AUTHORITY_NAME,
    publicKey: authority.publicKey,
    extensions: [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      extension(OID.keyUsage, der.bitString(Buffer.from([0x04]), 2), true), // keyCertSign
      keyIdentifier(authority.publicKey),
    ],
  })
  const serverCert = certificate({
    ...issued,
    subject: SERVER_NAME,
    publicKey: server.publicKey,
    extensions: [
      extension(OID.basicConstraints, der.sequence(), true),
      extension(OID.keyUsage, der.bitString(Buffer.from([0x80]), 7), true), // digitalSignature
      extension(OID.extendedKeyUsage, der.sequence(der.oid(OID.serverAuth))),
      extension(OID.subjectAltName, der.sequence(...hosts.map(alternativeName))),
      keyIdentifier(server.publicKey),
      extension(OID.authorityKeyIdentifier, der.sequence(der.context(0, fingerprint(authority.publicKey)))),
    ],
  })
  return {
    authority: pem(authorityCert),
    cert: pem(serverCert),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

interface CertificateParts {
  readonly issuer: string
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signWith: KeyObject
  readonly nowMs: number
  readonly extensions: readonly Buffer[]
}

function certificate({ issuer, subject, publicKey, signWith, nowMs, extensions }: CertificateParts): Buffer {
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSha256))
  const toBeSigned = der.sequence(
    der.constructedContext(0, der.integer(Buffer.from([2]))), // Version 3.
    der.integer(randomBytes(16)),
    algorithm,
    nameOf(issuer),
    // Clocks differ: it is valid a day ago already.
    der.sequence(der.generalizedTime(nowMs - DAY_MS), der.generalizedTime(nowMs + VALID_DAYS * DAY_MS)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.constructedContext(3, der.sequence(...extensions)),
  )
  return der.sequence(toBeSigned, algorithm, der.bitString(sign('sha256', toBeSigned, signWith)))
}

function nameOf(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8String(commonName))))
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return der.sequence(der.oid(id), ...(isCritical ? [der.boolean(true)] : []), der.octetString(value))
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return extension(OID.subjectKeyIdentifier, der.octetString(fingerprint(publicKey)))
}

function fingerprint(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest().subarray(0, 20)
}

const DNS_NAME = 2
const IP_ADDRESS = 7

function alternativeName(host: string): Buffer {
  const family = isIP(host)
  if (family === 0) return der.context(DNS_NAME, Buffer.from(host))
  return der.context(IP_ADDRESS, family === 4 ? Buffer.from(host.split('.').map(Number)) : ipv6Bytes(host))
}

function ipv6Bytes(host: string): Buffer {
  const bytes = Buffer.alloc(16)
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  // The URL parser writes addresses in one form: no dots, zeros shortened once.
  const [before = '', after = ''] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::')
  for (const [i, group] of groups(before).entries()) bytes.writeUInt16BE(group, i * 2)
  for (const [i, group] of groups(after).reverse().entries()) bytes.writeUInt16BE(group, 14 - i * 2)
  return bytes
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
