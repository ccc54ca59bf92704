/** Makes the page of all configuration variables from the table that validates them. */
import { z } from 'zod'
import { variables } from '../src/config.ts'

export function configurationPage(): string {
  const rows = Object.entries(variables).map(
    ([name, { schema, fallback, means }]) => `| \`${name}\` | ${shown(fallback)} | ${allowed(schema)} | ${means} |`,
  )
  return [
    '# Configuration',
    '',
    'Made from `src/config.ts` by `npm run docs`; do not edit. Variables come from the environment, or from a file `.env` in the',
    'directory where the command runs; the environment wins. A bad value refuses to start and names its variable.',
    '',
    '| variable | default | may be | means |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function shown(fallback: string | undefined): string {
  return fallback === undefined || fallback === '' ? 'unset' : `\`${fallback}\``
}

interface JsonSchema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly format?: string
  readonly pattern?: string
}

function allowed(schema: z.ZodType): string {
  const {
    type,
    enum: values,
    minimum,
    maximum,
    minLength,
    format,
    pattern,
  } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as JsonSchema
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(' ')
  if (type === 'integer' || type === 'number') return `${minimum} to ${maximum}`
  if (format === 'uri') return 'a URL'
  if (pattern?.startsWith('^[1-9]')) return 'width x height'
  if (pattern?.startsWith('^(?:off')) return 'a duration'
  if (pattern !== undefined) return 'a connection string'
  return minLength !== undefined && minLength > 1 ? `text of at least ${minLength} characters` : 'text'
}
