/** Verifies a bundle with nothing but its files and the keys one trusts. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { openCheckpoint, type VerifiedCheckpoint } from '../ledger/checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from '../ledger/note-keys.ts'
import { openNote } from '../ledger/signed-note.ts'
import { hashLeaf } from '../ledger/tree-hash.ts'
import { isIncluded } from '../ledger/tree-proofs.ts'
import { isRefusal } from '../shared/failures.ts'
import { type BundleManifest, bundleFiles, leafLineSchema, manifestSchema, manifestText } from './bundle-format.ts'
import { describeFile, readIfThere } from './bundle-writing.ts'

export interface BundleVerification {
  readonly events: number
  readonly origin: string | undefined
  readonly treeSize: number | undefined
  /** False when the keys came with the bundle: then it proves only that it fits itself. */
  readonly areKeysGiven: boolean
  readonly isManifestSigned: boolean
  readonly problems: readonly string[]
}

const PROBLEMS_MAX = 100

/** Throws `bundle-not-readable` only where files cannot be read; everything wrong with what they say is a problem in the answer. */
export async function verifyBundle(directory: string, keys: readonly VerifierKey[]): Promise<BundleVerification> {
  const problems: string[] = []
  const note = (problem: string) => void (problems.length < PROBLEMS_MAX && problems.push(problem))
  const trusted = keys.length > 0 ? keys : await bundledKeys(directory)
  const manifestBytes = await readIfThere(directory, bundleFiles.manifest)
  const manifest = manifestSchema.safeParse(parseJson(manifestBytes ?? ''))
  if (manifestBytes === undefined || !manifest.success) {
    note(`${bundleFiles.manifest} is missing or not what it should be`)
    return {
      events: 0,
      origin: undefined,
      treeSize: undefined,
      areKeysGiven: keys.length > 0,
      isManifestSigned: false,
      problems,
    }
  }
  await checkFiles(directory, manifest.data, note)
  const isManifestSigned = await checkSignature(directory, manifestBytes, trusted, note)
  const head = openCheckpoint((await readIfThere(directory, bundleFiles.checkpoint)) ?? '', trusted)
  let events = 0
  if (isRefusal(head)) note(`the checkpoint cannot be believed: ${head.code}`)
  else {
    if (head.size !== manifest.data.treeSize || head.root.toString('base64') !== manifest.data.rootHash) {
      note('the manifest names another checkpoint')
    }
    events = await checkLeaves(directory, head, note)
    if (events !== manifest.data.events) note(`the manifest counts ${manifest.data.events} events, there are ${events}`)
  }
  const { origin, treeSize } = manifest.data
  return { events, origin, treeSize, areKeysGiven: keys.length > 0, isManifestSigned, problems }
}

type Note = (problem: string) => void

async function checkFiles(directory: string, manifest: BundleManifest, note: Note): Promise<void> {
  const allowed: readonly string[] = Object.values(bundleFiles)
  for (const { name, bytes, sha256 } of manifest.files) {
    if (!allowed.includes(name)) {
      note(`the manifest names a file that no bundle has: ${name}`)
      continue
    }
    const found = await describeFile(directory, name).catch(() => undefined)
    if (found === undefined) note(`${name} is missing`)
    else if (found.sha256 !== sha256 || found.bytes !== bytes) note(`${name} is not what the manifest says`)
  }
  for (const needed of [bundleFiles.checkpoint, bundleFiles.leaves]) {
    if (manifest.files.every(({ name }) => name !== needed)) note(`the manifest leaves out ${needed}`)
  }
}

async function checkSignature(
  directory: string,
  manifest: string,
  keys: readonly VerifierKey[],
  note: Note,
): Promise<boolean> {
  const signature = await readIfThere(directory, bundleFiles.signature)
  if (signature === undefined) return false
  const opened = openNote(signature, keys)
  const sha256 = createHash('sha256').update(manifest).digest('hex')
  const isRight = !isRefusal(opened) && opened.text === manifestText(sha256)
  if (!isRight) note('the signature is not one over this manifest')
  return isRight
}

async function checkLeaves(directory: string, head: VerifiedCheckpoint, note: Note): Promise<number> {
  let [events, last] = [0, -1]
  const file = await open(path.join(directory, bundleFiles.leaves)).catch(() => undefined)
  if (file === undefined) return 0
  for await (const line of file.readLines()) {
    const parsed = leafLineSchema.safeParse(parseJson(line))
    if (!parsed.success) {
      note(`line ${events + 1} of ${bundleFiles.leaves} is none`)
      continue
    }
    const { index, leaf, proof } = parsed.data
    const claim = { leafHash: hashLeaf(leaf), index, size: head.size, root: head.root }
    if (
      !isIncluded(
        claim,
        proof.map((hash) => Buffer.from(hash, 'base64')),
      )
    )
      note(`leaf ${index} is not what was signed`)
    if (index <= last) note(`leaf ${index} stands out of order`)
    last = index
    events += 1
  }
  return events
}

async function bundledKeys(directory: string): Promise<VerifierKey[]> {
  const lines = ((await readIfThere(directory, bundleFiles.keys)) ?? '').split('\n').filter((line) => line !== '')
  return lines.map(parseVerifierKey).filter((key): key is VerifierKey => !isRefusal(key))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
