/** Loads the library of one provider, and only that one, and makes of it a model that speaks over our own transport. */
import type { LanguageModel as AiSdkModel, ImageModel as AiSdkPictures } from 'ai'
import { Fault } from '../shared/failures.ts'
import type { ModelReference } from './model-reference.ts'

export async function loadAiSdkModel(
  { provider, id, baseUrl, apiKey = '' }: ModelReference,
  fetch: typeof globalThis.fetch,
): Promise<AiSdkModel> {
  const settings = { apiKey, fetch, ...(baseUrl !== undefined && { baseURL: baseUrl }) }
  switch (provider) {
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      const key = apiKey === '' ? {} : { apiKey }
      return createOpenAICompatible({ name: 'compatible', baseURL: baseUrl ?? '', fetch, includeUsage: true, ...key })(
        id,
      )
    }
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai')
      return createOpenAI(settings).chat(id) // The other protocol keeps conversations at the provider.
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return createAnthropic(settings)(id)
    }
    case 'google': {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
      return createGoogleGenerativeAI(settings)(id)
    }
  }
}

/** As above, for pictures. Throws `model-request-refused` for a provider that makes none. */
export async function loadAiSdkImageModel(
  { provider, id, baseUrl, apiKey = '' }: ModelReference,
  fetch: typeof globalThis.fetch,
): Promise<AiSdkPictures> {
  const settings = { apiKey, fetch, ...(baseUrl !== undefined && { baseURL: baseUrl }) }
  switch (provider) {
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      const key = apiKey === '' ? {} : { apiKey }
      return createOpenAICompatible({ name: 'compatible', baseURL: baseUrl ?? '', fetch, ...key }).imageModel(id)
    }
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai')
      return createOpenAI(settings).image(id)
    }
    case 'google': {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
      return createGoogleGenerativeAI(settings).image(id)
    }
    case 'anthropic':
      throw new Fault('model-request-refused', { provider })
  }
}
