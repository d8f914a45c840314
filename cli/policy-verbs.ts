// SPDX-License-Identifier: Apache-2.0
import type { Verbs } from './dispatch.js';

/** What is asked of a policy again and again, by editors, hooks and pipelines: it starts from one script (quick.ts). */
export const POLICY_VERBS = {
  check: {
    summary: 'check a policy: names, types, lints',
    load: async () => (await import('./commands/check.js')).command,
  },
  fmt: {
    summary: 'print policies in their canonical form',
    load: async () => (await import('./commands/fmt.js')).command,
  },
  build: {
    summary: 'compile a policy to NAME.ts, NAME.js and NAME.manifest.json',
    load: async () => (await import('./commands/build.js')).command,
  },
  test: {
    summary: 'run the tests that stand in a policy',
    load: async () => (await import('./commands/test.js')).command,
  },
} as const satisfies Verbs;
