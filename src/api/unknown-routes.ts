/** What is at no route answers as a problem: 404, or 405 when the address exists with other methods. */
import { refusal } from '../shared/failures.ts'
import { answerProblem } from './problem-answer.ts'
import type { ApiServer } from './server-type.ts'

interface KnownRoute {
  readonly method: string
  readonly pattern: RegExp
}

export function registerUnknownRoutes(app: ApiServer): void {
  const routes: KnownRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    if (url === '/*' || url === '*') return
    for (const one of [method].flat()) routes.push({ method: one, pattern: patternOf(url) })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))
    if (allowed.size === 0 || allowed.has(request.method)) return answerProblem(reply, refusal('route-unknown'))
    const allow = [...allowed].sort().join(', ')
    return answerProblem(reply.header('allow', allow), refusal('method-not-allowed', `Allowed here: ${allow}.`))
  })
}

/** The routes are ours, so their patterns hold only parameters and wildcards. */
function patternOf(url: string): RegExp {
  const source = url
    .replaceAll('.', '\\.')
    .replaceAll(/:[A-Za-z]+/g, '[^/]+')
    .replaceAll('*', '.*')
  return new RegExp(`^${source}/?$`)
}
