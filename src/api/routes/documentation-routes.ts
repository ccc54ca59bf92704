/** What there is to call and what can go wrong, for programs and for people. */
import { answerFailures, errorCatalogue } from '../error-catalogue.ts'
import type { ApiServer } from '../server-type.ts'

export function registerDocumentationRoutes(app: ApiServer): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  app.get('/api/errors.json', { schema: { hide: true } }, async () => ({ errors: errorCatalogue, answerFailures }))
}
