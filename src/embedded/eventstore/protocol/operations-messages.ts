/** The messages of the operations and monitoring services: event_store.client.operations and .monitoring. */
import { ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Whether a scavenge was begun, was under way, or was ended. */
export const SCAVENGE_RESULT = { started: 0, inProgress: 1, stopped: 2 } as const

export function decodeStopScavenge(message: Buffer): string {
  const reader = new ProtobufReader(message)
  let id = ''
  while (reader.next()) {
    if (reader.field !== 1) continue
    const options = reader.message()
    while (options.next()) if (options.field === 1) id = options.string()
  }
  return id
}

export function encodeScavenge(id: string, result: number): Buffer {
  return new ProtobufWriter(64).string(1, id).uint(2, result).finish()
}

export interface StatsRequest {
  /** Undefined when it was left out. */
  readonly periodMs: number | undefined
}

export function decodeStatsRequest(message: Buffer): StatsRequest {
  const reader = new ProtobufReader(message)
  let periodMs: number | undefined
  while (reader.next()) if (reader.field === 4) periodMs = Number(reader.uint64())
  return { periodMs: periodMs === 0 ? undefined : periodMs }
}

export function encodeStats(figures: readonly (readonly [name: string, figure: string])[]): Buffer {
  const writer = new ProtobufWriter(1_024)
  for (const [name, figure] of figures) writer.message(1, (entry) => entry.string(1, name).string(2, figure))
  return writer.finish()
}
