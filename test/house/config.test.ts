import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { configurationPage } from '../../scripts/configuration-page.ts'
import { readConfig } from '../../src/config.ts'

describe('the configuration', () => {
  it('needs nothing: every variable has a default or may be unset', () => {
    const config = readConfig({})
    expect(config).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 4000,
      DATABASE_CONNECTIONS_MAX: 10,
      AUTH_MODE: 'development',
    })
    expect(config.EMBERLOG_ROLES).toEqual(['api', 'responder', 'projector', 'ledger'])
    expect(config.EVENTSTORE_URL).toBeUndefined()
  })

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true)
  })

  it('takes an empty variable as unset', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '' })).toMatchObject({ PORT: 4000, DATABASE_URL: undefined })
  })

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '70000'],
    ['DATABASE_CONNECTIONS_MAX', '0'],
    ['EMBERLOG_ROLES', 'api,juggler'],
    ['EMBERLOG_ROLES', ','],
    ['EVENTSTORE_URL', 'http://127.0.0.1:2113'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['AUTH_MODE', 'none'],
    ['AUTH_JWT_SECRET', 'short'],
    ['LLM_PROVIDER', 'oracle'],
    ['LLM_BASE_URL', 'localhost:11434'],
    ['LLM_BASE_URL', 'ftp://example.org/v1'],
    ['LLM_BASE_URL', 'https://me:secret@example.org/v1'],
    ['LLM_BASE_URL', 'https://example.org/v1?key=secret'],
    ['LLM_FALLBACKS', 'openai:gpt#KEY'],
    ['LLM_RETRIES_MAX', 'many'],
    ['EMBERLOG_COMPARE_EVERY', '90'],
    ['EMBERLOG_COMPARE_EVERY', '0h'],
    ['IMAGE_SIZE', 'large'],
    ['IMAGE_TIMEOUT_MS', '90000'],
    ['LLM_FIRST_TOKEN_TIMEOUT_MS', '0'],
    ['EMBERLOG_ALLOWED_ORIGINS', 'everywhere'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s and names the variable', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(name)
  })

  it.each(['eighty', '70000', '80.5'])('says which numbers it takes when PORT=%s', (value) => {
    expect(() => readConfig({ PORT: value })).toThrow('PORT: must be a whole number from 0 to 65535')
  })

  it.each([
    ['off', undefined],
    ['30m', 1_800_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('takes %s for a duration', (text, ms) => {
    expect(readConfig({ EMBERLOG_COMPARE_EVERY: text }).EMBERLOG_COMPARE_EVERY).toBe(ms)
  })

  it('names every bad variable at once', () => {
    expect(() => readConfig({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT.*LOG_LEVEL/)
  })

  it('refuses to sign anybody in on a production machine', () => {
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow('AUTH_MODE')
  })

  it('refuses an issuer without an audience', () => {
    expect(() => readConfig({ AUTH_MODE: 'oidc', OIDC_ISSUER: 'https://id.example.org' })).toThrow('OIDC_AUDIENCE')
  })

  describe('of hosted models', () => {
    const local = {
      LLM_PROVIDER: 'openai-compatible',
      LLM_BASE_URL: 'http://127.0.0.1:11434/v1/',
      LLM_MODEL: 'llama3:8b',
    }

    it('needs no key for a server of one’s own', () => {
      const models = [{ provider: 'openai-compatible', id: 'llama3:8b', baseUrl: 'http://127.0.0.1:11434/v1' }]
      expect(readConfig(local).models).toEqual(models)
    })

    it('names no models when the offline assistant answers alone', () => {
      expect(readConfig({ LLM_MODEL: 'unused' }).models).toEqual([])
    })

    it.each([
      ['LLM_BASE_URL', { ...local, LLM_BASE_URL: '' }],
      ['LLM_MODEL', { ...local, LLM_MODEL: '' }],
      ['LLM_API_KEY', { LLM_PROVIDER: 'openai', LLM_MODEL: 'gpt' }],
      ['LLM_API_KEY', { LLM_PROVIDER: 'anthropic', LLM_MODEL: 'claude' }],
      ['LLM_API_KEY', { LLM_PROVIDER: 'google', LLM_MODEL: 'gemini' }],
    ])('says that %s is needed when it is missing', (name, environment) => {
      expect(() => readConfig(environment)).toThrow(`${name}: is needed with LLM_PROVIDER=${environment.LLM_PROVIDER}`)
    })

    it('reads fallbacks in their order, with keys from the variables they name', () => {
      const LLM_FALLBACKS =
        'anthropic:claude-x#SECOND_KEY, openai-compatible:org/model:8b@https://models.example.org/api/v1/#THIRD_KEY'
      const keys = { SECOND_KEY: 'sk-second', THIRD_KEY: 'sk-third' }
      expect(readConfig({ ...local, ...keys, LLM_FALLBACKS }).models.slice(1)).toEqual([
        { provider: 'anthropic', id: 'claude-x', apiKey: 'sk-second' },
        {
          provider: 'openai-compatible',
          id: 'org/model:8b',
          baseUrl: 'https://models.example.org/api/v1',
          apiKey: 'sk-third',
        },
      ])
    })

    it.each([
      ['gpt-5', 'LLM_FALLBACKS: number 1 must be provider:model'],
      ['oracle:delphi', 'LLM_FALLBACKS: number 1 must be provider:model'],
      ['openai:gpt#sk-pasted-secret', 'LLM_FALLBACKS: number 1 must be provider:model'],
      ['openai-compatible:one@http://me:pasted-secret@h/v1', 'LLM_FALLBACKS: number 1 must be provider:model'],
      ['openai-compatible:one', 'LLM_FALLBACKS: number 1 needs an address'],
      ['openai-compatible:one@http://h/v1,google:gemini', 'LLM_FALLBACKS: number 2 needs a key'],
      ['google:gemini#MISSING_KEY', 'LLM_FALLBACKS: number 1 names MISSING_KEY, which is not set'],
      [Array(5).fill('openai-compatible:one@http://h/v1').join(), 'LLM_FALLBACKS: at most 4 models'],
    ])('refuses the fallback %s, and never repeats what may be a key', (LLM_FALLBACKS, problem) => {
      const refusal = () => readConfig({ ...local, LLM_FALLBACKS })
      expect(refusal).toThrow(problem)
      expect(refusal).not.toThrow('secret')
    })

    it('refuses fallbacks that have nothing to fall back from', () => {
      expect(() => readConfig({ LLM_FALLBACKS: 'openai-compatible:one@http://h/v1' })).toThrow(
        'LLM_FALLBACKS: needs a hosted model in LLM_PROVIDER',
      )
    })
  })

  describe('of an image model', () => {
    const local = { IMAGE_PROVIDER: 'openai-compatible', IMAGE_BASE_URL: 'http://127.0.0.1:7860/v1', IMAGE_MODEL: 'sd' }

    it('needs no key for a server of one’s own, and names no model when pictures are drawn offline', () => {
      const { IMAGE_BASE_URL: baseUrl, IMAGE_MODEL: id } = local
      expect(readConfig(local).imageModel).toEqual({ provider: 'openai-compatible', id, baseUrl })
      expect(readConfig({ IMAGE_MODEL: 'unused' }).imageModel).toBeUndefined()
    })

    it.each([
      ['IMAGE_BASE_URL', { ...local, IMAGE_BASE_URL: '' }],
      ['IMAGE_MODEL', { ...local, IMAGE_MODEL: '' }],
      ['IMAGE_API_KEY', { IMAGE_PROVIDER: 'openai', IMAGE_MODEL: 'gpt-image' }],
      ['IMAGE_API_KEY', { IMAGE_PROVIDER: 'google', IMAGE_MODEL: 'gemini-image' }],
    ])('says that %s is needed when it is missing', (name, environment) => {
      const problem = `${name}: is needed with IMAGE_PROVIDER=${environment.IMAGE_PROVIDER}`
      expect(() => readConfig(environment)).toThrow(problem)
    })

    it.each(['anthropic', 'oracle'])('refuses %s, which makes no pictures', (IMAGE_PROVIDER) => {
      expect(() => readConfig({ IMAGE_PROVIDER })).toThrow('IMAGE_PROVIDER')
    })
  })

  it('is described in docs/configuration.md as it is in code', () => {
    expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(configurationPage())
  })
})
