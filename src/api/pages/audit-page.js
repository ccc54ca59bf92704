/** Lets an auditor find events, see a conversation as it stood, and check in this browser that an event is what was signed. */
import { isProven, readCheckpoint } from './ledger-proof.js'
import { element } from './message-view.js'
import { call, goToSignIn } from './rest-client.js'

const at = (id) => document.getElementById(id)
const PAGE_EVENTS = 50
/** Of the events that are shown: how far the index went that found them, page by page. */
let indexedPages = []

void showLedger()
at('event-form').addEventListener('submit', (event) => {
  event.preventDefault()
  at('events').replaceChildren()
  void attempt(() => findEvents())
})
at('more').addEventListener('click', () => void attempt(() => findEvents(at('more').dataset.after)))
at('conversation-form').addEventListener('submit', (event) => {
  event.preventDefault()
  void attempt(showConversation)
})

async function attempt(work) {
  at('alert').textContent = ''
  try {
    await work()
  } catch (problem) {
    if (problem.status === 401) return goToSignIn()
    at('alert').textContent =
      problem.status === 403 ? 'This page is for auditors. Sign out and in again with that role.' : problem.message
  }
}

/** Every look says what for; letters beyond Latin are written as RFC 8187 does. */
function purposeHeaders() {
  const purpose = at('purpose').value.trim()
  if (purpose === '') {
    at('purpose').focus()
    throw new Error('Please say what for, in Purpose, before you look.')
  }
  return { 'x-audit-purpose': `UTF-8''${encodeURIComponent(purpose)}` }
}

async function showLedger() {
  await attempt(async () => {
    const answer = await fetch('/api/v1/audit/ledger/checkpoint')
    if (answer.status === 404) at('ledger').replaceChildren(element('p', undefined, 'Nothing has been signed yet.'))
    else if (!answer.ok) throw Object.assign(new Error('The ledger cannot be read.'), { status: answer.status })
    else {
      const note = await answer.text()
      const { origin, size, rootHash } = readCheckpoint(note)
      at('ledger').replaceChildren(
        facts([
          ['Log', origin],
          ['Leaves signed', String(size)],
          ['Root hash', rootHash],
        ]),
        folded('Signed checkpoint', element('pre', undefined, note)),
        element(
          'p',
          'hint',
          'Keep a copy of it elsewhere: with it, nobody can rewrite what stands before it unnoticed.',
        ),
      )
    }
  })
  at('ledger').setAttribute('aria-busy', 'false')
}

async function findEvents(after) {
  const asked = new URLSearchParams(new FormData(at('event-form')))
  for (const [name, value] of [...asked]) if (value.trim() === '') asked.delete(name)
  asked.set('limit', String(PAGE_EVENTS))
  if (after !== undefined) asked.set('after', after)
  const { data } = await call('GET', `/audit/events?${asked}`, { headers: purposeHeaders() })
  const list = at('events')
  const table = list.querySelector('table') ?? list.appendChild(eventTable())
  table.tBodies[0].append(...data.results.map(eventRow))
  at('more').hidden = data.next === null
  at('more').dataset.after = data.next ?? ''
  const count = table.tBodies[0].rows.length
  const found = `${count} ${count === 1 ? 'event' : 'events'}${data.next === null ? '' : ', and more'}.`
  if (after === undefined) indexedPages = []
  if (data.indexed !== null) indexedPages.push(data.indexed)
  at('status').textContent = `${found}${indexedPages.length === 0 ? '' : reachOf(indexedPages)}`
}

/** What the index does not have is said with what it has; of all pages shown. */
function reachOf(pages) {
  const most = (name) => Math.max(...pages.map((page) => page[name]))
  const told = (count, what) => (count === 0 ? '' : ` ${what}: ${count}.`)
  const notFound = pages.reduce((sum, page) => sum + page.notFound, 0)
  return [
    ` By the index: kept conversations and people, up to position ${pages.at(-1).to}.`,
    told(most('waitingStreams'), 'Streams that wait with events that it does not have'),
    told(most('discardedEvents'), 'Discarded events, which it does not have'),
    told(notFound, 'Entries that the record does not bear out'),
  ].join('')
}

function eventTable() {
  const table = element('table', 'figures')
  const row = table.createTHead().insertRow()
  for (const heading of ['position', 'taken in', 'type', 'actor', 'stream', 'data', 'proof']) {
    const cell = element('th', undefined, heading)
    cell.scope = 'col'
    row.append(cell)
  }
  table.createTBody()
  return table
}

function eventRow(event) {
  const row = element('tr')
  const { kind = '', id = '' } = event.metadata?.actor ?? {}
  const data = event.leaf ?? JSON.stringify(event.data, undefined, 2)
  const withheld = event.withheld ? ` (without ${event.withheld.join(', ')})` : ''
  row.append(
    ...[event.position, event.created, event.type, `${kind} ${id}`, `${event.stream}@${event.revision}`].map((text) =>
      element('td', undefined, text),
    ),
    cellOf(folded(`Data${withheld}`, element('pre', undefined, data))),
    cellOf(proofButton(event)),
  )
  return row
}

function proofButton(event) {
  const button = element('button', undefined, 'Verify')
  button.type = 'button'
  button.setAttribute('aria-label', `Verify the event at position ${event.position}`)
  button.addEventListener('click', () =>
    attempt(async () => {
      button.disabled = true
      try {
        button.replaceWith(element('span', undefined, await verdictOn(event)))
      } finally {
        button.disabled = false
      }
    }),
  )
  return button
}

/** Fetches the stored form, the proof and the checkpoint, and checks them here. */
async function verdictOn({ stream, position }) {
  const asked = new URLSearchParams({ stream, after: String(BigInt(position) - 1n), limit: '1', view: 'stored' })
  const stored = (await call('GET', `/audit/events?${asked}`, { headers: purposeHeaders() })).data.results[0]
  const proof = (await call('GET', `/audit/ledger/inclusion?position=${position}`)).data
  const { rootHash, size } = readCheckpoint(proof.checkpoint ?? '')
  const isRight = size === proof.size && (await isProven(stored?.leaf ?? '', proof, rootHash))
  return isRight ? `✓ leaf ${proof.index} of ${proof.size}` : '✗ not what was signed'
}

async function showConversation() {
  const { ownerId, conversationId, asOf } = Object.fromEntries(new FormData(at('conversation-form')))
  const then = asOf.trim() === '' || asOf.trim() === 'now' ? '' : `?asOf=${encodeURIComponent(asOf.trim())}`
  const path = `/audit/conversations/${encodeURIComponent(ownerId)}/${encodeURIComponent(conversationId)}${then}`
  const { data } = await call('GET', path, { headers: purposeHeaders() })
  const { conversation, messages } = data
  const lines = messages.map((message) => {
    const article = element('article', 'audited-message')
    article.append(
      element('p', 'hint', `${message.role} · ${message.createdAt} · ${message.status}`),
      element('p', undefined, message.text),
    )
    return article
  })
  at('conversation').replaceChildren(
    facts([
      ['Title', conversation.title],
      ['Owner', conversation.ownerId],
      ['As of position', `${data.asOf.position} (${data.asOf.events} events)`],
      ['Deleted', conversation.deletedAt ?? 'no'],
    ]),
    ...lines,
  )
  at('status').textContent = `${messages.length} ${messages.length === 1 ? 'message' : 'messages'}.`
}

function facts(rows) {
  const list = element('dl', 'facts')
  for (const [name, value] of rows) list.append(element('dt', undefined, name), element('dd', undefined, value))
  return list
}

function folded(summary, content) {
  const details = element('details')
  details.append(element('summary', undefined, summary), content)
  return details
}

function cellOf(content) {
  const cell = element('td')
  cell.append(content)
  return cell
}
