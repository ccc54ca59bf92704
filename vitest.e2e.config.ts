import { defineConfig } from 'vitest/config'

/** Journeys in a real browser, one after the other. */
export default defineConfig({
  test: {
    include: ['test/journeys/browser/**/*.test.ts'],
    expect: { requireAssertions: true },
    globalSetup: ['test/support/temporary-files.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
})
