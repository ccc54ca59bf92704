import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCodec } from '../../src/events/codec.ts'
import { createDraftLog, type Draft, type DraftLog } from '../../src/reactors/draft-log.ts'
import { createDraftWriter, type DraftWriterParts, emptyDraft } from '../../src/reactors/draft-writer.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { Fault } from '../../src/shared/failures.ts'
import type { Uuid } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness
let log: DraftLog
beforeAll(async () => {
  record = await startRecord()
  log = createDraftLog({ store: record.store, codec: createCodec(), clock: systemClock })
})
afterAll(() => record.stop())

function newAddress() {
  const turnId = randomUUID()
  return { turnId, conversationId: randomUUID() as Uuid, ownerId: 'ada', correlationId: turnId, causationId: turnId }
}

type Address = ReturnType<typeof newAddress>

function writing(address: Address, options: Partial<DraftWriterParts> = {}) {
  const shown: string[] = []
  let isLost = false
  const writer = createDraftWriter({
    ...{ log, address, begun: emptyDraft, isShownFirst: true, intervalMs: 5, logger: silentLogger },
    show: (delta, text) => shown.push(`${delta} ${text}`),
    onLost: () => {
      isLost = true
    },
    elapsedMs: () => performance.now(),
    ...options,
  })
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    writer,
    shown,
    isLost: () => isLost,
    /** Writes a text word by word, each in a turn of the event loop of its own. */
    async write(text: string) {
      for (let end = text.indexOf(' ') + 1; ; end = text.indexOf(' ', end) + 1) {
        writer.extend(end === 0 ? text : text.slice(0, end))
        await nextTurn()
        if (end === 0) return
      }
    },
  }
}

const read = ({ conversationId, turnId }: Address): Promise<Draft> => log.read(conversationId, turnId)

/** A log of which the next append waits until it is let go. */
function heldLog() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    log: { ...log, append: (...args: Parameters<DraftLog['append']>) => promise.then(() => log.append(...args)) },
    letGo: resolve,
  }
}

describe('a draft', () => {
  it('keeps every delta with its number, and ages out after a day', async () => {
    const address = newAddress()
    const { writer, write, shown } = writing(address)
    await write('one two three')
    await writer.finish()
    expect(shown).toEqual(['1 one ', '2 two ', '3 three'])
    expect(await read(address)).toMatchObject({ deltas: ['one ', 'two ', 'three'], text: 'one two three' })
    const [metadata] = await record.store.readStreamBackwards(`$$draft-${address.turnId}`, 1)
    expect(metadata?.data).toMatchObject({ $maxAge: 86_400 })
  })

  it('makes one delta of what is written in one go, and is then not needed', async () => {
    const address = newAddress()
    const { writer, shown } = writing(address)
    for (const text of ['one ', 'one two ', 'one two three']) writer.extend(text)
    await writer.finish()
    expect(shown).toEqual(['1 one two three'])
    expect(await read(address)).toEqual(emptyDraft)
  })

  it('shows words that can be written again without waiting for the store', async () => {
    const held = heldLog()
    const { writer, write, shown } = writing(newAddress(), { log: held.log })
    await write('one two three')
    expect(shown).toHaveLength(3)
    held.letGo()
    await writer.finish()
  })

  it('shows words that cannot be written again only when they are kept', async () => {
    const held = heldLog()
    const address = newAddress()
    const { writer, write, shown } = writing(address, { log: held.log, isShownFirst: false })
    await write('one two three')
    expect(shown).toEqual([])
    held.letGo()
    await writer.finish()
    expect(shown).toEqual(['1 one ', '2 two ', '3 three'])
  })

  it('keeps first what follows something that may come out differently another time', async () => {
    const held = heldLog()
    const { writer, write, shown } = writing(newAddress(), { log: held.log })
    await write('one two ')
    writer.keepFirst()
    writer.extend('one two three')
    await new Promise((resolve) => setImmediate(resolve))
    expect(shown).toEqual(['1 one ', '2 two '])
    held.letGo()
    await writer.finish()
    expect(shown.at(-1)).toBe('3 three')
  })

  it('goes on where an earlier writer ended, and not with other words', async () => {
    const address = newAddress()
    const first = writing(address)
    await first.write('one two ')
    await first.writer.finish()
    const begun = await read(address)
    const second = writing(address, { begun })
    await second.write('one two three four')
    await second.writer.finish()
    expect(second.shown).toEqual(['3 three ', '4 four'])
    expect((await read(address)).text).toBe('one two three four')

    const third = writing(address, { begun: await read(address) }).writer
    expect(third.extend('one two three FIVE')).toBe(false)
    expect(third.extend('one two three four five')).toBe(true)
    third.drop()
  })

  it('is lost to the node that writes it when another one takes it over', async () => {
    const address = newAddress()
    const { writer, write, isLost, shown } = writing(address, { isShownFirst: false })
    await write('one ')
    await expect.poll(() => shown).toEqual(['1 one '])
    const { revision } = await read(address)
    await log.append(address, { firstDelta: 2, deltas: [], expected: revision ?? 'any', writerId: 'another' })
    writer.extend('one two')
    await expect.poll(isLost).toBe(true)
    await writer.finish()
    expect(shown).toEqual(['1 one '])
    expect((await read(address)).text).toBe('one ')
  })

  it('loses no word to a store that is away for a while', async () => {
    const address = newAddress()
    let failures = 3
    const flaky: DraftLog = {
      ...log,
      async append(...args) {
        const revision = await log.append(...args)
        failures -= 1
        // It took effect; only the answer was lost.
        if (failures >= 0) throw new Fault('store-unavailable', { doing: 'appending' })
        return revision
      },
    }
    const { writer, write } = writing(address, { log: flaky })
    await write('one two three four')
    await writer.finish()
    expect((await read(address)).deltas).toEqual(['one ', 'two ', 'three ', 'four'])
  })

  it('is nothing to a conversation that it does not belong to', async () => {
    const address = newAddress()
    const { writer, write } = writing(address)
    await write('one two')
    await writer.finish()
    expect((await log.read(randomUUID(), address.turnId)).text).toBe('')
  })
})
