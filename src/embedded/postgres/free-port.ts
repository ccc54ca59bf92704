/** Finds a port that a server on loopback can take. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { serverHost } from './server-settings.ts'

/** Returns `preferred` when it is free, else one that the system names. Another program may still take it before we do. */
export async function findFreePort(preferred: number | undefined): Promise<number> {
  return (await tryPort(preferred ?? 0)) ?? (await tryPort(0))!
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen(port, serverHost)
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  } catch (error) {
    if (port === 0) throw error
    return undefined
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
