import { defineConfig } from 'vitest/config'

/** Tests that need nothing outside npm; journeys in a browser have a configuration of their own. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/journeys/browser/**'],
    // A poll asks often and waits long: a busy machine is no failure.
    expect: { requireAssertions: true, poll: { timeout: 15_000 } },
    globalSetup: ['test/support/temporary-files.ts'],
    // A shared machine may miss a bounded wait once; what fails twice is wrong. Elsewhere the first failure counts.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
})
