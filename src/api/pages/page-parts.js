/** What pages about figures and records are put together from: sections, and tables that can be scrolled. */
import { element } from './message-view.js'

export function section(title, ...content) {
  const made = element('section')
  made.append(element('h2', undefined, title), ...content)
  return made
}

/**
 * A table whose first column names its rows; `name` is for people who cannot see where it stands. A `isLong` one has a frame
 * of its own, which can be scrolled with the keyboard, too.
 */
export function tableOf(name, headings, rows, { isLong = false } = {}) {
  const table = element('table', 'figures')
  table.append(element('caption', 'visually-hidden', name))
  const head = element('thead')
  const headRow = element('tr')
  headRow.append(...headings.map((heading) => headingCell('col', heading)))
  head.append(headRow)
  const body = element('tbody')
  for (const [first, ...others] of rows) {
    const line = element('tr')
    line.append(headingCell('row', first), ...others.map((value) => element('td', undefined, String(value))))
    body.append(line)
  }
  table.append(head, body)
  const frame = element('div', isLong ? 'table-frame long' : 'table-frame')
  if (isLong) {
    frame.tabIndex = 0
    frame.setAttribute('role', 'group')
    frame.setAttribute('aria-label', `Table: ${name}`)
  }
  frame.append(table)
  return frame
}

function headingCell(scope, text) {
  const cell = element('th', undefined, String(text))
  cell.scope = scope
  return cell
}
