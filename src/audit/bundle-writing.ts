/** Writes selected events with their proofs as a bundle that anybody can verify offline. */
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Codec, StoredEvent } from '../events/codec.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { SignerKey, VerifierKey } from '../ledger/note-keys.ts'
import { signNote } from '../ledger/signed-note.ts'
import { leafText } from '../ledger/tree-leaf.ts'
import { inclusionProof, type SubtreeHashes } from '../ledger/tree-proofs.ts'
import { Fault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { BUNDLE_FORMAT, type BundleManifest, bundleFiles, manifestText } from './bundle-format.ts'
import { type EventFilter, selectEvents } from './event-selection.ts'
import { viewEvents } from './event-view.ts'

export interface BundleParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly ledger: LedgerReader
  readonly signers: readonly SignerKey[]
  readonly keys: readonly VerifierKey[]
  /** Told how far the record was looked through, and how many events are in the bundle. */
  readonly onConsidered?: (position: Position, events: number) => void
}

export interface BundleOptions {
  readonly directory: string
  readonly filter: EventFilter
  /** The filter as people gave it, for the manifest. */
  readonly filters: Readonly<Record<string, string>>
  readonly isSealed: boolean
}

const EVENTS_AT_ONCE = 64

/** Throws `ledger-not-readable` where nothing is signed, and `bundle-not-written`. The same record gives the same bytes. */
export async function writeBundle(parts: BundleParts, options: BundleOptions): Promise<BundleManifest> {
  const { ledger, reader, keys } = parts
  const checkpoint = await ledger.checkpoint()
  const places = await ledger.leaves()
  if (checkpoint === undefined || places === undefined)
    throw new Fault('ledger-not-readable', { reason: 'nothing is signed yet' })
  const at = (name: string) => path.join(options.directory, name)
  try {
    await mkdir(options.directory, { recursive: true })
    const leaves = await open(at(bundleFiles.leaves), 'w')
    const opened = options.isSealed ? undefined : await open(at(bundleFiles.opened), 'w')
    let [events, notYetSigned] = [0, 0]
    const dataKeys = new DataKeys()
    const onConsidered = (position: Position) => parts.onConsidered?.(position, events)
    const hashes = ledger.hashes(checkpoint.size)
    let batch: StoredEvent[] = []
    const write = async () => {
      const lines = await viewEvents(batch, 'content', parts.codec)
      await opened?.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      batch = []
    }
    for await (const event of selectEvents(reader, options.filter, { ledger, onConsidered })) {
      const index = await places.firstFrom(event.position, checkpoint.size)
      if (index === checkpoint.size || (await places.at(index)).position !== event.position) {
        notYetSigned += 1
        continue
      }
      await leaves.writeFile(`${JSON.stringify(await leafLine(event, index, checkpoint.size, hashes))}\n`)
      events += 1
      dataKeys.note(event)
      batch.push(event)
      if (opened !== undefined && batch.length === EVENTS_AT_ONCE) await write()
    }
    if (opened !== undefined) await write()
    await leaves.close()
    await opened?.close()
    await writeFile(at(bundleFiles.checkpoint), checkpoint.note)
    await writeFile(at(bundleFiles.keys), keys.map(({ text }) => `${text}\n`).join(''))
    const { leaves: leafFile, opened: openedFile, checkpoint: head, keys: keyFile } = bundleFiles
    const names = [head, keyFile, leafFile, ...(options.isSealed ? [] : [openedFile])]
    const manifest: BundleManifest = {
      format: BUNDLE_FORMAT,
      origin: checkpoint.origin,
      treeSize: checkpoint.size,
      rootHash: checkpoint.root.toString('base64'),
      filters: { ...options.filters },
      isSealed: options.isSealed,
      keysNeeded: {
        toVerify: keys.map(({ text }) => text),
        toRead: options.isSealed ? dataKeys.ids() : [],
        toCheckOpened: options.isSealed ? [] : dataKeys.ids(),
        areAllNamed: dataKeys.areAllNamed,
      },
      events,
      notYetSigned,
      files: await Promise.all(names.map((name) => describeFile(options.directory, name))),
    }
    await writeManifest(options.directory, manifest, parts.signers)
    return manifest
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('bundle-not-written', { directory: options.directory }, { cause })
  } finally {
    await places.close()
  }
}

/** More are not named: a bundle of everybody's record is no list of everybody's keys. */
const DATA_KEYS_MAX = 10_000

/** The keys that sealed fields name, without any way to open them. */
class DataKeys {
  readonly #ids = new Set<string>()
  areAllNamed = true

  note({ data }: StoredEvent): void {
    if (typeof data !== 'object' || data === null || data instanceof Uint8Array) return
    for (const value of Object.values(data)) {
      const { $sealed, key } = (value ?? {}) as { readonly $sealed?: unknown; readonly key?: unknown }
      if ($sealed === undefined || typeof key !== 'string' || this.#ids.has(key)) continue
      if (this.#ids.size < DATA_KEYS_MAX) this.#ids.add(key)
      else this.areAllNamed = false
    }
  }

  /** In the order of the record. */
  ids(): string[] {
    return [...this.#ids]
  }
}

async function leafLine(event: StoredEvent, index: number, size: number, hashes: SubtreeHashes) {
  const proof = await inclusionProof(hashes, index, size)
  return { index, leaf: leafText(event), proof: proof.map((hash) => hash.toString('base64')) }
}

async function writeManifest(
  directory: string,
  manifest: BundleManifest,
  signers: readonly SignerKey[],
): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  await writeFile(path.join(directory, bundleFiles.manifest), text)
  if (signers.length === 0) return
  const sha256 = createHash('sha256').update(text).digest('hex')
  await writeFile(path.join(directory, bundleFiles.signature), signNote(manifestText(sha256), signers))
}

export async function describeFile(directory: string, name: string): Promise<BundleManifest['files'][number]> {
  const file = path.join(directory, name)
  const hash = createHash('sha256')
  const handle = await open(file)
  for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer)
  return { name, bytes: (await stat(file)).size, sha256: hash.digest('hex') }
}

/** Undefined when there is no such file. */
export async function readIfThere(directory: string, name: string): Promise<string | undefined> {
  return await readFile(path.join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Fault('bundle-not-readable', { name }, { cause: error })
  })
}
