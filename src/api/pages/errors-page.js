/** Lists every code that a client can meet. */
import { element } from './message-view.js'

const main = document.getElementById('errors')

void show()

async function show() {
  try {
    const { errors, answerFailures } = await (await fetch('/api/errors.json')).json()
    main.replaceChildren(
      element('h2', undefined, 'Problems'),
      ...Object.entries(errors).map(([code, entry]) => entryOf(code, entry)),
      element('h2', undefined, 'Answers that end early'),
      ...Object.entries(answerFailures).map(([code, entry]) => entryOf(code, entry)),
    )
    if (location.hash !== '') document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView()
  } catch {
    document.getElementById('alert').textContent = 'The list cannot be read just now.'
  }
  main.setAttribute('aria-busy', 'false')
}

function entryOf(code, { status, title, explanation }) {
  const section = element('section', 'error-entry')
  section.id = code
  const heading = element('h3')
  heading.append(element('code', undefined, code))
  if (status !== undefined) heading.append(element('span', 'hint', ` ${status}`))
  section.append(heading, element('p', undefined, title), element('p', 'hint', explanation))
  return section
}
