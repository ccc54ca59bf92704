/** Reads JSON bodies exactly: bytes that are not UTF-8 are refused, never replaced; an empty body is no body. */
import { Fault } from '../shared/failures.ts'
import type { ApiServer } from './server-type.ts'

export function registerBodyParser(app: ApiServer): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseBody(body),
  )
}

function parseBody(body: Buffer): unknown {
  if (body.byteLength === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new Fault('body-invalid', {}, { cause })
  }
}
