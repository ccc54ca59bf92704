import { createHash } from 'node:crypto'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { verifyBundle } from '../../src/audit/bundle-verification.ts'
import { writeBundle } from '../../src/audit/bundle-writing.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { readerOf } from '../../src/store/event-store.ts'
import { append, chat, codec, ledgerDirectoryOfTest, newSigner, signOnce } from '../reactors/ledger-harness.ts'
import { sent, stream } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

const signer = newSigner()
let record: RecordHarness
let ledger: Awaited<ReturnType<typeof ledgerDirectoryOfTest>>
let bundles: Awaited<ReturnType<typeof ledgerDirectoryOfTest>>
let directory: string
let bundle = 0

beforeAll(async () => {
  record = await startRecord()
  ledger = await ledgerDirectoryOfTest()
  bundles = await ledgerDirectoryOfTest()
  await append(record.store, stream, chat(20))
  await signOnce(record.store, ledger.directory, [signer])
  await append(record.store, stream, [sent('not signed yet')])
  await exportTo(path.join(bundles.directory, 'original'))
})
afterAll(async () => {
  await record?.stop()
  await ledger?.remove()
  await bundles?.remove()
})
beforeEach(async () => {
  bundle += 1
  directory = path.join(bundles.directory, String(bundle))
  await cp(path.join(bundles.directory, 'original'), directory, { recursive: true })
})

async function exportTo(to: string, isSealed = false) {
  const keys = [signer.verifier]
  const parts = {
    reader: readerOf(record.store),
    codec,
    ledger: openLedgerReader(ledger.directory),
    signers: [signer],
    keys,
  }
  return await writeBundle(parts, { directory: to, filter: { stream }, filters: { stream }, isSealed })
}

const verify = () => verifyBundle(directory, [signer.verifier])
const at = (name: string) => path.join(directory, name)

async function change(name: string, changed: (text: string) => string): Promise<void> {
  await writeFile(at(name), changed(await readFile(at(name), 'utf8')))
}

describe('a bundle', () => {
  it('proves every event in it, and leaves out what nobody has signed yet', async () => {
    expect(await verify()).toMatchObject({ events: 21, areKeysGiven: true, isManifestSigned: true, problems: [] })
    expect(JSON.parse(await readFile(at('manifest.json'), 'utf8'))).toMatchObject({ events: 21, notYetSigned: 1 })
  })

  it('is the same bytes each time', async () => {
    await exportTo(at('again'))
    for (const name of await readdir(at('again'))) {
      expect([name, await readFile(at(`again/${name}`), 'utf8')]).toEqual([name, await readFile(at(name), 'utf8')])
    }
  })

  it('verifies itself with its own keys too, and says that these are its own', async () => {
    expect(await verifyBundle(directory, [])).toMatchObject({ areKeysGiven: false, problems: [] })
    const { problems } = await verifyBundle(directory, [newSigner().verifier])
    expect(problems).toContain('the checkpoint cannot be believed: note-unsigned')
  })

  it('may leave personal text as it is stored', async () => {
    await exportTo(at('sealed'), true)
    expect(await readdir(at('sealed'))).not.toContain('opened.ndjson')
    expect(await verifyBundle(at('sealed'), [signer.verifier])).toMatchObject({ events: 21, problems: [] })
  })

  it.each([
    ['a changed leaf', 'leaves.ndjson', (text: string) => text.replace('message 7', 'message 8')],
    ['a dropped leaf', 'leaves.ndjson', (text: string) => text.split('\n').toSpliced(4, 1).join('\n')],
    ['a changed opened text', 'opened.ndjson', (text: string) => text.replace('message 7', 'message 8')],
    ['another checkpoint', 'checkpoint', (text: string) => text.replace(/\n\d+\n/, '\n9\n')],
    ['a line that is none', 'leaves.ndjson', (text: string) => `nonsense\n${text}`],
    ['a changed manifest', 'manifest.json', (text: string) => text.replace('"isSealed": false', '"isSealed": true')],
    ['a manifest that is none', 'manifest.json', () => '{}'],
  ])('with %s is not what was signed', async (_what, name, changed) => {
    await change(name, changed)
    expect((await verify()).problems).not.toEqual([])
  })

  it('names the leaf that was changed even when manifest and digests were made anew', async () => {
    await change('leaves.ndjson', (text) => text.replace('message 7', 'message 8'))
    await rm(at('manifest.note'))
    const manifest = JSON.parse(await readFile(at('manifest.json'), 'utf8'))
    const bytes = await readFile(at('leaves.ndjson'))
    for (const file of manifest.files) {
      if (file.name === 'leaves.ndjson') file.sha256 = createHash('sha256').update(bytes).digest('hex')
    }
    await writeFile(at('manifest.json'), JSON.stringify(manifest))
    expect(await verify()).toMatchObject({ isManifestSigned: false, problems: ['leaf 8 is not what was signed'] })
  })

  it('without one of its files says which', async () => {
    await rm(at('leaves.ndjson'))
    expect((await verify()).problems).toContain('leaves.ndjson is missing')
  })
})
