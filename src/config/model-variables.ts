/** The variables that say who writes answers and who makes pictures. */
import { z } from 'zod'
import { baseUrlOf, hostedProviders, imageProviders } from '../agents/model-reference.ts'
import { list, variable, wholeNumber } from './variable.ts'

const addressRule = 'must be an http(s) address without a password, a query or a fragment'
/** More would take longer to go through than a person waits. */
const FALLBACKS_MAX = 4

const address = () =>
  z
    .url({ protocol: /^https?$/, error: addressRule })
    .refine((text) => baseUrlOf(text) !== undefined, addressRule)
    .transform((text) => baseUrlOf(text) ?? text)
    .optional()

export const modelVariables = {
  LLM_PROVIDER: variable(
    z.enum(['offline', ...hostedProviders]),
    'offline',
    'Who writes answers. `offline` needs no key and no network; behind every other it stands in when nobody else answers.',
  ),
  LLM_BASE_URL: variable(
    address(),
    undefined,
    'Address of the model’s API, up to and with its version, such as `http://127.0.0.1:11434/v1`. Needed with `openai-compatible`; unset is the provider’s own.',
  ),
  LLM_MODEL: variable(
    z.string().min(1).max(200).optional(),
    undefined,
    'Which model, in the provider’s words. Needed unless `offline`.',
  ),
  LLM_API_KEY: variable(
    z.string().min(1).optional(),
    undefined,
    'Key for the provider; never logged or recorded. Needed with `openai`, `anthropic` and `google`.',
  ),
  LLM_FALLBACKS: variable(
    z
      .string()
      .transform(list)
      .pipe(z.array(z.string()).max(FALLBACKS_MAX, `at most ${FALLBACKS_MAX} models`)),
    '',
    'Models to ask, in this order, when the first does not answer: `provider:model`, then `@baseUrl` and `#KEY_VARIABLE` (the variable that holds the key) where needed, separated by commas.',
  ),
  LLM_CONNECT_TIMEOUT_MS: variable(wholeNumber(10, 120_000), '5000', 'How long connecting to a provider may take.'),
  LLM_FIRST_TOKEN_TIMEOUT_MS: variable(
    wholeNumber(10, 600_000),
    '30000',
    'How long a model may take to begin; then the next one is asked.',
  ),
  LLM_IDLE_TIMEOUT_MS: variable(
    wholeNumber(10, 600_000),
    '30000',
    'How long a model may pause in the middle of an answer; then the answer ends as failed, with what is written.',
  ),
  LLM_RETRIES_MAX: variable(
    wholeNumber(0, 10),
    '2',
    'How often a model is asked again after a passing failure, as long as no word of its answer was shown.',
  ),
  LLM_RETRY_AFTER_MS_MAX: variable(
    wholeNumber(0, 120_000),
    '5000',
    'A provider that asks for a longer wait is not waited for.',
  ),
  LLM_BREAKER_FAILURES_MAX: variable(
    wholeNumber(1, 1_000),
    '5',
    'After so many failures in a row a model is left alone for a while.',
  ),
  LLM_BREAKER_OPEN_MS: variable(
    wholeNumber(10, 3_600_000),
    '30000',
    'How long it is left alone; then one question tests it.',
  ),
  LLM_THINKING_TOKENS_MAX: variable(
    wholeNumber(0, 100_000),
    '0',
    'Tokens beyond the agent’s limit, for models that think before they write.',
  ),
  LLM_DELTA_DELAY_MS: variable(
    wholeNumber(0, 1_000),
    '12',
    'Pause between the words of the offline assistant, so that people see it write.',
  ),
  IMAGE_PROVIDER: variable(
    z.enum(['offline', ...imageProviders]),
    'offline',
    'Who makes pictures. `offline` draws them from words; behind every other it stands in, and the answer says so.',
  ),
  IMAGE_BASE_URL: variable(
    address(),
    undefined,
    'Address of the image model’s API, up to and with its version. Needed with `openai-compatible`; unset is the provider’s own.',
  ),
  IMAGE_MODEL: variable(
    z.string().min(1).max(200).optional(),
    undefined,
    'Which image model, in the provider’s words. Needed unless `offline`.',
  ),
  IMAGE_API_KEY: variable(
    z.string().min(1).optional(),
    undefined,
    'Key for the provider of pictures; never logged or recorded. Needed with `openai` and `google`.',
  ),
  IMAGE_SIZE: variable(
    z
      .string()
      .regex(/^[1-9]\d{1,3}x[1-9]\d{1,3}$/, 'must be width x height in pixels, such as 1024x1024')
      .optional(),
    undefined,
    'Size of pictures, such as `1024x1024`, for providers that take one; unset is the model’s own.',
  ),
  IMAGE_TIMEOUT_MS: variable(
    wholeNumber(10, 80_000),
    '60000',
    'How long a picture may take, repeated requests included; then it is drawn offline. Retries and the breaker follow the `LLM_` settings.',
  ),
} as const
