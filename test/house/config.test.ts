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
    ['EMBERLOG_ALLOWED_ORIGINS', 'everywhere'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s and names the variable', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(name)
  })

  it.each(['eighty', '70000', '80.5'])('says which numbers it takes when PORT=%s', (value) => {
    expect(() => readConfig({ PORT: value })).toThrow('PORT: must be a whole number from 0 to 65535')
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

  it('is described in docs/configuration.md as it is in code', () => {
    expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(configurationPage())
  })
})
