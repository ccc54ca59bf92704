/** Reads the OpenAPI description and shows it as a page. */
import { showMarkdown } from './markdown-view.js'
import { element } from './message-view.js'

const METHODS = ['get', 'post', 'patch', 'put', 'delete']
const main = document.getElementById('operations')

void show()

async function show() {
  try {
    const description = await (await fetch('/api/openapi.json')).json()
    showMarkdown(document.getElementById('description'), description.info.description)
    const groups = Map.groupBy(operationsOf(description), ({ operation }) => operation.tags?.[0] ?? 'other')
    main.replaceChildren(...[...groups].map(([tag, operations]) => groupOf(tag, operations, description)))
  } catch {
    document.getElementById('alert').textContent = 'The description cannot be read just now.'
  }
  main.setAttribute('aria-busy', 'false')
}

function operationsOf({ paths }) {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })),
  )
}

function groupOf(tag, operations, description) {
  const section = element('section')
  section.append(element('h2', undefined, tag), ...operations.map((one) => operationOf(one, description)))
  return section
}

function operationOf({ path, method, operation }, description) {
  const details = element('details', 'operation')
  const summary = element('summary')
  summary.append(element('span', `method ${method}`, method.toUpperCase()), element('code', undefined, path))
  summary.append(element('span', 'hint', operation.summary ?? ''))
  details.append(summary)
  const parameters = operation.parameters ?? []
  if (parameters.length > 0) details.append(element('h3', undefined, 'Parameters'), parametersOf(parameters))
  const body = operation.requestBody?.content?.['application/json']?.schema
  if (body) details.append(element('h3', undefined, 'Body'), schemaOf(body, description))
  details.append(element('h3', undefined, 'Answers'))
  for (const [status, answer] of Object.entries(operation.responses ?? {}))
    details.append(...answerOf(status, answer, description))
  return details
}

function parametersOf(parameters) {
  const list = element('ul')
  for (const { name, in: place, required, description = '', schema = {} } of parameters) {
    const item = element('li')
    item.append(element('code', undefined, name), ` in ${place}${required ? ', required' : ''}`)
    const words = [schema.enum?.join(' | ') ?? schema.type, description].filter(Boolean).join(' · ')
    item.append(element('span', 'hint', ` ${words}`))
    list.append(item)
  }
  return list
}

function answerOf(status, { description, content = {} }, whole) {
  const parts = [element('p', undefined, `${status} · ${description ?? ''}`)]
  for (const [mediaType, { schema }] of Object.entries(content)) {
    if (schema && mediaType !== 'application/problem+json') parts.push(schemaOf(schema, whole))
  }
  return parts
}

function schemaOf(schema, whole) {
  const pre = element('pre')
  pre.tabIndex = 0
  pre.append(element('code', undefined, JSON.stringify(resolve(schema, whole, 0), null, 2)))
  return pre
}

const DEPTH_MAX = 8

/** References are written out: one place to read. */
function resolve(value, whole, depth) {
  if (depth > DEPTH_MAX || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => resolve(item, whole, depth + 1))
  if (typeof value.$ref === 'string') {
    const target = value.$ref
      .replace('#/', '')
      .split('/')
      .reduce((place, part) => place?.[part], whole)
    return resolve(target, whole, depth + 1)
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolve(part, whole, depth + 1)]))
}
