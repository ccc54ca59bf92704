/** Shows people what is held about them and who looked at it, hands them all of it, and erases it when they mean it. */
import { element } from './message-view.js'
import { section, tableOf } from './page-parts.js'
import { call, goToSignIn } from './rest-client.js'

/** Whoever erases everything writes this word first. */
const CONFIRMATION = 'erase'
const LOOK_AGAIN_MS = 500
const LOOKS_MAX = 240

const main = document.getElementById('record')
const statusRegion = document.getElementById('status')
const alertRegion = document.getElementById('alert')

void show()

async function show() {
  try {
    const [{ data: profile }, { data: access }] = await Promise.all([
      call('GET', '/me/profile'),
      call('GET', '/me/access-log'),
    ])
    main.replaceChildren(exportPart(), factsPart(profile.facts), looksPart(access.results), sessionPart(), erasePart())
    statusRegion.textContent = ''
  } catch (problem) {
    if (problem.status === 401) return goToSignIn()
    alertRegion.textContent = problem.message
  }
  main.setAttribute('aria-busy', 'false')
}

function exportPart() {
  const link = element('a', 'button', 'Download everything')
  link.href = '/api/v1/me/export'
  link.download = ''
  return section(
    'Take it with you',
    element('p', undefined, 'All conversations, facts and looks in one ZIP archive: pages to read, JSON for programs.'),
    link,
  )
}

function factsPart(facts) {
  if (facts.length === 0) return section('What was noted about you', element('p', undefined, 'Nothing.'))
  const list = element('ul', 'kept-facts')
  for (const { factId, kind, value } of facts) {
    const item = element('li', undefined, `${kind}: ${value} `)
    const remove = element('button', 'quiet small', 'Forget')
    remove.type = 'button'
    remove.setAttribute('aria-label', `Forget ${kind}: ${value}`)
    remove.addEventListener('click', async () => {
      remove.disabled = true
      try {
        await call('DELETE', `/me/profile/${encodeURIComponent(factId)}`)
        item.remove()
        statusRegion.textContent = 'Forgotten.'
      } catch (problem) {
        remove.disabled = false
        alertRegion.textContent = problem.message
      }
    })
    item.append(remove)
    list.append(item)
  }
  return section('What was noted about you', list)
}

function looksPart(looks) {
  const title = 'Who looked at your record this month'
  if (looks.length === 0) return section(title, element('p', undefined, 'Nobody.'))
  const rows = looks.map(({ at, who, role, kind, purpose }) => [
    new Date(at).toLocaleString(),
    `${who} (${role})`,
    kind === 'content' ? 'read what you wrote' : 'saw that something happened, not what',
    purpose,
  ])
  return section(title, tableOf(title, ['When', 'Who', 'Saw', 'What for'], rows))
}

function sessionPart() {
  const leave = element('button', 'quiet', 'Sign out')
  leave.type = 'button'
  leave.addEventListener('click', async () => {
    leave.disabled = true
    try {
      await call('POST', '/auth/logout')
      goToSignIn()
    } catch (problem) {
      leave.disabled = false
      alertRegion.textContent = problem.message
    }
  })
  return section(
    'This session',
    element('p', undefined, 'Ends the session of this browser at once, with every page and connection it has open.'),
    leave,
  )
}

function erasePart() {
  const form = element('form', 'confirmation')
  const field = element('input')
  field.id = 'confirmation'
  field.autocomplete = 'off'
  field.spellcheck = false
  const label = element('label', undefined, `Write “${CONFIRMATION}” to confirm`)
  label.htmlFor = field.id
  const erase = element('button', 'danger', 'Erase everything')
  erase.disabled = true
  field.addEventListener('input', () => {
    erase.disabled = field.value.trim().toLowerCase() !== CONFIRMATION
  })
  form.append(label, field, erase)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (!erase.disabled) void eraseEverything(erase)
  })
  return section(
    'Erase everything',
    element(
      'p',
      undefined,
      'The key to all you wrote, and to all that was written to you, is destroyed. Nobody can bring it back. You are signed out, and get a receipt.',
    ),
    form,
  )
}

async function eraseEverything(button) {
  button.disabled = true
  alertRegion.textContent = ''
  try {
    const { data } = await call('DELETE', '/me')
    await showReceipt(data.receiptId)
  } catch (problem) {
    button.disabled = false
    alertRegion.textContent = problem.message
  }
}

/** The session has ended; the receipt is read with nothing but its id. */
async function showReceipt(receiptId) {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const { data } = await call('GET', `/erasure-receipts/${receiptId}`)
    statusRegion.textContent = data.isDone ? 'Everything is erased.' : `Erasing: ${data.step}…`
    if (data.isDone) {
      const text = element('pre', undefined, JSON.stringify(data.receipt, null, 2))
      main.replaceChildren(
        section('Your receipt', element('p', undefined, 'Signed; keep it if you want to show it to somebody.'), text),
      )
      return
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
  alertRegion.textContent = `It takes longer than usual. Look at /api/v1/erasure-receipts/${receiptId} later.`
}
