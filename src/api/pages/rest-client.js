/** Calls the REST interface: answers are data, failures are `Problem`s with words for people. */

export class Problem extends Error {
  constructor(status, code, message, retryAfterMs) {
    super(message)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

const REQUEST_MS_MAX = 15_000

/** The session travels in a cookie that scripts cannot read. Answers `{ data, position, readPosition }`. */
export async function call(method, path, { body, minPosition, headers: given = {} } = {}) {
  const headers = { ...given }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (minPosition !== undefined && minPosition !== '0') headers['x-min-position'] = minPosition
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS_MAX),
  }).catch(() => {
    throw new Problem(0, 'offline', 'Emberlog cannot be reached just now.')
  })
  const data = answer.status === 204 ? undefined : await answer.json().catch(() => undefined)
  if (!answer.ok) throw problemOf(answer.status, data)
  return {
    data,
    position: answer.headers.get('x-position') ?? '0',
    readPosition: answer.headers.get('x-read-position') ?? '0',
  }
}

/** Leaves for the sign-in page, which comes back here. */
export function goToSignIn() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`)
}

function problemOf(status, data) {
  const { code = 'internal', title = 'This did not work.', detail = '', retryAfterMs } = data ?? {}
  return new Problem(
    status,
    code,
    detail.length > 0 && detail.length < 200 ? `${title} ${detail}` : title,
    retryAfterMs,
  )
}
