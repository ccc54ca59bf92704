/** Reads the certificate a node serves with, or makes one and keeps it, so that clients go on trusting it. */
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TlsIdentity } from './transport/port-listener.ts'
import { makeCertificate } from './transport/self-made-certificate.ts'

/** The certificate cannot be used; the message says which file and why. */
export class UnusableCertificate extends Error {
  override readonly name = 'UnusableCertificate'
  readonly code = 'certificate-unusable'
}

/** Throws UnusableCertificate. */
export async function readIdentity(files: { readonly cert: string; readonly key: string }): Promise<TlsIdentity> {
  return { cert: await read(files.cert), key: await read(files.key) }
}

export interface KeptIdentity extends TlsIdentity {
  /** The file that clients name as `tlsCaFile`. */
  readonly authorityFile: string
}

/** Takes the self-made certificate from a directory, or makes it there. Throws UnusableCertificate when it has run out. */
export async function keptIdentity(directory: string, hosts: readonly string[]): Promise<KeptIdentity> {
  const file = (name: string) => path.join(directory, name)
  const authorityFile = file('authority.crt')
  const found = await readFile(file('node.crt'), 'utf8').catch(() => undefined)
  if (found === undefined) {
    const made = makeCertificate({ hosts, nowMs: Date.now() })
    await mkdir(directory, { recursive: true })
    await writeFile(authorityFile, made.authority)
    await writeFile(file('node.key'), made.key, { mode: 0o600 })
    await writeFile(file('node.crt'), made.cert) // Last: with it the others are there.
    return { cert: made.cert, key: made.key, authorityFile }
  }
  const { validToDate } = parse(found, file('node.crt'))
  if (validToDate.getTime() < Date.now())
    throw new UnusableCertificate(`the self-made certificate has run out: remove ${directory} to have a new one made`)
  return { cert: found, key: await read(file('node.key')), authorityFile }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new UnusableCertificate(`${file} cannot be read`, { cause })
  }
}

function parse(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new UnusableCertificate(`${file} is no certificate`, { cause })
  }
}
