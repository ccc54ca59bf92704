/** One pure step between two schema versions of one event; decoding applies as many as an old event needs. */

export type Upcaster = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>

/** For each event type the steps from version 1 to 2, from 2 to 3 and so on; a type that is not listed is at version 1. */
export type UpcasterSteps = Readonly<Record<string, readonly Upcaster[]>>

/** Named like `messageSentV1ToV2`. All events are still at version 1. */
export const upcasterSteps: UpcasterSteps = {}

export function currentVersion(type: string, steps: UpcasterSteps): number {
  return 1 + (steps[type]?.length ?? 0)
}

/** Lifts data from `version` to the current one. The caller has checked that `version` is not newer. */
export function upcast(
  type: string,
  version: number,
  data: Readonly<Record<string, unknown>>,
  steps: UpcasterSteps,
): Readonly<Record<string, unknown>> {
  return (steps[type] ?? []).slice(version - 1).reduce((older, step) => step(older), data)
}
