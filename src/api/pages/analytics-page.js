/** Shows an analyst the figures of a range of time: totals, charts, and under each chart the table it is drawn from. */
import { drawBars, drawLines } from './figure-charts.js'
import { element } from './message-view.js'
import { section, tableOf } from './page-parts.js'
import { call, goToSignIn } from './rest-client.js'

const DAY_MS = 86_400_000
const RANGE_DAYS = 30

const byId = (id) => document.getElementById(id)
const form = byId('range')
const main = byId('figures')
const statusRegion = byId('status')
const alertRegion = byId('alert')
/** The latest wish: an answer to an earlier one finds that it is late. */
let asked = 0

fillRange()
form.addEventListener('submit', (event) => {
  event.preventDefault()
  history.replaceState(null, '', `?${new URLSearchParams(new FormData(form))}`)
  void show()
})
void show()

/** From the address, so that a view can be passed on; else the last 30 days, today included. */
function fillRange() {
  const given = new URLSearchParams(location.search)
  const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10)
  byId('to').value = given.get('to') ?? dayOf(Date.now() + DAY_MS)
  byId('from').value = given.get('from') ?? dayOf(Date.now() - (RANGE_DAYS - 1) * DAY_MS)
  const bucket = given.get('bucket')
  if ([...byId('bucket').options].some(({ value }) => value === bucket)) byId('bucket').value = bucket
}

async function show() {
  asked += 1
  const wish = asked
  main.setAttribute('aria-busy', 'true')
  alertRegion.textContent = ''
  statusRegion.textContent = 'Reading…'
  try {
    if ((await call('GET', '/auth/session')).data.userId === null) return goToSignIn()
    const range = new URLSearchParams({ from: byId('from').value, to: byId('to').value })
    const inBuckets = new URLSearchParams([...range, ['bucket', byId('bucket').value]])
    const [overview, turns, routing, usage] = await Promise.all([
      call('GET', `/analytics/overview?${range}`),
      ...['turns', 'routing', 'usage'].map((name) => call('GET', `/analytics/${name}?${inBuckets}`)),
    ])
    if (wish !== asked) return
    showFigures({ overview: overview.data, turns: turns.data, routing: routing.data, usage: usage.data })
    statusRegion.textContent = `${byId('from').value} to ${byId('to').value}, read up to position ${overview.readPosition}.`
  } catch (problem) {
    if (wish !== asked) return
    if (problem.status === 401) return goToSignIn()
    main.replaceChildren()
    statusRegion.textContent = ''
    alertRegion.textContent =
      problem.status === 403 ? 'This page is for analysts. Sign out and in again with that role.' : problem.message
  }
  main.setAttribute('aria-busy', 'false')
}

function showFigures({ overview, turns, routing, usage }) {
  const startOf = ({ start }) => (turns.bucket === 'hour' ? start.slice(0, 16).replace('T', ' ') : start.slice(0, 10))
  main.replaceChildren(
    totals(overview),
    usageSection(turns.results, startOf),
    intentSection(routing),
    latencySection(turns.results, startOf),
    routingSection(routing, startOf),
    costSection(usage, startOf),
  )
}

function totals(overview) {
  const list = element('dl', 'totals')
  const figures = [
    ['Turns', count(overview.turns)],
    ['People', count(overview.people)],
    ['Conversations', count(overview.conversations)],
    ['Completed', share(overview.turns === 0 ? null : overview.completed / overview.turns)],
    ['Fell back', share(overview.fallbackRate)],
    ['Corrected', share(overview.correctionRate)],
    ['First words, half within', duration(overview.firstTokenMs?.p50)],
    ['Whole answer, 95 % within', duration(overview.totalMs?.p95)],
    ['Rated up · down', `${count(overview.ratedUp)} · ${count(overview.ratedDown)}`],
    ['Tokens read · written', `${count(overview.inputTokens)} · ${count(overview.outputTokens)}`],
    ['Cost', overview.costUsd === null ? 'not known' : cost(overview)],
  ]
  for (const [name, value] of figures) {
    const one = element('div')
    one.append(element('dt', undefined, name), element('dd', undefined, value))
    list.append(one)
  }
  return section('In all', list)
}

function usageSection(results, startOf) {
  const series = [
    ['completed', 'completed'],
    ['stopped', 'stopped'],
    ['failed', 'failed'],
    ['open', 'without an end so far'],
  ]
  return section(
    'Usage',
    drawBars({
      label: 'Turns by how they ended',
      points: results.map((one) => ({ name: startOf(one), values: series.map(([field]) => one[field]) })),
      series: series.map(([, name]) => name),
      say: count,
    }),
    figuresOf(
      'Usage',
      ['begin', 'turns', 'people', 'conversations', ...series.map(([field]) => field)],
      results.map((one) => [
        startOf(one),
        ...['turns', 'people', 'conversations', ...series.map(([field]) => field)].map((field) => count(one[field])),
      ]),
    ),
  )
}

function intentSection({ intents, misroutes }) {
  return section(
    'Intents',
    figuresOf(
      'Intents',
      ['intent', 'turns', 'mean confidence', 'corrected', 'share corrected'],
      intents.map(({ intent, turns, meanConfidence, corrected }) => [
        intent,
        count(turns),
        meanConfidence.toFixed(2),
        count(corrected),
        share(corrected / turns),
      ]),
    ),
    element('h3', undefined, 'What was mistaken for what'),
    figuresOf(
      'What was mistaken for what',
      ['taken for', 'really about', 'turns'],
      misroutes.map(({ intent, correctedIntent, turns }) => [intent, correctedIntent, count(turns)]),
    ),
  )
}

function latencySection(results, startOf) {
  const ranks = ['p50', 'p95', 'p99']
  const chart = (field, label) =>
    drawLines({
      label,
      points: results.map((one) => ({ name: startOf(one), values: ranks.map((rank) => one[field]?.[rank] ?? null) })),
      series: ['half of the turns within', '95 % within', '99 % within'],
      say: duration,
    })
  const cells = (figures) => ranks.map((rank) => duration(figures?.[rank]))
  return section(
    'Waiting times',
    chart('firstTokenMs', 'Until the first words'),
    chart('totalMs', 'Until the whole answer'),
    figuresOf(
      'Waiting times',
      ['begin', ...ranks.map((rank) => `first words ${rank}`), ...ranks.map((rank) => `whole answer ${rank}`)],
      results
        .filter(({ totalMs }) => totalMs !== null)
        .map((one) => [startOf(one), ...cells(one.firstTokenMs), ...cells(one.totalMs)]),
    ),
  )
}

function routingSection({ results }, startOf) {
  return section(
    'Fallback and corrections',
    drawLines({
      label: 'Shares of routed turns',
      points: results.map((one) => ({ name: startOf(one), values: [one.fallbackRate, one.correctionRate] })),
      series: ['fell back', 'corrected by a person'],
      say: share,
    }),
    figuresOf(
      'Fallback and corrections',
      ['begin', 'routed', 'by model', 'by rule', 'continued', 'fell back', 'share', 'corrected', 'share', 'confidence'],
      results
        .filter(({ routed }) => routed > 0)
        .map((one) => [
          startOf(one),
          count(one.routed),
          ...['model', 'rule', 'continuation', 'fallback'].map((method) => count(one.byMethod[method])),
          share(one.fallbackRate),
          count(one.corrected),
          share(one.correctionRate),
          one.meanConfidence.toFixed(2),
        ]),
    ),
  )
}

function costSection({ results, models }, startOf) {
  return section(
    'Tokens and cost',
    drawBars({
      label: 'Tokens',
      points: results.map((one) => ({ name: startOf(one), values: [one.inputTokens, one.outputTokens] })),
      series: ['read by models', 'written by models'],
      say: count,
    }),
    figuresOf(
      'Tokens and cost by model',
      ['provider', 'model', 'turns', 'tokens read', 'tokens written', 'cost'],
      models.map((one) => [
        one.provider,
        one.id,
        count(one.turns),
        count(one.inputTokens),
        count(one.outputTokens),
        cost(one),
      ]),
    ),
  )
}

function figuresOf(name, headings, rows) {
  if (rows.length === 0) return element('p', 'hint', 'Nothing in this range.')
  return tableOf(name, headings, rows, { isLong: true })
}

function count(value) {
  return value.toLocaleString('en')
}

function share(value) {
  return value === null ? '–' : `${(value * 100).toFixed(1)} %`
}

function duration(ms) {
  if (ms === undefined || ms === null) return '–'
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`
}

/** Unknown is not free: without every price there is no sum. */
function cost({ costUsd, unpricedTurns }) {
  if (costUsd === null) return `not known: ${count(unpricedTurns)} turns without a price`
  return `$${costUsd < 1 ? costUsd.toFixed(4).replace(/0+$/, '').replace(/\.$/, '') : costUsd.toFixed(2)}`
}
