/** One thing that people can find: a tool, an example project, a learning path or a challenge. */
import { z } from 'zod'

export const catalogueKinds = ['tool', 'project', 'learning-path', 'challenge'] as const
export type CatalogueKind = (typeof catalogueKinds)[number]

export const catalogueEntrySchema = z.object({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  kind: z.enum(catalogueKinds),
  title: z.string().min(2).max(80),
  /** One or two sentences, written for this catalogue. */
  summary: z.string().min(20).max(240),
  tags: z.array(z.string().min(2).max(40)).min(2).max(10),
  /** Where the thing itself is; learning paths and challenges are here. */
  link: z.url({ protocol: /^https$/ }).optional(),
  /** Where what is said about it can be checked: an https address, or a path in this repository. */
  source: z.string().min(3),
})
export type CatalogueEntry = z.infer<typeof catalogueEntrySchema>
