#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { optimiseLater, scripted } from './script.js';
import { stdout, terminal } from './terminal.js';

const argv = process.argv.slice(2);
const brief = scripted(argv);
const run = brief ?? (await whole());
process.exitCode = await run(argv, terminal(brief === null ? undefined : optimiseLater));

/** All verbs; some of them write to stdout themselves. */
async function whole(): Promise<typeof import('./run.js').runCommand> {
  stdout();
  return (await import('./run.js')).runCommand;
}
