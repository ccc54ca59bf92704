/** Lets other commands find the server that runs on a data directory: a small file that exists while it serves. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'

const recordSchema = z.object({
  pid: z.number().int(),
  url: z.string(),
  eventStoreUrl: z.string(),
  databaseUrl: z.string(),
})

export type RunningServer = z.infer<typeof recordSchema>

const ANSWER_MS_MAX = 2_000

const fileIn = (dataDirectory: string) => path.join(dataDirectory, 'running.json')

/** Only its owner may read it: the connection strings hold passwords. */
export async function noteRunningServer(dataDirectory: string, server: RunningServer): Promise<void> {
  await mkdir(dataDirectory, { recursive: true })
  const file = fileIn(dataDirectory)
  await writeFile(`${file}.new`, `${JSON.stringify(server, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

export async function forgetRunningServer(dataDirectory: string): Promise<void> {
  await rm(fileIn(dataDirectory), { force: true })
}

/** Undefined when none runs; a file that a killed server left behind counts as none. */
export async function findRunningServer(dataDirectory: string): Promise<RunningServer | undefined> {
  const text = await readFile(fileIn(dataDirectory), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const parsed = recordSchema.safeParse(parseJson(text))
  if (!parsed.success || !isAlive(parsed.data.pid)) return undefined
  return (await answers(parsed.data.url)) ? parsed.data : undefined
}

/** Another process may have the id by now: only a server that answers is running. */
async function answers(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/health/live`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(
    () => undefined,
  )
  return answer?.ok === true
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
