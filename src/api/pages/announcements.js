/** Says things in the page's status and alert regions, in plain words. */

const NOTICE_MS = 12_000

const alertRegion = document.getElementById('alert')
const noticeRegion = document.getElementById('notice')
const connectionWords = document.getElementById('connection-words')
const connection = document.getElementById('connection')
let noticeTimer

const wordsOfStates = {
  connecting: 'Connecting…',
  open: 'Connected',
  waiting: 'Not connected. What you write is kept and sent when the connection is back.',
  closed: 'Not connected',
}

export function showConnection(state) {
  connection.dataset.state = state
  if (connectionWords.textContent !== wordsOfStates[state]) connectionWords.textContent = wordsOfStates[state]
}

/** Something did not work. */
export function alertPerson(words) {
  alertRegion.textContent = words
}

export function clearAlert() {
  if (alertRegion.textContent !== '') alertRegion.textContent = ''
}

/** Something was done, perhaps with a way to take it back. */
export function notify(words, { action, onAction } = {}) {
  clearTimeout(noticeTimer)
  noticeRegion.replaceChildren(words)
  if (action !== undefined) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'quiet'
    button.textContent = action
    button.addEventListener('click', () => {
      noticeRegion.replaceChildren()
      onAction()
    })
    noticeRegion.append(' ', button)
  }
  noticeTimer = setTimeout(() => noticeRegion.replaceChildren(), NOTICE_MS)
}
