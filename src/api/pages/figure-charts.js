/** Draws figures over time as SVG: stacked bars or lines, with a legend; the table beside a chart says the same to everybody. */

const NAMESPACE = 'http://www.w3.org/2000/svg'
const WIDTH = 960
const HEIGHT = 220
const LEFT = 70
const RIGHT = 10
const TOP = 12
const BOTTOM = 28
const GRID_LINES = 4
const NAMES_MAX = 8

/** Each point has a name and one value for each of the series, stacked upon each other. */
export function drawBars({ label, points, series, say }) {
  const sums = points.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
  const { svg, y, step } = frame({ label, points, say, max: Math.max(0, ...sums) })
  for (const [index, { name, values }] of points.entries()) {
    let below = 0
    for (const [which, value] of values.entries()) {
      if (value === 0) continue
      const bar = draw('rect', {
        x: LEFT + index * step + step * 0.12,
        y: y(below + value),
        width: Math.max(1, step * 0.76),
        height: Math.max(0.5, y(below) - y(below + value)),
        class: `series-${which}`,
      })
      bar.append(title(`${name}: ${say(value)} ${series[which]}`))
      svg.append(bar)
      below += value
    }
  }
  return figure(label, svg, series)
}

/** Each point has a name and one value for each of the series; null where there is none, and the line has a gap. */
export function drawLines({ label, points, series, say }) {
  const max = Math.max(0, ...points.flatMap(({ values }) => values.filter((value) => value !== null)))
  const { svg, y, step } = frame({ label, points, say, max })
  for (const which of series.keys()) {
    let path = ''
    let isDrawing = false
    for (const [index, { name, values }] of points.entries()) {
      const value = values[which]
      if (value === null) {
        isDrawing = false
        continue
      }
      const x = LEFT + (index + 0.5) * step
      path += `${isDrawing ? 'L' : 'M'}${x.toFixed(1)} ${y(value).toFixed(1)}`
      isDrawing = true
      const dot = draw('circle', { cx: x, cy: y(value), r: 2.5, class: `series-${which}` })
      dot.append(title(`${name}: ${series[which]} ${say(value)}`))
      svg.append(dot)
    }
    svg.append(draw('path', { d: path, class: `line series-${which}` }))
  }
  return figure(label, svg, series)
}

/** Grid, scale and names of a chart, and how values become places. */
function frame({ label, points, say, max }) {
  const top = max === 0 ? 1 : max * 1.05
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, points.length)
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `Chart: ${label}` })
  for (let line = 0; line <= GRID_LINES; line += 1) {
    const value = (max * line) / GRID_LINES
    svg.append(draw('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: 'grid' }))
    if (max > 0) svg.append(words(say(roundly(value, max)), { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }))
  }
  const every = Math.ceil(points.length / NAMES_MAX)
  for (const [index, { name }] of points.entries()) {
    if (index % every !== 0) continue
    svg.append(words(name, { x: LEFT + (index + 0.5) * step, y: HEIGHT - 8, 'text-anchor': 'middle' }))
  }
  return { svg, y, step }
}

/** Scales of counts stand at whole numbers. */
function roundly(value, max) {
  return max >= 10 ? Math.round(value) : Math.round(value * 1_000) / 1_000
}

function figure(label, svg, series) {
  const made = document.createElement('figure')
  made.className = 'chart'
  const caption = document.createElement('figcaption')
  caption.append(label)
  for (const [which, name] of series.entries()) {
    const entry = document.createElement('span')
    entry.className = 'legend'
    const mark = draw('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' })
    mark.append(draw('rect', { width: 10, height: 10, rx: 2, class: `series-${which}` }))
    entry.append(mark, name)
    caption.append(entry)
  }
  made.append(caption, svg)
  return made
}

function draw(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return made
}

function title(text) {
  const made = draw('title', {})
  made.textContent = text
  return made
}

function words(text, attributes) {
  const made = draw('text', attributes)
  made.textContent = text
  return made
}
