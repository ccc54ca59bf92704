/** Names one hosted model: who runs it, which it is, and where and with what key it is reached. */

export const hostedProviders = ['openai-compatible', 'openai', 'anthropic', 'google'] as const
export type HostedProvider = (typeof hostedProviders)[number]

/** Those that make pictures, too. */
export const imageProviders = ['openai-compatible', 'openai', 'google'] as const satisfies readonly HostedProvider[]
type ImageProvider = (typeof imageProviders)[number]

export interface ModelReference {
  readonly provider: HostedProvider
  readonly id: string
  /** Absent: the provider's own public address. */
  readonly baseUrl?: string
  /** Never logged, recorded or shown. */
  readonly apiKey?: string
}

/** A reference as it is written in a configuration, which names the variable that holds the key, never the key. */
export interface WrittenReference extends Omit<ModelReference, 'apiKey'> {
  readonly keyVariable?: string
}

// provider : model [ @http(s)://… ] [ #KEY_VARIABLE ]
const form = /^([a-z-]+):([^\s#]+?)(?:@(https?:\/\/[^\s#]+))?(?:#([A-Z][A-Z0-9_]*))?$/

/** Reads `provider:model[@baseUrl][#KEY_VARIABLE]`; undefined when it is nothing of the kind. */
export function readModelReference(text: string): WrittenReference | undefined {
  const [, provider, id = '', address, keyVariable] = form.exec(text) ?? []
  const known = hostedProviders.find((name) => name === provider)
  const baseUrl = address === undefined ? undefined : baseUrlOf(address)
  if (known === undefined || id === '' || (address !== undefined && baseUrl === undefined)) return undefined
  return { provider: known, id, ...(baseUrl && { baseUrl }), ...(keyVariable && { keyVariable }) }
}

/** An address without a slash at its end; undefined when it is none, or when it carries what does not belong there (a password, a query). */
export function baseUrlOf(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined
  return url.href.replace(/\/+$/, '')
}

export interface ModelSettings {
  readonly LLM_PROVIDER: 'offline' | HostedProvider
  readonly LLM_BASE_URL?: string | undefined
  readonly LLM_MODEL?: string | undefined
  readonly LLM_API_KEY?: string | undefined
  readonly LLM_FALLBACKS: readonly string[]
}

/**
 * The hosted models that the settings name, in the order in which they are asked; none when the offline assistant answers
 * alone. `keyOf` looks up the variables that hold keys. `problems` names variables, and never repeats a value: what stands
 * in the wrong place may be a key.
 */
export function configuredModels(
  settings: ModelSettings,
  keyOf: (variable: string) => string | undefined,
): { readonly models: readonly ModelReference[]; readonly problems: readonly string[] } {
  const { LLM_PROVIDER: provider, LLM_BASE_URL: baseUrl, LLM_MODEL: id, LLM_API_KEY: apiKey } = settings
  if (provider === 'offline') {
    const isIdle = settings.LLM_FALLBACKS.length > 0
    return { models: [], problems: isIdle ? ['LLM_FALLBACKS: needs a hosted model in LLM_PROVIDER'] : [] }
  }
  const problems: string[] = []
  if (id === undefined) problems.push(`LLM_MODEL: is needed with LLM_PROVIDER=${provider}`)
  const first = { provider, id: id ?? '', ...(baseUrl && { baseUrl }), ...(apiKey && { apiKey }) }
  problems.push(...problemsOf(first).map(({ variable, problem }) => `${variable}: ${problem}`))
  const others = settings.LLM_FALLBACKS.map((text, index) => {
    const { model, problems: found } = fallbackModel(text, keyOf)
    problems.push(...found.map((problem) => `LLM_FALLBACKS: number ${index + 1} ${problem}`))
    return model
  })
  return { models: [first, ...others.filter((other) => other !== undefined)], problems }
}

export interface ImageSettings {
  readonly IMAGE_PROVIDER: 'offline' | ImageProvider
  readonly IMAGE_BASE_URL?: string | undefined
  readonly IMAGE_MODEL?: string | undefined
  readonly IMAGE_API_KEY?: string | undefined
}

/** The hosted model that makes pictures; undefined when they are drawn offline. `problems` never repeats a value. */
export function configuredImageModel(settings: ImageSettings): {
  readonly model: ModelReference | undefined
  readonly problems: readonly string[]
} {
  const { IMAGE_PROVIDER: provider, IMAGE_BASE_URL: baseUrl, IMAGE_MODEL: id, IMAGE_API_KEY: apiKey } = settings
  if (provider === 'offline') return { model: undefined, problems: [] }
  const model = { provider, id: id ?? '', ...(baseUrl && { baseUrl }), ...(apiKey && { apiKey }) }
  const problems = problemsOf(model, 'IMAGE').map(({ variable, problem }) => `${variable}: ${problem}`)
  if (id === undefined) problems.unshift(`IMAGE_MODEL: is needed with IMAGE_PROVIDER=${provider}`)
  return { model, problems }
}

const FORM = 'must be provider:model, then @http(s)://… and #KEY_VARIABLE where needed'

function fallbackModel(text: string, keyOf: (variable: string) => string | undefined) {
  const written = readModelReference(text)
  if (written === undefined) return { model: undefined, problems: [FORM] }
  const { keyVariable, ...reference } = written
  const apiKey = keyVariable === undefined ? undefined : keyOf(keyVariable)
  if (keyVariable !== undefined && !apiKey) {
    return { model: undefined, problems: [`names ${keyVariable}, which is not set`] }
  }
  const model: ModelReference = { ...reference, ...(apiKey && { apiKey }) }
  return { model, problems: problemsOf(model).map(({ inList }) => inList) }
}

function problemsOf({ provider, baseUrl, apiKey }: ModelReference, prefix: 'LLM' | 'IMAGE' = 'LLM') {
  if (provider === 'openai-compatible') {
    if (baseUrl !== undefined) return []
    const problem = `is needed with ${prefix}_PROVIDER=${provider}, such as http://127.0.0.1:11434/v1`
    return [
      {
        variable: `${prefix}_BASE_URL`,
        problem,
        inList: 'needs an address, as in openai-compatible:model@http://127.0.0.1:11434/v1',
      },
    ]
  }
  if (apiKey !== undefined) return []
  return [
    {
      variable: `${prefix}_API_KEY`,
      problem: `is needed with ${prefix}_PROVIDER=${provider}`,
      inList: `needs a key, as in ${provider}:model#KEY_VARIABLE`,
    },
  ]
}
