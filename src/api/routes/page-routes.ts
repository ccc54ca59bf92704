/** The pages: plain files, each checked for changes by its entity tag. */
import path from 'node:path'
import fastifyStatic from '@fastify/static'
import type { ApiServer } from '../server-type.ts'

const pagesDirectory = path.join(import.meta.dirname, '..', 'pages')

/** Which file stands behind which address. */
const pages: Readonly<Record<string, string>> = {
  '/': 'chat.html',
  '/c/:conversationId': 'chat.html',
  '/sign-in': 'sign-in.html',
  '/me': 'me.html',
  '/analytics': 'analytics.html',
  '/operate': 'operate.html',
  '/audit': 'audit.html',
  '/docs': 'docs.html',
  '/docs/errors': 'errors.html',
}

export function registerPageRoutes(app: ApiServer): void {
  app.register(fastifyStatic, { root: pagesDirectory, prefix: '/assets/', index: false, schemaHide: true })
  for (const [address, file] of Object.entries(pages)) {
    app.get(address, { schema: { hide: true } }, async (_request, reply) => reply.sendFile(file))
  }
}
