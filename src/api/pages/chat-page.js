/** The chat page: opens conversations, sends what is written, and shows what happens. */
import { alertPerson, clearAlert, notify, showConnection } from './announcements.js'
import { openConnection } from './chat-connection.js'
import { createThread } from './chat-thread.js'
import { createConversationList } from './conversation-list.js'
import { laterPosition, mintId } from './identifiers.js'
import { createMessageView, element } from './message-view.js'
import { call, goToSignIn } from './rest-client.js'
import { showRouting } from './routing-dialog.js'
import { createSavedWriting } from './saved-writing.js'

const SUGGESTIONS = [
  'What is RAG in AI?',
  'How do I write a good prompt?',
  'Explain embeddings with an example',
  'What can I do here?',
]
const TEXT_CHARACTERS_MAX = 20_000
const COUNTER_FROM = 18_000
/** Larger frames would close the socket: they go over REST, with the same message id. */
const FRAME_BYTES_MAX = 32 * 1024
const HISTORY_PAGE = 200
const HISTORY_PAGES_MAX = 25
const ACCEPTANCE_MS_MAX = 8_000
const RETRY_MS = 2_000
const NEAR_BOTTOM_PX = 80

const byId = (id) => document.getElementById(id)
const composer = byId('composer')
const box = byId('message')
const stopButton = byId('stop')
const scroller = byId('scroller')
const jump = byId('jump')

let userId
let saved
/** The conversation on screen; replaced as a whole, so that late answers to an earlier one find nobody. */
let chat
let isRenderDue = false

const view = createMessageView(byId('messages'), {
  onWhy: ({ turnId }) => showRouting(turnId, chat.position),
  onAgain: ({ turnId }) => answerAgain(turnId),
  onCopy: ({ text }) => copy(text),
  onRate: rate,
  onUndo: undoFact,
  onEdit: editRefused,
})

const list = createConversationList({
  onOpen: (conversationId) => navigate(`/c/${encodeURIComponent(conversationId)}`),
  onGone: () => navigate('/'),
  onTitle: (conversationId, title) => chat?.id === conversationId && showTitle(title),
})

wireControls()
void start()

async function start() {
  showConnection('connecting')
  try {
    const { data } = await call('GET', '/auth/session')
    if (data.userId === null) return goToSignIn()
    userId = data.userId
    linkPages(data.roles)
  } catch (problem) {
    alertPerson(problem.message)
    setTimeout(start, RETRY_MS)
    return
  }
  clearAlert()
  saved = createSavedWriting(userId)
  byId('person').textContent = userId
  openFromAddress()
  void list.refresh()
}

/** Pages for a role are shown to those who have it. */
function linkPages(roles) {
  const pages = [
    { path: '/audit', name: 'Audit', roles: ['auditor', 'operator'] },
    { path: '/analytics', name: 'Analytics', roles: ['analyst', 'operator'] },
    { path: '/operate', name: 'Operate', roles: ['operator'] },
  ]
  for (const page of pages) {
    if (!page.roles.some((role) => roles.includes(role))) continue
    const link = element('a', 'quiet-link', page.name)
    link.href = page.path
    const item = element('li')
    item.append(link)
    byId('pages').append(item)
  }
}

function navigate(path) {
  if (path !== location.pathname) history.pushState(null, '', path)
  openFromAddress()
  box.focus()
}

function openFromAddress() {
  const named = /^\/c\/([^/]+)\/?$/.exec(location.pathname)
  const id = named ? decodeURIComponent(named[1]) : undefined
  if (id !== undefined && id === chat?.id) return
  open(id)
}

/** Without an id: a new conversation, which gets one that shows in the address once something is sent. */
function open(id) {
  chat?.connection.close()
  closeSidebar()
  clearAlert()
  view.clear()
  const opened = {
    id: id ?? mintId(),
    isNew: id === undefined,
    thread: createThread(),
    outbox: [],
    /** Messages that went out over the connection as it is now. */
    sentNow: new Set(),
    isConnected: false,
    position: '0',
    isHistoryRead: id === undefined,
    connection: undefined,
  }
  chat = opened
  opened.outbox = saved.outbox(opened.id)
  for (const message of opened.outbox) opened.thread.write(message)
  restoreDraft()
  showTitle(id === undefined ? 'New conversation' : 'Conversation')
  list.markCurrent(id)
  byId('export').hidden = id === undefined
  byId('export').href = `/api/v1/me/conversations/${encodeURIComponent(opened.id)}/export?format=markdown`
  opened.connection = openConnection(opened.id, {
    onFrame: (frame) => opened === chat && void handle(frame),
    onState: (state) => {
      if (state !== 'open') opened.isConnected = false
      if (opened === chat) showConnection(state)
    },
    onSignedOut: () => opened === chat && goToSignIn(),
    onRefused: (words) => opened === chat && alertPerson(words),
  })
  if (!opened.isNew) void readHistory(opened)
  render()
}

/** Words typed while the page was still being made are kept, too. */
function restoreDraft() {
  const isFirst = byId('send').disabled
  if (!isFirst || box.value === '') box.value = saved.draft(draftKey())
  byId('send').disabled = false
  fitBox()
}

const draftKey = () => (chat.isNew ? 'new' : chat.id)

// Frames

async function handle(frame) {
  const current = chat
  if (frame.position !== undefined) current.position = laterPosition(current.position, frame.position)
  if (frame.type === 'connected') return catchUp(current, frame)
  if (frame.type === 'error') return handleError(frame)
  const isQuestionUnknown = current.thread.apply(frame)
  if (frame.type === 'message.accepted') confirm(current, frame)
  if (frame.type === 'message.refused') refuse(current, frame)
  if (/^response\.(completed|failed|stopped)$/.test(frame.type)) void list.refresh(frame.position)
  if (frame.type === 'response.completed' && frame.agent === 'profile') void readFacts(current)
  if (frame.type === 'message.sent') void list.refresh()
  if (isQuestionUnknown) void readHistory(current)
  render()
}

/** After every (re)connection: what was written meanwhile, which waits for nothing; the history; the rest of what is under way. */
async function catchUp(current, { position, inFlight }) {
  current.isConnected = true
  current.sentNow.clear()
  sendOutbox(current)
  const isFresh = current.readPosition !== undefined && BigInt(current.readPosition) >= BigInt(position)
  if (!isFresh && !current.isNew) await readHistory(current)
  if (current !== chat || !current.isConnected) return
  const known = new Map(current.thread.openTurns().map((turn) => [turn.turnId, turn.lastDelta]))
  for (const { turnId } of inFlight) if (!known.has(turnId)) known.set(turnId, 0)
  for (const [turnId, lastDelta] of known) current.connection.send({ type: 'resume', turnId, lastDelta })
  render()
}

function handleError(frame) {
  if (frame.turnId !== undefined && frame.code === 'turn-unknown') chat.thread.forget(frame.turnId)
  else alertPerson(frame.message)
  render()
}

async function readHistory(current) {
  try {
    const { rows, readPosition } = await readAllMessages(current)
    if (current !== chat) return
    current.thread.load(rows)
    if (rows.some(({ agent }) => agent === 'profile')) void readFacts(current)
    Object.assign(current, { isHistoryRead: true, readPosition })
    current.outbox = current.outbox.filter(({ messageId }) => !current.thread.isConfirmed(messageId))
    saved.saveOutbox(current.id, current.outbox)
  } catch (problem) {
    if (current !== chat) return
    if (problem.status === 401) return goToSignIn()
    // An id that nobody has used yet is a new conversation with a name of its own.
    if (problem.status === 404) current.isHistoryRead = true
    else if (problem.status !== 0) alertPerson(problem.message)
  }
  render()
}

/** Shows beside the profile agent's answers what was noted, so that it can be undone there. */
async function readFacts(current) {
  try {
    const { data } = await call('GET', '/me/profile', { minPosition: current.position })
    if (current !== chat) return
    current.thread.noteFacts(data.facts)
    render()
  } catch (problem) {
    if (problem.status === 401) goToSignIn()
    // The facts are also on the page My data: a conversation goes on without them.
  }
}

async function undoFact({ turnId }, { factId }) {
  try {
    await call('DELETE', `/me/profile/${encodeURIComponent(factId)}`)
    chat.thread.undoFact(turnId, factId)
    notify('Removed from your profile.')
  } catch (problem) {
    alertPerson(problem.message)
  }
  render()
}

async function readAllMessages({ id, position }) {
  const rows = []
  let cursor
  let readPosition
  for (let page = 0; page < HISTORY_PAGES_MAX; page += 1) {
    const query = new URLSearchParams({ limit: String(HISTORY_PAGE) })
    if (cursor) query.set('cursor', cursor)
    const answer = await call('GET', `/me/conversations/${encodeURIComponent(id)}/messages?${query}`, {
      minPosition: position,
    })
    rows.push(...answer.data.results)
    readPosition ??= answer.readPosition
    cursor = answer.data.next
    if (cursor === null) return { rows, readPosition }
  }
  notify('This conversation is very long: only its first part is shown. The export holds all of it.')
  return { rows, readPosition }
}

// Sending

function sendText(text) {
  if (text.trim() === '') return
  if ([...text].length > TEXT_CHARACTERS_MAX) {
    alertPerson(`The message is too long: at most ${TEXT_CHARACTERS_MAX.toLocaleString()} characters.`)
    return
  }
  clearAlert()
  const message = { messageId: mintId(), text }
  saved.saveDraft(draftKey(), '')
  if (chat.isNew) {
    chat.isNew = false
    history.replaceState(null, '', `/c/${chat.id}`)
    byId('export').hidden = false
  }
  chat.thread.write(message)
  chat.outbox.push(message)
  saved.saveOutbox(chat.id, chat.outbox)
  box.value = ''
  fitBox()
  sendOutbox(chat)
  scrollToEnd()
  render()
}

/** In order; a message stays in the outbox until it is accepted, and goes out again after a lost connection. */
function sendOutbox(current) {
  if (!current.isConnected) return
  for (const message of current.outbox) {
    if (current.sentNow.has(message.messageId)) continue
    const frame = { type: 'message.send', ...message }
    const isTooLarge = new TextEncoder().encode(JSON.stringify(frame)).length > FRAME_BYTES_MAX
    if (isTooLarge) void sendOverRest(current, message)
    else if (!current.connection.send(frame)) return
    current.sentNow.add(message.messageId)
    current.thread.markSending(message.messageId)
    watchAcceptance(current, message)
  }
}

async function sendOverRest(current, { messageId, text }) {
  try {
    const { data } = await call('POST', `/me/conversations/${encodeURIComponent(current.id)}/messages`, {
      body: { messageId, text },
    })
    if (current === chat) void handle({ type: 'message.accepted', ...data })
  } catch (problem) {
    if (current !== chat) return
    const retryAfterMs = problem.retryAfterMs ?? (problem.status === 0 ? RETRY_MS : undefined)
    void handle({ type: 'message.refused', messageId, message: problem.message, retryAfterMs })
  }
}

function watchAcceptance(current, { messageId }) {
  setTimeout(() => {
    const isWaiting = current.outbox.some((message) => message.messageId === messageId)
    if (current === chat && isWaiting) current.connection.probe()
  }, ACCEPTANCE_MS_MAX)
}

function confirm(current, { messageId, position }) {
  current.outbox = current.outbox.filter((message) => message.messageId !== messageId)
  saved.saveOutbox(current.id, current.outbox)
  list.markCurrent(current.id)
  void list.refresh(position)
}

function refuse(current, { messageId, message, retryAfterMs }) {
  if (retryAfterMs !== undefined) {
    notify(`${message} It is sent again by itself.`)
    setTimeout(() => {
      current.sentNow.delete(messageId)
      if (current === chat) sendOutbox(current)
    }, retryAfterMs)
    return
  }
  current.thread.refuse(messageId, message)
  current.outbox = current.outbox.filter((one) => one.messageId !== messageId)
  saved.saveOutbox(current.id, current.outbox)
  alertPerson(message)
}

function editRefused({ messageId, text }) {
  chat.thread.withdraw(messageId)
  box.value = text
  saved.saveDraft(draftKey(), text)
  fitBox()
  box.focus()
  render()
}

// What can be done with answers

async function stop() {
  const [turn] = chat.thread.openTurns()
  if (turn === undefined) return
  if (chat.connection.send({ type: 'response.stop', turnId: turn.turnId })) return
  await attempt(() => call('POST', `/me/turns/${turn.turnId}/stop`))
}

async function answerAgain(turnId) {
  clearAlert()
  if (chat.connection.send({ type: 'response.regenerate', turnId })) return
  alertPerson('There is no connection just now. Try again in a moment.')
}

async function rate({ turnId, messageId, rating: before }, rating) {
  const wanted = before === rating ? 'none' : rating
  const current = chat
  const isDone = await attempt(() =>
    call('POST', `/me/messages/${encodeURIComponent(messageId)}/rating`, {
      body: { rating: wanted },
      minPosition: current.position,
    }),
  )
  if (!isDone || current !== chat) return
  current.thread.rate(turnId, wanted === 'none' ? null : wanted)
  render()
}

async function copy(text) {
  const isDone = await attempt(() => navigator.clipboard.writeText(text), 'The browser does not let this page copy.')
  if (isDone) notify('Copied.')
}

async function attempt(work, words) {
  try {
    await work()
    return true
  } catch (problem) {
    alertPerson(words ?? problem.message)
    return false
  }
}

// What is on screen

/** At most once a frame, however many deltas come. */
function render() {
  if (isRenderDue) return
  isRenderDue = true
  requestAnimationFrame(() => {
    isRenderDue = false
    const wasAtEnd = isAtEnd()
    const items = chat.thread.items()
    view.show(items)
    byId('welcome').hidden = items.length > 0 || !chat.isHistoryRead
    stopButton.hidden = chat.thread.openTurns().length === 0
    if (wasAtEnd) scrollToEnd()
    jump.hidden = isAtEnd()
  })
}

const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM_PX

function scrollToEnd() {
  scroller.scrollTop = scroller.scrollHeight
}

function showTitle(title) {
  byId('title').textContent = title
  document.title = `${title} · Emberlog`
}

/** As high as its text, up to what the style sheet allows. */
function fitBox() {
  box.style.height = 'auto'
  box.style.height = `${box.scrollHeight}px`
  const counter = byId('counter')
  counter.hidden = box.value.length < COUNTER_FROM
  if (!counter.hidden)
    counter.textContent = `${[...box.value].length.toLocaleString()} of ${TEXT_CHARACTERS_MAX.toLocaleString()} characters`
}

function openSidebar() {
  document.body.classList.add('sidebar-open')
  byId('open-sidebar').setAttribute('aria-expanded', 'true')
  byId('scrim').hidden = false
  byId('close-sidebar').focus()
}

function closeSidebar() {
  document.body.classList.remove('sidebar-open')
  byId('open-sidebar').setAttribute('aria-expanded', 'false')
  byId('scrim').hidden = true
}

async function signOut() {
  if (await attempt(() => call('POST', '/auth/logout'))) location.assign('/sign-in')
}

function wireControls() {
  composer.addEventListener('submit', (event) => {
    event.preventDefault()
    if (chat) sendText(box.value)
    box.focus()
  })
  box.addEventListener('keydown', (event) => {
    // While a word is being composed, Enter belongs to the input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    composer.requestSubmit()
  })
  box.addEventListener('input', () => {
    fitBox()
    if (chat) saved.saveDraft(draftKey(), box.value)
  })
  stopButton.addEventListener('click', stop)
  jump.addEventListener('click', () => {
    scrollToEnd()
    jump.hidden = true
  })
  scroller.addEventListener('scroll', () => {
    jump.hidden = isAtEnd()
  })
  // A picture has no height until it is here: who read at the end still does. Its event does not bubble.
  scroller.addEventListener('load', () => jump.hidden && scrollToEnd(), true)
  byId('new-conversation').addEventListener('click', () => {
    if (location.pathname === '/' && chat?.isNew) {
      closeSidebar()
      box.focus()
    } else navigate('/')
  })
  byId('sign-out').addEventListener('click', signOut)
  byId('open-sidebar').addEventListener('click', openSidebar)
  byId('close-sidebar').addEventListener('click', closeSidebar)
  byId('scrim').addEventListener('click', closeSidebar)
  addEventListener('keydown', ({ key }) => key === 'Escape' && closeSidebar())
  addEventListener('popstate', openFromAddress)
  for (const text of SUGGESTIONS) {
    const suggestion = element('button', 'suggestion', text)
    suggestion.type = 'button'
    suggestion.addEventListener('click', () => chat && sendText(text))
    byId('suggestions').append(suggestion)
  }
}
