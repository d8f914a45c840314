#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { optimiseLater, scripted } from './script.js';
import { stdout, terminal } from './terminal.js';

const argv = process.argv.slice(2);
const brief = scripted(argv);
const run = brief ?? (await whole());
// A test, with its mutants, may run long enough to be optimised for.
const ends = brief !== null && argv[0] !== 'test';
process.exitCode = await run(argv, terminal(ends ? optimiseLater : undefined));

/** All verbs; some of them write to stdout themselves. */
async function whole(): Promise<typeof import('./run.js').runCommand> {
  stdout();
  return (await import('./run.js')).runCommand;
}
