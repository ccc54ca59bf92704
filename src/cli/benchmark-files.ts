/** Finds and reads the public sets on which the router's engine is checked; they are not part of the project. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LabelledText, PublicSets } from '../routing/engine-check.ts'
import { Fault } from '../shared/failures.ts'

const CLINC_FILE = 'clinc150-full.json'
const BESIDE_THE_PROJECT = ['../shared/data/benchmarks', '../../shared/data/benchmarks']

/** The named folder, or one beside the project; undefined when there is none. A named one that lacks the files is `argument-invalid`. */
export function findBenchmarks(named: string | undefined): string | undefined {
  const holds = (folder: string): boolean => existsSync(join(folder, CLINC_FILE))
  if (named !== undefined && !holds(named)) throw new Fault('argument-invalid', { benchmarks: named })
  const root = join(import.meta.dirname, '../..')
  return named ?? BESIDE_THE_PROJECT.map((place) => join(root, place)).find(holds)
}

export function readBenchmarks(folder: string): PublicSets {
  return {
    clinc: JSON.parse(readFileSync(join(folder, CLINC_FILE), 'utf8')) as Record<string, LabelledText[]>,
    banking: {
      train: readCsv(join(folder, 'banking77-train.csv')),
      test: readCsv(join(folder, 'banking77-test.csv')),
    },
  }
}

function readCsv(file: string): LabelledText[] {
  const fields = [...readFileSync(file, 'utf8').matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)]
  const cells = fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
  const rows: LabelledText[] = []
  for (let at = 2; at + 1 < cells.length; at += 2) rows.push([cells[at]!, cells[at + 1]!])
  return rows.filter(([text]) => text !== '')
}
