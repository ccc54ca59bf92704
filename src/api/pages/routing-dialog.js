/** Shows why a turn went where it went, as recorded, and takes a correction. */
import { notify } from './announcements.js'
import { element } from './message-view.js'
import { call } from './rest-client.js'

const EVIDENCE_SHOWN_MAX = 12

const wordsOfMethods = {
  override: 'it was asked for by name',
  continuation: 'it continues what was being talked about',
  rule: 'a rule fits',
  model: 'the router’s model found it most likely',
  llm: 'a language model decided',
  fallback: 'nothing fitted better',
  guard: 'the guard stopped it',
}

export async function showRouting(turnId, minPosition) {
  const dialog = document.getElementById('why')
  const body = document.getElementById('why-body')
  body.replaceChildren(element('p', 'hint', 'Looking it up…'))
  dialog.showModal()
  try {
    const { data } = await call('GET', `/me/turns/${turnId}/routing`, { minPosition })
    body.replaceChildren(...partsOf(data, dialog))
  } catch (problem) {
    const words =
      problem.code === 'turn-unknown' ? 'The decision is not on record yet. Try again in a moment.' : problem.message
    body.replaceChildren(element('p', undefined, words))
  }
}

function partsOf(routing, dialog) {
  const summary = element('p')
  summary.append(
    'The message was taken as ',
    element('strong', undefined, routing.intent),
    ` and answered by `,
    element('strong', undefined, routing.agent),
    `: ${wordsOfMethods[routing.method] ?? routing.method} (${percent(routing.confidence)} sure).`,
  )
  return [
    summary,
    element('h3', undefined, 'Candidates'),
    candidatesOf(routing.candidates),
    element('h3', undefined, 'Evidence'),
    evidenceOf(routing.evidence),
    correctionOf(routing, dialog),
    element(
      'p',
      'hint',
      `Router ${routing.routerVersion}, ${routing.tookMs.toFixed(1)} ms${routing.guard ? `, guard: ${routing.guard}` : ''}`,
    ),
  ]
}

function candidatesOf(candidates) {
  const list = element('ul', 'candidates')
  for (const { intent, probability } of candidates) {
    const item = element('li')
    const meter = element('meter')
    meter.max = 1
    meter.value = probability
    meter.setAttribute('aria-label', `${intent}: ${percent(probability)}`)
    item.append(element('span', undefined, intent), meter, element('span', 'hint', percent(probability)))
    list.append(item)
  }
  return list
}

function evidenceOf(evidence) {
  if (evidence.length === 0) return element('p', 'hint', 'None was recorded.')
  const list = element('ul', 'evidence')
  for (const { kind, name, weight } of evidence.slice(0, EVIDENCE_SHOWN_MAX)) {
    const item = element('li')
    const sign = weight >= 0 ? 'for' : 'against'
    item.append(
      element('span', `weight ${sign}`, `${weight >= 0 ? '+' : '−'}${Math.abs(weight).toFixed(2)}`),
      element('code', undefined, name),
      element('span', 'hint', `${kind}, speaks ${sign} it`),
    )
    list.append(item)
  }
  return list
}

function correctionOf({ turnId, intent, candidates }, dialog) {
  const form = element('form', 'correction')
  const label = element('label', undefined, 'Not what you meant?')
  const select = element('select')
  select.setAttribute('aria-label', 'What you meant')
  for (const candidate of candidates) {
    if (candidate.intent !== intent) select.append(new Option(candidate.intent))
  }
  const button = element('button', 'quiet', 'Correct')
  form.append(label, select, button)
  form.hidden = select.options.length === 0
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      await call('POST', `/me/turns/${turnId}/intent`, { body: { intent: select.value } })
      dialog.close()
      notify('Thank you: your correction is on record.')
    } catch (problem) {
      form.append(element('p', 'hint', problem.message))
    }
  })
  return form
}

function percent(share) {
  return share > 0 && share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`
}
