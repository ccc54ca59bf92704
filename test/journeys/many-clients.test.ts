import { describe, expect, test } from 'vitest'
import { runClientCampaign } from '../support/client-campaign.ts'
import { emberlog, makeDataDirectory } from '../support/program.ts'

const TEST_MS_MAX = 300_000

describe('many people on a Postgres with few connections', () => {
  test.each([
    { what: 'a pool of four each', connections: 4, partitions: 2 },
    { what: 'a pool of two each', connections: 2, partitions: 1 },
  ])(
    'get every message kept and no failure, with $what',
    async ({ connections, partitions }) => {
      const plan = { serverConnections: 20, processes: 2, connections, partitions, clients: 40, seconds: 4 }
      const { exitCode, loaded, refusedConnections, connectionsSeenMax } = await runClientCampaign(plan)
      expect(loaded).toMatchObject({ failed: 0, stale: 0, lost: 0, unanswered: 0 })
      expect(
        Object.keys(loaded['statuses'] as object).filter((status) => Number(status) >= 500 && status !== '503'),
      ).toEqual([])
      expect(loaded['sent']).toBeGreaterThanOrEqual(40) // Everybody was heard.
      expect(refusedConnections).toEqual([])
      expect(connectionsSeenMax).toBeLessThanOrEqual(2 * connections)
      expect(exitCode).toBe(0)
    },
    TEST_MS_MAX,
  )
})

describe('emberlog load', () => {
  test(
    'refuses what it cannot do, and says why',
    async () => {
      const { directory, remove } = await makeDataDirectory()
      const ask = async (...args: string[]) => {
        const { exitCode, complaints } = await emberlog(['load', ...args], directory)
        return [exitCode, complaints]
      }
      expect(await ask('--clients', '0')).toEqual([2, expect.stringContaining('clients=0')])
      expect(await ask('--seconds', 'long')).toEqual([2, expect.stringContaining('seconds=long')])
      expect(await ask('--url', 'nowhere')).toEqual([2, expect.stringContaining('url=nowhere')])
      expect(await ask()).toEqual([2, expect.stringContaining('no server runs')])
      await remove()
    },
    TEST_MS_MAX,
  )
})
