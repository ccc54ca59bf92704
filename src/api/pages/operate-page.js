/** Shows an operator how the service stands, and the command for each act; looks again every few seconds while it is seen. */
import { element } from './message-view.js'
import { section, tableOf } from './page-parts.js'
import { call, goToSignIn } from './rest-client.js'

const LOOK_AGAIN_MS = 5_000

const main = document.getElementById('overview')
const statusRegion = document.getElementById('status')
const alertRegion = document.getElementById('alert')

void look()

async function look() {
  try {
    if (!document.hidden) show((await call('GET', '/operate/overview')).data)
    alertRegion.textContent = ''
  } catch (problem) {
    if (problem.status === 401) return goToSignIn()
    alertRegion.textContent =
      problem.status === 403 ? 'This page is for operators. Sign out and in again with that role.' : problem.message
    if (problem.status === 403) {
      statusRegion.textContent = ''
      main.setAttribute('aria-busy', 'false')
      return
    }
  }
  setTimeout(look, LOOK_AGAIN_MS)
}

function show({ parts, generations, parked, connections }) {
  const missing = parts.filter(({ isReady }) => !isReady)
  statusRegion.textContent =
    missing.length === 0 ? 'Everything is ready.' : `Not ready: ${missing.map(({ name }) => name).join(', ')}.`
  main.replaceChildren(
    section(
      'Parts',
      tableOf(
        'Parts',
        ['part', 'ready', 'detail'],
        parts.map((one) => [one.name, one.isReady ? 'yes' : 'no', one.detail]),
      ),
    ),
    section(
      'Read models',
      tableOf(
        'Read models',
        ['generation', 'state', 'version', 'events', 'position', 'made'],
        generations.map((one) => [
          one.number,
          one.state,
          one.projectorsVersion,
          one.eventCount,
          one.position,
          one.createdAt,
        ]),
      ),
      hint(
        'Build them anew: ',
        'npx emberlog projections rebuild',
        '; go back: ',
        'npx emberlog projections roll-back <generation>',
      ),
    ),
    section('Parked events', ...parkedPart(parked)),
    section(
      'Database connections of this process',
      tableOf(
        'Database connections',
        ['share', 'at most', 'in use', 'idle', 'waiting'],
        connections.map((one) => [one.name, one.connectionsMax, one.inUse, one.idle, one.waiting]),
      ),
    ),
  )
  main.setAttribute('aria-busy', 'false')
}

function parkedPart(parked) {
  if (parked.length === 0) return [element('p', undefined, 'None: every event has become rows.')]
  const rows = parked.map((one) => [
    one.generation,
    one.stream,
    one.events,
    one.firstType,
    one.firstPosition,
    one.reason,
  ])
  return [
    tableOf('Parked events', ['generation', 'stream', 'events', 'first', 'position', 'reason'], rows),
    hint(
      'Handle again: ',
      'npx emberlog projections parked retry <stream>',
      '; look closer: ',
      'npx emberlog projections parked show <stream>',
    ),
  ]
}

/** Words and commands in turn. */
function hint(...pieces) {
  const paragraph = element('p', 'hint')
  paragraph.append(...pieces.map((piece, index) => (index % 2 === 0 ? piece : element('code', undefined, piece))))
  return paragraph
}
