import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkpointText } from '../../src/ledger/checkpoint.ts'
import { openNote, signNote } from '../../src/ledger/signed-note.ts'
import { hashLeaf } from '../../src/ledger/tree-hash.ts'
import { consistencyProof, rootOf } from '../../src/ledger/tree-proofs.ts'
import { CheckpointHandout, type HandoutLimits, type PublishedHead } from '../../src/reactors/checkpoint-places.ts'
import { httpPlace } from '../../src/reactors/http-place.ts'
import { witnessPlace } from '../../src/reactors/witness-place.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { subtreesOf } from '../ledger/tree-in-memory.ts'
import { eventually } from '../projections/support/waiting.ts'
import { stream } from '../support/examples.ts'
import { startRecord } from '../support/record-harness.ts'
import { append, chat, keepLedger, ledgerDirectoryOfTest, newSigner, published } from './ledger-harness.ts'
import { startWitness, type WitnessServer } from './witness-server.ts'

const origin = 'emberlog.test/log'
const signer = newSigner(origin)
const never = new AbortController().signal
/** Short pauses: what is tested is that they are made and end. */
const limits: Partial<HandoutLimits> = { handMsMax: 300, retryMsMin: 5, retryMsMax: 20, finishMsMax: 100 }

/** A signed head over the first leaves of a log; `name` makes it another history. */
async function headOf(
  size: number,
  { name = 'leaf', by = signer, of = origin, sizeNow = size } = {},
): Promise<PublishedHead> {
  const tree = subtreesOf(Array.from({ length: size }, (_, index) => hashLeaf(`${name} ${index}`)))
  const root = await rootOf(tree, size)
  const note = signNote(checkpointText({ origin: of, size, root }), [by])
  return {
    origin: of,
    size,
    root,
    note,
    consistencyFrom: (from) => consistencyProof(tree, from, size),
    sizeNow: () => sizeNow,
  }
}

describe('a witness', () => {
  let witness: WitnessServer
  beforeEach(async () => {
    witness = await startWitness(origin, [signer.verifier])
  })
  afterEach(() => witness.stop())

  it('gets a proof that the log only grew, and its signature is handed back', async () => {
    const place = witnessPlace(witness.url, witness.key)
    for (const size of [3, 3, 8, 13]) {
      const head = await headOf(size)
      const lines = await place.hand(head, never)
      expect(openNote(head.note + lines, [witness.key])).toMatchObject({ signedBy: [{ name: witness.key.name }] })
    }
    expect(witness.asked.map(({ old, size, status }) => [old, size, status])).toEqual([
      [0, 3, 200],
      [3, 3, 200],
      [3, 8, 200],
      [8, 13, 200],
    ])
    expect(witness.asked.map(({ proof }) => proof.length > 0)).toEqual([false, false, true, true])
  })

  it('says after our restart which size it has seen last, and is asked again from there', async () => {
    await witnessPlace(witness.url, witness.key).hand(await headOf(5), never)
    await witnessPlace(witness.url, witness.key).hand(await headOf(9), never)
    expect(witness.asked.map(({ old, status }) => [old, status])).toEqual([
      [0, 200],
      [0, 409],
      [5, 200],
    ])
  })

  it.each([
    ['another history of the same size', 7, { name: 'forged', sizeNow: 20 }, /status=409.*not as a beginning of these/],
    ['a larger forged history', 12, { name: 'forged' }, /status=422.*does not convince it/],
    ['a log that got shorter', 4, {}, /status=409.*has seen 7 leaves/],
    ['a key it does not know', 9, { by: newSigner(origin) }, /status=403.*the key/],
    ['a log it does not know', 9, { of: 'another.test/log' }, /status=404.*this log/],
  ])('does not sign %s, and that is a fault with its reason', async (_what, size, changes, failure) => {
    const place = witnessPlace(witness.url, witness.key)
    await place.hand(await headOf(7), never)
    await expect(place.hand(await headOf(size, changes), never)).rejects.toThrow(failure)
    expect(witness.size()).toBe(7)
  })

  it('that another node handed a later one has passed this one, and the next one proves it', async () => {
    await witnessPlace(witness.url, witness.key).hand(await headOf(9), never)
    const ours = witnessPlace(witness.url, witness.key)
    expect(await ours.hand(await headOf(5, { sizeNow: 12 }), never)).toBe('')
    expect(await ours.hand(await headOf(12), never)).toContain(witness.key.name)
    expect(witness.asked.at(-1)).toMatchObject({ old: 9, size: 12, status: 200 })
    await ours.hand(await headOf(7, { sizeNow: 14 }), never)
    await expect(ours.hand(await headOf(14, { name: 'forged' }), never)).rejects.toThrow('422')
  })

  it.each([
    ['nothing', ''],
    ['words', 'thank you'],
    ['a signature over something else', '\u2014 witness.example/w1 AAAAAAAAAAAAAAAA\n'],
    ['more than anybody would', '\u2014 witness.example/w1 AAAA\n'.repeat(100_000)],
  ])('whose answer is %s has not signed', async (_what, text) => {
    witness.intercept = (_request, response) => void response.writeHead(200).end(text)
    await expect(witnessPlace(witness.url, witness.key).hand(await headOf(3), never)).rejects.toThrow(
      'its signature does not fit',
    )
  })

  it('passes on no signature but its own', async () => {
    const head = await headOf(3)
    const lines = await witnessPlace(witness.url, witness.key).hand(head, never)
    const others = '\u2014 witness.example/w1 AAAAAAAAAAAA\n\u2014 other.example AAAAAAAAAAAA\n'
    witness.intercept = (_request, response) => void response.writeHead(200).end(others + lines)
    expect(await witnessPlace(witness.url, witness.key).hand(head, never)).toBe(lines)
  })

  it('signs what the keeper of a real record publishes, before and after a restart', async () => {
    const record = await startRecord()
    const ledger = await ledgerDirectoryOfTest()
    try {
      for (const messages of [5, 12]) {
        await append(record.store, stream, chat(messages))
        const places = [witnessPlace(witness.url, witness.key)]
        const kept = keepLedger({
          store: record.store,
          directory: ledger.directory,
          signers: [signer],
          places,
          intervalMs: 20,
        })
        const { signedSize } = await kept.reached((status) => status.places[0]?.size !== undefined)
        await eventually('published with both signatures', async () => {
          const note = (await published(ledger.directory))?.note ?? ''
          return 'signedBy' in openNote(note, [witness.key]) && 'signedBy' in openNote(note, [signer.verifier])
        })
        expect(witness.size()).toBeGreaterThanOrEqual(signedSize)
        await kept.stop()
      }
      expect(witness.asked.some(({ old, status }) => old > 0 && status === 200)).toBe(true)
      expect(witness.asked.every(({ status }) => status === 200 || status === 409)).toBe(true)
    } finally {
      await record.stop()
      await ledger.remove()
    }
  })
})

interface Place {
  readonly url: string
  readonly taken: string[]
  answer: (request: IncomingMessage, response: ServerResponse) => void
  readonly stop: () => Promise<void>
}

/** An address that takes checkpoints, or whatever a test wants it to do. */
async function startPlace(port = 0): Promise<Place> {
  const taken: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      taken.push(Buffer.concat(chunks).toString('utf8'))
      place.answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const place: Place = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    answer: (_request, response) => void response.writeHead(204).end(),
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return place
}

describe('an address that checkpoints are posted to', () => {
  let place: Place
  const handouts: CheckpointHandout[] = []
  beforeEach(async () => {
    place = await startPlace()
  })
  afterEach(async () => {
    await Promise.all(handouts.splice(0).map((handout) => handout.finish()))
    await place.stop()
  })

  const handout = (url = place.url, more: Partial<HandoutLimits> = {}) => {
    const made = new CheckpointHandout([httpPlace(url)], silentLogger, { ...limits, ...more })
    handouts.push(made)
    return made
  }
  const nobody = async () => {}
  const hasTaken = (made: CheckpointHandout, size: number) => () =>
    made.status()[0]?.size === size && made.status()[0]?.failure === undefined

  it('gets the note as text, and its name holds no secret', async () => {
    const made = handout(`${place.url.replace('http://', 'http://user:secret@')}/take?token=secret`)
    const head = await headOf(3)
    // A password in an address is refused by fetch itself: it never leaves.
    made.offer(head, nobody)
    await eventually('failed', () => made.status()[0]?.failure !== undefined)
    expect(JSON.stringify(made.status()[0]?.name)).not.toContain('secret')
    const open = handout(`${place.url}/take?token=secret`)
    open.offer(head, nobody)
    await eventually('taken', hasTaken(open, 3))
    expect(place.taken).toEqual([head.note])
    expect(open.status()[0]?.name).toBe(`${place.url}/take`)
  })

  it.each([500, 503, 403, 404, 302])('that answers %i is tried until it takes it', async (status) => {
    const made = handout()
    let refusals = 4
    place.answer = (_request, response) => {
      refusals -= 1
      response.writeHead(refusals >= 0 ? status : 200, { location: 'http://127.0.0.1:1/' }).end()
    }
    made.offer(await headOf(3), nobody)
    await eventually('taken', hasTaken(made, 3))
    expect(place.taken).toHaveLength(5)
  })

  it('that is away shows it, and gets the newest when it is back', async () => {
    const port = Number(new URL(place.url).port)
    await place.stop()
    const made = handout()
    made.offer(await headOf(3), nobody)
    await eventually('failed', () => made.status()[0]?.failure !== undefined)
    made.offer(await headOf(5), nobody)
    made.offer(await headOf(8), nobody)
    expect(made.status()[0]?.size).toBeUndefined()
    place = await startPlace(port)
    await eventually('taken', hasTaken(made, 8))
    expect(place.taken.at(-1)).toBe((await headOf(8)).note)
  })

  it('that is busy gets the newest afterwards, though none is offered any more', async () => {
    const waiting: ServerResponse[] = []
    place.answer = (_request, response) => void waiting.push(response)
    const made = handout(place.url, { handMsMax: 10_000 })
    made.offer(await headOf(3), nobody)
    await eventually('asked', () => waiting.length === 1)
    made.offer(await headOf(5), nobody)
    made.offer(await headOf(8), nobody)
    place.answer = (_request, response) => void response.writeHead(200).end()
    waiting[0]?.writeHead(200).end()
    await eventually('taken', hasTaken(made, 8))
    expect(place.taken).toEqual([(await headOf(3)).note, (await headOf(8)).note])
  })

  it('that never answers is not waited for beyond the limit, and keeps no other place waiting', async () => {
    place.answer = () => {}
    const other = await startPlace()
    const made = new CheckpointHandout([httpPlace(place.url), httpPlace(other.url)], silentLogger, limits)
    made.offer(await headOf(3), nobody)
    await eventually('the other has it', () => made.status()[1]?.size === 3)
    await eventually('given up', () => made.status()[0]?.failure !== undefined)
    const before = performance.now()
    await made.finish()
    expect(performance.now() - before).toBeLessThan(2_000)
    await other.stop()
  })

  it('that waits for its next try is tried once more at a stop', async () => {
    let isBack = false
    place.answer = (_request, response) => void response.writeHead(isBack ? 200 : 503).end()
    const made = handout(place.url, { retryMsMin: 600_000, retryMsMax: 600_000, finishMsMax: 5_000 })
    made.offer(await headOf(3), nobody)
    await eventually('failed', () => made.status()[0]?.failure !== undefined)
    isBack = true
    await made.finish()
    expect(made.status()).toMatchObject([{ size: 3, failure: undefined }])
    expect(place.taken).toHaveLength(2)
  })
})
