import { defineConfig } from 'vitest/config';

const project = (name: string, timeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ['test/setup/seed.ts'],
    testTimeout: timeout,
    hookTimeout: timeout,
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', 20_000),
      project('golden', 20_000),
      project('errors', 20_000),
      project('property', 120_000),
      project('conformance', 60_000),
      project('fault', 180_000),
      project('e2e', 120_000),
      { test: { name: 'house', include: ['test/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
});
