/** Signs in by name and goes back to where one was. */
import { call } from './rest-client.js'

const form = document.getElementById('sign-in')
const alertRegion = document.getElementById('alert')

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  alertRegion.textContent = ''
  const userId = document.getElementById('user').value.trim()
  try {
    await call('POST', '/auth/dev-login', { body: { userId } })
    location.assign(placeToReturnTo())
  } catch (problem) {
    alertRegion.textContent =
      problem.code === 'route-unknown' ? 'Here people sign in with an identity provider, not by name.' : problem.message
  }
})

// Only now: a form sent before its script is there would leave the page and forget where one came from.
document.getElementById('submit').disabled = false

/** Only a path on this very site: a link to sign in must not lead elsewhere. */
function placeToReturnTo() {
  const next = new URLSearchParams(location.search).get('next') ?? '/'
  const target = new URL(next, location.origin)
  return target.origin === location.origin && target.pathname !== '/sign-in' ? target.pathname + target.search : '/'
}
