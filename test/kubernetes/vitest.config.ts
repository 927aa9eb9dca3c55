/** Runs by `make test-kubernetes` only: it needs a control plane, and minutes. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'kubernetes',
    include: ['test/kubernetes/**/*.test.ts'],
    pool: 'forks',
    // One file at a time: each has a control plane of its own.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
