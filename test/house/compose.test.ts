import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { ANALYST_ROLE } from '../../src/projections/analytics/analyst-role.ts'

interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly healthcheck?: object
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

const compose = parse(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8')) as {
  readonly services: Readonly<Record<'eventstore' | 'postgres' | 'app', Service>>
  readonly configs: Readonly<Record<string, { readonly content: string }>>
  readonly volumes: object
}
const { eventstore, postgres, app } = compose.services
const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')

describe('docker-compose.yml', () => {
  it('runs a store, a Postgres and the app, each with a health check', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['app', 'eventstore', 'postgres'])
    for (const service of Object.values(compose.services)) expect(service.healthcheck).toBeDefined()
  })

  it('starts the app when both servers are healthy', () => {
    expect(app.depends_on).toEqual({
      eventstore: { condition: 'service_healthy' },
      postgres: { condition: 'service_healthy' },
    })
  })

  it('gives the app a configuration that it accepts, with both connection strings', () => {
    const config = readConfig(app.environment ?? {})
    expect(new URL(config.EVENTSTORE_URL ?? '').hostname).toBe('eventstore')
    expect(new URL(config.DATABASE_URL ?? '').hostname).toBe('postgres')
  })

  it('gives Postgres the login that the app uses, and states its connections with room for the app', () => {
    const url = new URL(app.environment?.['DATABASE_URL'] ?? '')
    expect(postgres.environment).toEqual({
      POSTGRES_USER: url.username,
      POSTGRES_PASSWORD: url.password,
      POSTGRES_DB: url.pathname.slice(1),
    })
    const stated = Number(postgres.command?.join(' ').match(/max_connections=(\d+)/)?.[1])
    expect(stated).toBeGreaterThan(2 * Number(app.environment?.['DATABASE_CONNECTIONS_MAX']))
  })

  it('gives analysts a login that can only read, in the role that the app grants to', () => {
    const [config] = postgres.configs ?? []
    expect(config?.target).toMatch(/^\/docker-entrypoint-initdb\.d\/.+\.sql$/)
    const made = compose.configs[config?.source ?? '']?.content ?? ''
    expect(made).toContain(`create role ${ANALYST_ROLE} nologin;`)
    expect(made).toContain(`in role ${ANALYST_ROLE};`)
    expect(made).toContain('alter role analyst set default_transaction_read_only = on;')
    expect(made).toContain('alter role analyst set statement_timeout')
  })

  it('names exact images', () => {
    expect(postgres.image).toBe('postgres:18.1-alpine')
    expect(eventstore.image).toMatch(/^docker\.kurrent\.io\/kurrent-lts\/kurrentdb:\d+\.\d+\.\d+$/)
  })
})

describe('the Dockerfile', () => {
  it('copies every path it names from the repository, and runs as somebody other than root', () => {
    const copied = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, paths]) => (paths ?? '').split(' '))
    expect(copied.length).toBeGreaterThan(0)
    for (const file of copied)
      expect(() => readFileSync(new URL(`../../${file}`, import.meta.url))).not.toThrow('ENOENT')
    expect(dockerfile).toMatch(/^USER node$/m)
  })
})
