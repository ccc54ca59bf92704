/** `npm run bench [-- name …]`: runs benchmarks, prints their tables, writes bench/results/<name>.json. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { type Bench, tableOf } from './measurement.ts'

const here = new URL('./', import.meta.url)

async function findBenches(): Promise<Bench[]> {
  const files = (await readdir(here)).filter((file) => file.endsWith('-bench.ts')).sort()
  const modules = await Promise.all(files.map((file) => import(new URL(file, here).href) as Promise<{ bench: Bench }>))
  return modules.map(({ bench }) => bench)
}

const args = process.argv.slice(2)
const names = args.filter((arg) => !arg.startsWith('--'))
const isQuick = args.includes('--quick')
const benches = await findBenches()
const unknown = names.filter((name) => benches.every((bench) => bench.name !== name))
if (unknown.length > 0 || args.includes('--help')) {
  process.stdout.write(`npm run bench -- [--quick] [${benches.map(({ name }) => name).join(' | ')}]\n`)
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  await mkdir(new URL('results/', here), { recursive: true })
  for (const bench of benches.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const result = await bench.run({ isQuick })
    process.stdout.write(`${tableOf(result)}\n\n`)
    const machine = {
      cores: cpus().length,
      processor: cpus()[0]?.model,
      memoryBytes: totalmem(),
      node: process.version,
    }
    const record = { measuredAt: new Date().toISOString(), machine, isQuick, ...result }
    await writeFile(new URL(`results/${bench.name}.json`, here), `${JSON.stringify(record, null, 2)}\n`)
    if (result.rows.some(({ ratio }) => ratio?.isKept === false)) process.exitCode = 1
  }
}
