/** Shows the messages of a thread as articles, changing only what changed. */
import { showMarkdown } from './markdown-view.js'

const DETAILS = [
  'status',
  'text',
  'agent',
  'insteadOf',
  'reason',
  'rating',
  'isErased',
  'tool',
  'messageId',
  'turnId',
  'isLast',
  'attachments',
  'facts',
]

/** `actions`: onWhy(item), onAgain(item), onCopy(item), onRate(item, rating), onEdit(item), onUndo(item, fact). */
export function createMessageView(container, actions) {
  const rows = new Map()

  return {
    clear() {
      rows.clear()
      container.replaceChildren()
    },

    show(items) {
      const lastAnswer = items.findLast(({ role }) => role === 'assistant')
      const keys = new Set()
      items.forEach((item, index) => {
        const key = item.role === 'user' ? `message ${item.messageId}` : `turn ${item.turnId}`
        keys.add(key)
        const row = rows.get(key) ?? createRow(item, actions)
        rows.set(key, row)
        const shown = { ...item, isLast: item === lastAnswer }
        if (DETAILS.some((name) => row.shown[name] !== shown[name])) update(row, shown)
        if (container.children[index] !== row.article)
          container.insertBefore(row.article, container.children[index] ?? null)
      })
      for (const [key, row] of rows) {
        if (keys.has(key)) continue
        row.article.remove()
        rows.delete(key)
      }
    },
  }
}

function createRow({ role, createdAt }, actions) {
  const article = element('article', `message ${role}`)
  article.dataset.role = role
  const head = element('header', 'message-head')
  head.append(element('span', 'who', role === 'user' ? 'You' : 'Emberlog'))
  if (createdAt !== undefined) head.append(timeOf(createdAt))
  const text = element('div', 'message-text')
  text.dir = 'auto'
  const state = element('p', 'message-state')
  const foot = element('footer', 'message-foot')
  const pictures = element('div', 'pictures')
  const facts = element('ul', 'noted-facts')
  facts.setAttribute('aria-label', 'Noted in your profile')
  article.append(head, text, pictures, facts, state, foot)
  const row = { article, text, state, foot, pictures, facts, actions, shown: {}, buttons: undefined }
  row.buttons = role === 'user' ? userButtons(row, actions) : answerButtons(row, actions)
  return row
}

function update(row, item) {
  showPictures(row, item)
  showFacts(row, item)
  row.shown = item
  const { article } = row
  setData(article, 'messageId', item.messageId)
  setData(article, 'turnId', item.turnId)
  article.dataset.status = item.status
  if (item.role === 'user') updateMessage(row, item)
  else updateAnswer(row, item)
}

/** Pictures are loaded once; what they show is said in words, too. */
function showPictures({ pictures, shown }, { attachments = [] }) {
  if (shown.attachments === attachments || (shown.attachments?.length ?? 0) + attachments.length === 0) return
  const images = attachments.filter(({ mediaType }) => mediaType.startsWith('image/'))
  pictures.replaceChildren(
    ...images.map(({ attachmentId, name, mediaType }) => {
      const image = element('img', 'picture')
      image.alt = name
      // Drawings have one size: with it the page keeps their place before they are here.
      if (mediaType === 'image/svg+xml') Object.assign(image, { width: 800, height: 450 })
      image.src = `/api/v1/me/attachments/${encodeURIComponent(attachmentId)}`
      image.loading = 'lazy'
      return image
    }),
  )
}

/** What was noted about the person in this answer, each with its undo. */
function showFacts(row, item) {
  const { facts = [] } = item
  if (row.shown.facts === item.facts) return
  row.facts.replaceChildren(
    ...facts.map((fact) => {
      const line = element('li', fact.isUndone ? 'noted-fact undone' : 'noted-fact')
      line.append(element('span', 'fact-kind', fact.kind), ' ', element('span', 'fact-value', fact.value), ' ')
      if (fact.isUndone) line.append(element('span', 'hint', 'Removed'))
      else line.append(button('Undo', () => row.actions.onUndo(item, fact), `Undo: ${fact.kind} ${fact.value}`))
      return line
    }),
  )
}

const ERASED = 'Erased: nobody can read any more what was said here.'

const wordsOfMessages = { queued: 'Waiting to be sent', sending: 'Sending…', sent: '' }

function updateMessage({ text, state, foot, buttons }, item) {
  if (text.textContent !== item.text) text.textContent = item.text
  const words = item.isErased ? ERASED : wordsOfMessages[item.status]
  setWords(state, item.status === 'refused' ? `Not sent: ${item.reason}` : words)
  buttons.edit.hidden = item.status !== 'refused'
  foot.hidden = buttons.edit.hidden
}

function updateAnswer({ article, text, state, foot, buttons }, item) {
  const isEnded = item.status === 'completed' || item.status === 'failed' || item.status === 'stopped'
  article.setAttribute('aria-busy', String(!isEnded))
  showMarkdown(text, item.text)
  setWords(state, wordsOfAnswer(item))
  setWords(buttons.by, item.agent ? `Answered by ${item.agent}` : '')
  setWords(buttons.standIn, wordsOfStandIn(item))
  buttons.why.hidden = !item.agent
  buttons.copy.hidden = !isEnded || item.text === ''
  buttons.again.hidden = !isEnded || !item.isLast
  for (const [rating, button] of [
    ['up', buttons.up],
    ['down', buttons.down],
  ]) {
    button.hidden = item.status !== 'completed' || !item.messageId
    button.setAttribute('aria-pressed', String(item.rating === rating))
  }
  foot.hidden = !item.agent && !isEnded
}

/** Said openly: another model wrote than the one that was to. */
function wordsOfStandIn({ model, insteadOf }) {
  if (!model || !insteadOf?.length) return ''
  const writer = model.provider === 'offline' ? 'The offline assistant' : model.id
  return `${writer} stood in: ${insteadOf.map(({ id }) => id).join(', ')} did not answer`
}

function wordsOfAnswer({ status, tool, text, reason, isErased }) {
  if (isErased) return ERASED
  if (status === 'failed') return `${reason ?? 'The answer was not finished.'} You can ask for it again.`
  if (status === 'stopped') return 'Stopped.'
  if (tool !== undefined) return `Using ${tool}…`
  return text === '' && status !== 'completed' ? 'Thinking…' : ''
}

function userButtons(row, { onEdit }) {
  const edit = button('Edit', () => onEdit(row.shown))
  row.foot.append(edit)
  return { edit }
}

function answerButtons(row, { onWhy, onAgain, onCopy, onRate }) {
  const by = element('span', 'by')
  const standIn = element('span', 'by stand-in')
  const buttons = {
    by,
    standIn,
    why: button('Why', () => onWhy(row.shown)),
    up: button('👍', () => onRate(row.shown, 'up'), 'Good answer'),
    down: button('👎', () => onRate(row.shown, 'down'), 'Bad answer'),
    copy: button('Copy', () => onCopy(row.shown)),
    again: button('Answer again', () => onAgain(row.shown)),
  }
  const { why, up, down, copy, again } = buttons
  row.foot.append(by, standIn, why, up, down, copy, again)
  return buttons
}

function button(words, onClick, name) {
  const made = element('button', 'quiet small', words)
  made.type = 'button'
  if (name !== undefined) {
    made.setAttribute('aria-label', name)
    made.title = name
  }
  made.addEventListener('click', onClick)
  return made
}

function timeOf(createdAt) {
  const time = element(
    'time',
    'hint',
    new Date(createdAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
  )
  time.dateTime = createdAt
  time.title = new Date(createdAt).toLocaleString()
  return time
}

function setData(article, name, value) {
  if (value === undefined || value === null) delete article.dataset[name]
  else article.dataset[name] = value
}

function setWords(target, words) {
  if (target.textContent !== words) target.textContent = words
  target.hidden = words === ''
}

export function element(tag, className, words) {
  const made = document.createElement(tag)
  if (className !== undefined) made.className = className
  if (words !== undefined) made.textContent = words
  return made
}
