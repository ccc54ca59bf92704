/** One pure step between two schema versions of one event; decoding applies as many as an old event needs. */

export type Upcaster = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>

/** For each event type the steps from version 1 to 2, from 2 to 3 and so on; a type that is not listed is at version 1. */
export type UpcasterSteps = Readonly<Record<string, readonly Upcaster[]>>

/** Named like `messageSentV1ToV2`. */
export const upcasterSteps: UpcasterSteps = { IntentRouted: [intentRoutedV1ToV2] }

/** Version 1 had rules and words in one open list, and did not say what of the conversation was used. */
function intentRoutedV1ToV2(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const all = data['evidence'] as readonly { readonly kind: string; readonly name: string }[]
  const rules = all.filter(({ kind }) => kind === 'rule').map(({ name }) => name)
  return { ...data, rules, evidence: all.filter(({ kind }) => kind !== 'rule'), context: null }
}

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
