import { describe, expect, test } from 'vitest'
import { runCrashCampaign } from '../support/crash-campaign.ts'

const TEST_MS_MAX = 300_000
/** One crash of each; `node scripts/campaign.ts crashes` runs many at random. */
const ROUNDS = 3

describe('the rows after crashes of the writer, of Postgres, and of the store', () => {
  test(
    'are those of a clean replay',
    async () => {
      const rounds = await runCrashCampaign(ROUNDS, { partitions: 2 })
      expect(rounds.map(({ victim }) => victim)).toEqual(['writer', 'postgres', 'store'])
      for (const { differing, messages } of rounds) expect([messages, differing]).toEqual([30, []])
    },
    TEST_MS_MAX,
  )
})
