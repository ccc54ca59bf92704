/** A bundle: a directory that proves what it holds, with no server, no network and no database. See docs/audit.md. */
import { z } from 'zod'

export const BUNDLE_FORMAT = 'emberlog-bundle/1'

export const bundleFiles = {
  /** Says what the bundle holds, with a digest of every other file. */
  manifest: 'manifest.json',
  /** The digest of the manifest, signed by the log's key; only where the key was at hand. */
  signature: 'manifest.note',
  /** The signed head that every proof leads to. */
  checkpoint: 'checkpoint',
  /** One line for each event: the leaf byte for byte, its number, and the proof. */
  leaves: 'leaves.ndjson',
  /** The same events with personal text opened; not in a sealed bundle. */
  opened: 'opened.ndjson',
  /** The keys that verify, one a line. */
  keys: 'keys.txt',
} as const

const digest = z.string().regex(/^[0-9a-f]{64}$/)

export const manifestSchema = z.object({
  format: z.literal(BUNDLE_FORMAT),
  origin: z.string(),
  treeSize: z.number().int().min(1),
  rootHash: z.string(),
  filters: z.record(z.string(), z.string()),
  isSealed: z.boolean(),
  /** Which keys it takes besides, and what for; an empty list means none. Left out by versions that did not say so. */
  keysNeeded: z
    .object({
      /** Verifier keys, as text, of the log; they are also in `keys.txt`, but should be had from somebody one trusts. */
      toVerify: z.array(z.string()),
      /** Ids of data keys that personal text in the leaves is sealed under, where it is not opened beside them. */
      toRead: z.array(z.string()),
      /** Ids of data keys with which one could check that what is opened is what the leaves hold sealed. */
      toCheckOpened: z.array(z.string()),
      /** False when there are more data keys than are named. */
      areAllNamed: z.boolean(),
    })
    .optional(),
  events: z.number().int().min(0),
  /** Selected events that came after the checkpoint: they are not in the bundle, as nothing proves them yet. */
  notYetSigned: z.number().int().min(0),
  files: z.array(z.object({ name: z.string(), bytes: z.number().int(), sha256: digest })),
})

export type BundleManifest = z.infer<typeof manifestSchema>

export const leafLineSchema = z.object({
  index: z.number().int().min(0),
  leaf: z.string(),
  proof: z.array(z.base64().length(44)).max(64),
})

/** What the key signs: the name of the format, and the digest of the manifest's bytes. */
export function manifestText(sha256: string): string {
  return `${BUNDLE_FORMAT}\n${sha256}\n`
}
