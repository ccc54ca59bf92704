/** The list of conversations: newest first, searched, renamed, archived, deleted, and taken back. */
import { alertPerson, notify } from './announcements.js'
import { element } from './message-view.js'
import { call } from './rest-client.js'

const PAGE = 40
const SEARCH_DELAY_MS = 250

/** `handlers`: onOpen(conversationId), onGone(conversationId), onTitle(conversationId, title). */
export function createConversationList(handlers) {
  const list = document.getElementById('conversations')
  const more = document.getElementById('more-conversations')
  const empty = document.getElementById('no-conversations')
  const search = document.getElementById('search')
  const archivedToggle = document.getElementById('toggle-archived')
  let conversations = []
  let next = null
  let current
  let minPosition = '0'
  let reading = 0
  let searchTimer

  const isArchivedShown = () => archivedToggle.getAttribute('aria-pressed') === 'true'

  more.addEventListener('click', () => read(next))
  search.addEventListener('input', () => {
    clearTimeout(searchTimer)
    searchTimer = setTimeout(() => read(), SEARCH_DELAY_MS)
  })
  archivedToggle.addEventListener('click', () => {
    archivedToggle.setAttribute('aria-pressed', String(!isArchivedShown()))
    void read()
  })
  document.addEventListener('click', ({ target }) => closeMenus(target))
  document.addEventListener('keydown', ({ key }) => key === 'Escape' && closeMenus())

  async function read(cursor) {
    reading += 1
    const thisReading = reading
    const query = new URLSearchParams({ limit: String(PAGE), archived: String(isArchivedShown()) })
    if (search.value.trim() !== '') query.set('q', search.value.trim())
    if (cursor) query.set('cursor', cursor)
    try {
      const { data } = await call('GET', `/me/conversations?${query}`, { minPosition })
      // A slower answer to an earlier question is out of date.
      if (thisReading !== reading) return
      conversations = cursor ? [...conversations, ...data.results] : data.results
      next = data.next
      show()
    } catch (problem) {
      // Without a connection the list stays as it is; the connection says so already.
      if (problem.status !== 0 && problem.status !== 401) alertPerson(problem.message)
    }
  }

  function show() {
    const focused = document.activeElement?.closest?.('#conversations li')?.dataset.id
    list.replaceChildren(...conversations.map(itemOf))
    if (focused !== undefined) list.querySelector(`li[data-id="${CSS.escape(focused)}"] a`)?.focus()
    more.hidden = next === null
    empty.hidden = conversations.length > 0
    empty.textContent =
      search.value.trim() !== '' ? 'Nothing found.' : isArchivedShown() ? 'Nothing archived.' : 'Nothing here yet.'
    const shown = conversations.find(({ conversationId }) => conversationId === current)
    if (shown) handlers.onTitle(shown.conversationId, shown.title)
  }

  function itemOf(conversation) {
    const { conversationId, title, updatedAt } = conversation
    const item = element('li')
    item.dataset.id = conversationId
    const link = element('a', 'conversation')
    link.href = `/c/${encodeURIComponent(conversationId)}`
    if (conversationId === current) link.setAttribute('aria-current', 'page')
    link.append(element('span', 'conversation-title', title), ' ', timeOf(updatedAt))
    link.addEventListener('click', (event) => {
      // A new tab is the browser's business.
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
      event.preventDefault()
      handlers.onOpen(conversationId)
    })
    item.append(link, menuOf(conversation))
    return item
  }

  function menuOf(conversation) {
    const menu = element('details', 'menu')
    const summary = element('summary', 'icon quiet', '⋯')
    summary.setAttribute('aria-label', `Actions for ${conversation.title}`)
    const box = element('div', 'menu-box')
    box.append(
      action('Rename', () => rename(conversation)),
      action(conversation.archived ? 'Take back from the archive' : 'Archive', () =>
        archive(conversation, !conversation.archived),
      ),
      action('Delete', () => remove(conversation)),
    )
    menu.append(summary, box)
    return menu
  }

  async function change(work) {
    try {
      const { position } = await work()
      if (BigInt(position) > BigInt(minPosition)) minPosition = position
    } catch (problem) {
      alertPerson(problem.message)
    }
    await read()
  }

  async function archive(conversation, archived) {
    const path = `/me/conversations/${encodeURIComponent(conversation.conversationId)}`
    await change(() => call('PATCH', path, { body: { archived } }))
    const undo = () => archive(conversation, !archived)
    notify(archived ? `Archived “${conversation.title}”.` : `“${conversation.title}” is back.`, {
      action: 'Undo',
      onAction: undo,
    })
  }

  async function remove({ conversationId, title }) {
    const path = `/me/conversations/${encodeURIComponent(conversationId)}`
    await change(() => call('DELETE', path))
    if (conversationId === current) handlers.onGone(conversationId)
    notify(`Deleted “${title}”.`, {
      action: 'Undo',
      onAction: async () => {
        await change(() => call('POST', `${path}/restore`))
        handlers.onOpen(conversationId)
      },
    })
  }

  function rename({ conversationId, title }) {
    const dialog = document.getElementById('rename')
    const text = document.getElementById('rename-text')
    text.value = title
    dialog.returnValue = 'cancel'
    dialog.addEventListener(
      'close',
      () => {
        if (dialog.returnValue !== 'save' || text.value.trim() === '' || text.value === title) return
        const path = `/me/conversations/${encodeURIComponent(conversationId)}`
        void change(() => call('PATCH', path, { body: { title: text.value } }))
      },
      { once: true },
    )
    dialog.showModal()
    text.select()
  }

  return {
    /** Reads the list anew, at least as of the position. */
    refresh(position = '0') {
      if (BigInt(position) > BigInt(minPosition)) minPosition = position
      return read()
    },
    markCurrent(conversationId) {
      current = conversationId
      for (const link of list.querySelectorAll('a')) link.removeAttribute('aria-current')
      const id = conversationId === undefined ? '' : CSS.escape(conversationId)
      list.querySelector(`li[data-id="${id}"] a`)?.setAttribute('aria-current', 'page')
    },
  }
}

function action(words, onClick) {
  const made = element('button', 'quiet', words)
  made.type = 'button'
  made.addEventListener('click', () => {
    closeMenus()
    onClick()
  })
  return made
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll('details.menu[open]'))
    if (!menu.contains(except ?? null)) menu.open = false
}

function timeOf(updatedAt) {
  const date = new Date(updatedAt)
  const isToday = date.toDateString() === new Date().toDateString()
  const words = isToday
    ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString([], { day: 'numeric', month: 'short' })
  const time = element('time', 'hint', words)
  time.dateTime = updatedAt
  return time
}
