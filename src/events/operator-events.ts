/** What operators and the program do to the read models. Never rename or reshape one; add a version. */
import { z } from 'zod'

const generationSchema = z.number().int().min(1)
const positionSchema = z.string().regex(/^\d{1,20}$/)
const reasonSchema = z.string().max(2_000)

export const operatorEventSchemas = {
  RebuildStarted: z.object({
    generation: generationSchema,
    projectorsVersion: z.number().int().min(1),
    isResumed: z.boolean(),
  }),
  RebuildAbandoned: z.object({ generation: generationSchema, code: z.string().min(1).max(64) }),
  GenerationCutOver: z.object({
    generation: generationSchema,
    replaced: generationSchema.nullable(),
    /** Everything up to here is in the rows of both. */
    position: positionSchema.nullable(),
    /** Read models whose rows differ from those before. */
    differing: z.array(z.string()),
    isForced: z.boolean(),
  }),
  GenerationRolledBack: z.object({ generation: generationSchema, replaced: generationSchema }),
  GenerationDropped: z.object({ generation: generationSchema }),
  EventParked: z.object({
    generation: generationSchema,
    stream: z.string().min(1),
    position: positionSchema,
    eventType: z.string().min(1),
    code: z.string().min(1).max(64),
  }),
  ParkedEventsReleased: z.object({
    generation: generationSchema,
    stream: z.string().min(1),
    released: z.number().int().min(0),
    remaining: z.number().int().min(0),
  }),
  /** By schedule: are the rows that people read what the record gives? */
  ReadModelsCompared: z.object({
    generation: generationSchema,
    /** Everything up to here was in the rows; null when that was nothing. */
    position: positionSchema.nullable(),
    rows: z.number().int().min(0),
    /** Rows with other values than the record gives, rows that are not there, and rows that nothing in the record gives. */
    changed: z.number().int().min(0),
    missing: z.number().int().min(0),
    extra: z.number().int().min(0),
    /** Read models with such rows. */
    differing: z.array(z.string()),
    /** Streams that wait in the live read models and would not now, or the other way round. */
    parkedStreams: z.number().int().min(0),
    tookMs: z.number().int().min(0),
  }),
  ParkedEventDiscarded: z.object({ stream: z.string().min(1), position: positionSchema, reason: reasonSchema }),
} as const

type Schemas = typeof operatorEventSchemas
export type OperatorEventType = keyof Schemas
export type OperatorEvent = {
  [Type in OperatorEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[OperatorEventType]
