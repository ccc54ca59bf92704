/** Every route that a server has, read from the tree that it finds them by. */
import type { FastifyInstance } from 'fastify'

export interface Route {
  readonly method: string
  readonly url: string
}

export function routesOf(app: FastifyInstance): Route[] {
  const found: Route[] = []
  const path: string[] = []
  for (const line of app.printRoutes().split('\n')) {
    const [, indent = '', branch, text = '', methods] = /^([│ ]*)([├└]── )?(.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? []
    const depth = indent.length / 4
    if (branch !== undefined) path.splice(depth, path.length, text)
    for (const method of methods?.split(', ') ?? []) found.push({ method, url: path.join('') })
  }
  return found
}
