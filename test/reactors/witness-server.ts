/** A C2SP `tlog-witness` on a loopback port, as strict as the specification wants it: https://c2sp.org/tlog-witness */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openCheckpoint, parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosignedText, parseVerifierKey, type VerifierKey } from '../../src/ledger/note-keys.ts'
import { signatureLine, textOfNote } from '../../src/ledger/signed-note.ts'
import { isConsistent } from '../../src/ledger/tree-proofs.ts'
import { isRefusal } from '../../src/shared/failures.ts'

export interface AddedCheckpoint {
  readonly old: number
  readonly proof: readonly string[]
  readonly size: number
  readonly status: number
}

export interface WitnessServer {
  readonly url: string
  readonly key: VerifierKey
  readonly asked: readonly AddedCheckpoint[]
  readonly size: () => number
  /** Hands over a request to a test instead of answering it; undefined: answers again. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  readonly stop: () => Promise<void>
}

/** Knows one log by its name, and the keys that may sign for it. */
export async function startWitness(origin: string, keys: readonly VerifierKey[]): Promise<WitnessServer> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const name = 'witness.example/w1'
  const material = Buffer.concat([Buffer.of(4), publicKey.export({ format: 'der', type: 'spki' }).subarray(12)])
  const id = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`${name}\n`), material]))
    .digest('hex')
    .slice(0, 8)
  const key = parseVerifierKey(`${name}+${id}+${material.toString('base64')}`)
  if (isRefusal(key)) throw new Error(key.detail)
  const asked: AddedCheckpoint[] = []
  let latest: { size: number; root: Buffer } = { size: 0, root: createHash('sha256').digest() }

  const add = (body: string): { status: number; text: string; type?: string } => {
    const { old, proof, note, isWhole } = partsOf(body)
    const claimed = parseCheckpoint(textOfNote(note) ?? '')
    const noted = (status: number, text = '', type?: string) => {
      asked.push({ old, proof, size: claimed?.size ?? -1, status })
      return { status, text, ...(type && { type }) }
    }
    if (!isWhole || claimed === undefined) return noted(400)
    if (claimed.origin !== origin) return noted(404)
    const opened = openCheckpoint(note, keys)
    if (isRefusal(opened)) return noted(403)
    if (old > opened.size) return noted(400)
    const isAnother = old === latest.size && opened.size === old && !opened.root.equals(latest.root)
    if (old !== latest.size || isAnother) return noted(409, `${latest.size}\n`, 'text/x.tlog.size')
    const hashes = proof.map((hash) => Buffer.from(hash, 'base64'))
    const grew = { from: old, fromRoot: latest.root, to: opened.size, toRoot: opened.root }
    if (old > 0 && !isConsistent(grew, hashes)) return noted(422)
    latest = { size: opened.size, root: opened.root }
    const timeS = BigInt(Math.floor(Date.now() / 1_000))
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(timeS)
    const signature = sign(null, Buffer.from(cosignedText(textOfNote(note) ?? '', timeS)), privateKey)
    return noted(200, signatureLine(key, Buffer.concat([time, signature])))
  }

  const server = createServer((request, response) => {
    if (witness.intercept !== undefined) return witness.intercept(request, response)
    if (request.method !== 'POST' || request.url !== '/log/add-checkpoint') {
      response.writeHead(405).end()
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { status, text, type = 'text/plain' } = add(Buffer.concat(chunks).toString('utf8'))
      response.writeHead(status, { 'content-type': type }).end(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const witness: WitnessServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/log/`,
    key,
    asked,
    size: () => latest.size,
    intercept: undefined,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return witness
}

const PROOF_LINES_MAX = 63

function partsOf(body: string) {
  const split = body.indexOf('\n\n')
  const [oldLine = '', ...proof] = body.slice(0, Math.max(0, split)).split('\n')
  const old = Number(/^old (0|[1-9]\d*)$/.exec(oldLine)?.[1] ?? Number.NaN)
  const isWhole = split >= 0 && !Number.isNaN(old) && proof.length <= (old === 0 ? 0 : PROOF_LINES_MAX)
  return { old, proof, note: body.slice(split + 2), isWhole }
}
