/** Runs by `make test-interop` only: it needs Java, and minutes. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'interop',
    include: ['test/interop/**/*.test.ts'],
    pool: 'forks',
    // One file at a time; the scenarios of a file run side by side, because a KCL mostly waits.
    fileParallelism: false,
    maxConcurrency: 8,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
