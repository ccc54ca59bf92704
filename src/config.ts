/** Turns the environment into one frozen, validated configuration; a bad value refuses to start and names its variable. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { configuredImageModel, configuredModels, type ModelReference } from './agents/model-reference.ts'
import { modelVariables } from './config/model-variables.ts'
import { duration, list, variable, wholeNumber } from './config/variable.ts'
import { parseRetentionRules } from './events/retention-rules.ts'
import { Fault } from './shared/failures.ts'
import { parseMasterKey } from './vault/master-key.ts'

export const roles = ['api', 'responder', 'projector', 'ledger'] as const
export type Role = (typeof roles)[number]

const masterKey = () =>
  z
    .string()
    .refine((text) => parseMasterKey(text) !== undefined, 'must be 32 bytes, written in base64 or hexadecimal')
    .optional()
const retentionRules = () =>
  z.string().transform((text, context) => {
    const { rules, problems } = parseRetentionRules(text)
    for (const message of problems) context.addIssue({ code: 'custom', message })
    return rules
  })

/** Every variable, what it may be and what it means; docs/configuration.md is made from this table. */
export const variables = {
  HOST: variable(z.string().min(1), '127.0.0.1', 'Address to listen on.'),
  PORT: variable(wholeNumber(0, 65_535), '4000', 'Port to listen on; 0 takes a free one.'),
  EMBERLOG_DATA_DIR: variable(
    z.string().min(1),
    './.emberlog',
    'Where the embedded event store, the embedded Postgres and made secrets live.',
  ),
  EMBERLOG_ROLES: variable(
    z
      .string()
      .transform(list)
      .pipe(z.array(z.enum(roles)).min(1)),
    roles.join(','),
    'What this process does; split roles over processes that share the two connection strings.',
  ),
  EVENTSTORE_URL: variable(
    z
      .string()
      .regex(/^(esdb|kurrentdb|kurrent|kdb)(\+discover)?:\/\//, 'must begin with esdb:// or kurrentdb://')
      .optional(),
    undefined,
    'Connection string of an EventStoreDB/KurrentDB; unset starts the embedded event store.',
  ),
  DATABASE_URL: variable(
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
      .optional(),
    undefined,
    'Connection string of a Postgres; unset starts the embedded one.',
  ),
  DATABASE_CONNECTIONS_MAX: variable(wholeNumber(2, 900), '10', 'Connections of all pools of this process together.'),
  EMBERLOG_PARTITIONS: variable(
    wholeNumber(1, 64),
    '1',
    'Into how many partitions of streams new generations of read models are divided; shared out among processes.',
  ),
  EMBERLOG_COMPARE_EVERY: variable(
    duration(),
    'off',
    'How often the read models are compared with the record, row by row, such as `24h` (m, h or d; at least 1m); `off` is never. Takes one of at least 6 connections.',
  ),
  ...modelVariables,
  EMBERLOG_INTERRUPTED_TURNS: variable(
    z.enum(['answer-again', 'end-as-failed']),
    'answer-again',
    'What becomes of an answer whose process died: written to its end where that gives the same words, or always ended as failed with the text so far.',
  ),
  EMBERLOG_DRAFT_INTERVAL_MS: variable(
    wholeNumber(10, 10_000),
    '100',
    'Pause between two batches of an answer that is kept while it is written. People see answers of hosted models in this rhythm.',
  ),
  EMBERLOG_ANSWERS_MAX: variable(wholeNumber(1, 10_000), '500', 'Answers that this process writes at the same time.'),
  EMBERLOG_DRAIN_MS: variable(
    wholeNumber(0, 30_000),
    '3000',
    'How long answers under way may go on when the process stops; the others are left to another process.',
  ),
  AUTH_MODE: variable(
    z.enum(['development', 'oidc']),
    'development',
    '`development` signs anybody in and refuses NODE_ENV=production; `oidc` trusts an issuer.',
  ),
  AUTH_JWT_SECRET: variable(
    z.string().min(32, 'needs at least 32 characters').optional(),
    undefined,
    'Secret of development tokens and of connection tokens, the same on all nodes; unset makes one in the data directory.',
  ),
  OIDC_ISSUER: variable(z.url().optional(), undefined, 'Issuer whose tokens are accepted in mode `oidc`.'),
  OIDC_AUDIENCE: variable(z.string().min(1).optional(), undefined, 'Audience that tokens must name in mode `oidc`.'),
  EMBERLOG_MASTER_KEY: variable(
    masterKey(),
    undefined,
    'Wraps the keys under which personal text is sealed: 32 bytes, base64 or hexadecimal. Development makes one in the data directory, the same one wherever AUTH_JWT_SECRET is the same; production needs it, or a file.',
  ),
  EMBERLOG_MASTER_KEY_FILE: variable(
    z.string().min(1).optional(),
    undefined,
    'A file that holds the master key, for secrets that are mounted.',
  ),
  EMBERLOG_MASTER_KEY_OTHER: variable(
    masterKey(),
    undefined,
    'During a rotation of the master key: the next one, later the one before, so that no process has to wait for another.',
  ),
  EMBERLOG_ALLOWED_ORIGINS: variable(
    z.string().transform(list).pipe(z.array(z.url())),
    '',
    "Origins besides the server's own whose pages may open sockets, separated by commas.",
  ),
  EMBERLOG_TRANSIENT_MAX_AGE_S: variable(
    wholeNumber(60, 31_536_000),
    '86400',
    'How long a `project` conversation stays in the record.',
  ),
  EMBERLOG_RETENTION: variable(
    retentionRules(),
    '',
    'At which age text is made unreadable for good, such as `conversation=2y,image=90d,deleted=30d,attachment=180d`; a kind of conversations can be exempted with `ember_learn=keep`. Unset keeps everything (docs/privacy.md).',
  ),
  EMBERLOG_MESSAGES_PER_MINUTE_MAX: variable(
    wholeNumber(1, 100_000),
    '1200',
    'Messages one person may send in a minute.',
  ),
  EMBERLOG_SOCKETS_PER_PERSON_MAX: variable(wholeNumber(1, 10_000), '100', 'Sockets one person may have open.'),
  EMBERLOG_LEDGER_KEY: variable(
    z.string().startsWith('PRIVATE+KEY+', 'must begin with PRIVATE+KEY+').optional(),
    undefined,
    'Key that signs checkpoints of the ledger (`emberlog ledger keygen`); after it, separated by commas, former keys that sign beside it.',
  ),
  EMBERLOG_LEDGER_KEY_FILE: variable(
    z.string().min(1).optional(),
    undefined,
    'File that holds the signing keys, one a line; with neither variable, a key is made once in the data directory.',
  ),
  EMBERLOG_LEDGER_INTERVAL_MS: variable(
    wholeNumber(50, 86_400_000),
    '30000',
    'How often the head of the ledger is signed while events come; it is also signed at a stop.',
  ),
  EMBERLOG_LEDGER_PLACES: variable(
    z
      .string()
      .transform(list)
      .pipe(z.array(z.url({ protocol: /^(file|https?)$/, error: 'must be file:, http: or https: addresses' }))),
    '',
    'Places outside that get every checkpoint, separated by commas: directories as file:///…, addresses that it is posted to.',
  ),
  EMBERLOG_LEDGER_WITNESS: variable(
    z
      .string()
      .regex(/^https?:\/\/\S+\s+\S+\+[0-9a-f]{8}\+\S+$/, 'must be an address and a key, separated by a space')
      .optional(),
    undefined,
    'A C2SP `tlog-witness` that signs every checkpoint too: its address and its verifier key, separated by a space.',
  ),
  LOG_LEVEL: variable(
    z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    'info',
    'How much is logged, as JSON lines on standard error.',
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    z.url().optional(),
    undefined,
    'Base address of an OpenTelemetry receiver (OTLP over HTTP) for traces; unset sends none.',
  ),
  NODE_ENV: variable(z.string().optional(), undefined, '`production` refuses AUTH_MODE=development.'),
} as const

type Values = { readonly [Name in keyof typeof variables]: z.infer<(typeof variables)[Name]['schema']> }

export type Config = Values & {
  readonly dataDirectory: string
  /** The hosted models, in the order in which they are asked; none when the offline assistant answers alone. */
  readonly models: readonly ModelReference[]
  /** The hosted model that makes pictures; undefined when they are drawn offline. */
  readonly imageModel: ModelReference | undefined
}

/** Reads `.env` beside the process, lets the environment win, and validates. Throws a Fault `configuration-invalid` that names every bad variable. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = { ...readDotEnv(), ...environment }
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, { schema, fallback }] of Object.entries(variables)) {
    const text = given[name] === undefined || given[name] === '' ? fallback : given[name]
    const parsed = schema.safeParse(text)
    if (parsed.success) values[name] = parsed.data
    else problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`)
  }
  if (problems.length > 0) throw new Fault('configuration-invalid', { problems: problems.join(' | ') })
  const config = values as unknown as Values
  const { models, problems: modelProblems } = configuredModels(config, (name) => given[name])
  const { model: imageModel, problems: imageProblems } = configuredImageModel(config)
  refuseContradictions(config, [...modelProblems, ...imageProblems])
  return Object.freeze({ ...config, dataDirectory: resolve(config.EMBERLOG_DATA_DIR), models, imageModel })
}

function refuseContradictions(config: Values, others: readonly string[]): void {
  const problems = [...others]
  if (config.AUTH_MODE === 'development' && config.NODE_ENV === 'production') {
    problems.push('AUTH_MODE: development signs anybody in and is refused with NODE_ENV=production; set AUTH_MODE=oidc')
  }
  if (config.AUTH_MODE === 'oidc' && (config.OIDC_ISSUER === undefined || config.OIDC_AUDIENCE === undefined)) {
    problems.push('OIDC_ISSUER, OIDC_AUDIENCE: both are needed with AUTH_MODE=oidc')
  }
  if (config.EMBERLOG_MASTER_KEY !== undefined && config.EMBERLOG_MASTER_KEY_FILE !== undefined) {
    problems.push('EMBERLOG_MASTER_KEY, EMBERLOG_MASTER_KEY_FILE: only one of them can be the master key')
  }
  if (problems.length > 0) throw new Fault('configuration-invalid', { problems: problems.join(' | ') })
}

function readDotEnv(): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync('.env', 'utf8')) as Record<string, string>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Fault('configuration-invalid', { problems: '.env cannot be read' }, { cause: error })
  }
}
