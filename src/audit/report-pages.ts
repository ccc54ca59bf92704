/** A report as a page to file: Markdown, or HTML that needs nothing else. */
import type { PeriodReport } from './period-report.ts'

interface Section {
  readonly title: string
  readonly rows: readonly (readonly [name: string, value: string | number])[]
}

function sectionsOf(report: PeriodReport): readonly Section[] {
  const { turns, ledger } = report
  const counts = (title: string, named: Readonly<Record<string, number>>): Section => ({
    title,
    rows: Object.keys(named).length === 0 ? [['none', 0]] : Object.entries(named),
  })
  return [
    {
      title: 'What happened',
      rows: [
        ['Events', report.events],
        ['First position', report.firstPosition ?? 'none'],
        ['Last position', report.lastPosition ?? 'none'],
        ['Conversations started', report.conversationsStarted],
        ['Turns completed', turns.completed],
        ['Turns failed', turns.failed],
        ['Turns stopped', turns.stopped],
        ['People erased', report.erasures],
        ['Conversations expired', report.conversationsExpired],
      ],
    },
    counts('Failures by code', report.failures),
    counts('Routing by method', report.routings),
    counts('Router versions', report.routerVersions),
    counts('Models', report.models),
    counts('Looks at records', report.looks),
    counts('Looks by person', report.lookers),
    {
      title: 'The ledger',
      rows: [
        ['Checkpoints signed', report.checkpoints],
        ['Keys introduced', report.keysIntroduced],
        ['Log', ledger?.origin ?? 'no ledger at hand'],
        ['Leaves signed', ledger?.size ?? 0],
        ['Root hash', ledger?.rootHash ?? 'none'],
      ],
    },
    counts('Events by type', report.byType),
  ]
}

export function reportAsMarkdown(report: PeriodReport): string {
  const cell = (value: string | number) => String(value).replaceAll(/[|\n\r]/g, ' ')
  const parts = sectionsOf(report).map(({ title, rows }) => {
    const lines = rows.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`)
    return `## ${title}\n\n| | |\n| --- | --- |\n${lines.join('\n')}\n`
  })
  return `# Record from ${report.from} to ${report.to}\n\n${parts.join('\n')}`
}

export function reportAsHtml(report: PeriodReport): string {
  const parts = sectionsOf(report).map(({ title, rows }) => {
    const lines = rows.map(([name, value]) => `<tr><th scope="row">${inert(name)}</th><td>${inert(value)}</td></tr>`)
    return `<section><h2>${inert(title)}</h2><table>${lines.join('')}</table></section>`
  })
  const title = `Record from ${inert(report.from)} to ${inert(report.to)}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1a17 }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 1.5rem 0 .4rem }
main { columns: 2 22rem; column-gap: 3rem } section { break-inside: avoid }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .15rem .5rem .15rem 0; border-bottom: 1px solid #ddd; font-weight: normal }
td { text-align: right; overflow-wrap: anywhere }
</style>
<h1>${title}</h1>
<main>
${parts.join('\n')}
</main>
</html>
`
}

function inert(value: string | number): string {
  return String(value).replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
