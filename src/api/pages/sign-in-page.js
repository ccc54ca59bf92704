/** Signs in by name and goes back to where one was. */
import { call } from './rest-client.js'

const form = document.getElementById('sign-in')
const alertRegion = document.getElementById('alert')
const roleBoxes = [...document.querySelectorAll('input[name=role]')]

/** The role that a page is for is asked for by itself. */
const roleOfPage = { '/audit': 'auditor', '/analytics': 'analyst', '/operate': 'operator' }
const wantedRole = roleOfPage[new URL(placeToReturnTo(), location.origin).pathname]
for (const box of roleBoxes) box.checked = box.value === wantedRole
document.getElementById('more-roles').open = wantedRole !== undefined

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  alertRegion.textContent = ''
  const userId = document.getElementById('user').value.trim()
  try {
    const roles = ['user', ...roleBoxes.filter(({ checked }) => checked).map(({ value }) => value)]
    await call('POST', '/auth/dev-login', { body: { userId, roles } })
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
