/** What a variable of the environment is: its form, its value when it is unset, and what it means. */
import { z } from 'zod'

interface Variable<Schema extends z.ZodType> {
  readonly schema: Schema
  readonly fallback: string | undefined
  readonly means: string
}

export function variable<Schema extends z.ZodType>(
  schema: Schema,
  fallback: string | undefined,
  means: string,
): Variable<Schema> {
  return { schema, fallback, means }
}

export const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}

/** Items separated by commas. */
export const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

const DURATION = /^(?:off|([1-9]\d{0,4})([mhd]))$/
const durationUnitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Minutes, hours or days, as milliseconds; undefined for `off`. */
export const duration = () =>
  z
    .string()
    .regex(DURATION, 'must be a duration such as 30m, 24h or 7d, or off')
    .transform((text) => {
      const [, count, unit = ''] = DURATION.exec(text) ?? []
      return count === undefined ? undefined : Number(count) * (durationUnitsMs[unit] ?? 0)
    })
