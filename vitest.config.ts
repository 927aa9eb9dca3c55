import { defineConfig } from 'vitest/config';

/** Suites that start processes or servers run one file at a time; the pure ones run side by side. */
const project = (name: string, options: object = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      project('unit'),
      project('contract'),
      project('property', { testTimeout: 60_000 }),
      project('golden'),
      project('regressions'),
      project('tree'),
      project('faults', { testTimeout: 120_000 }),
      project('splunk', { testTimeout: 60_000, fileParallelism: false }),
      project('flow', { testTimeout: 240_000, fileParallelism: false }),
    ],
  },
});
