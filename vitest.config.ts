import { defineConfig } from 'vitest/config';

/** Files of one worker share its modules where `shared`: they are loaded once, not once a file. */
const project = (name: string, timeout: number, shared = false) => ({
  test: {
    name,
    isolate: !shared,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: ['test/setup/seed.ts'],
    testTimeout: timeout,
    hookTimeout: timeout,
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    globalSetup: ['test/setup/folder.ts'],
    projects: [
      project('unit', 20_000, true),
      project('golden', 20_000, true),
      project('errors', 20_000, true),
      project('property', 120_000, true),
      project('conformance', 60_000, true),
      project('fault', 180_000),
      project('e2e', 120_000),
      { test: { name: 'house', include: ['test/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
});
