// SPDX-License-Identifier: Apache-2.0
import { runVerb } from './dispatch.js';
import type { Io } from './terminal.js';
import { VERBS } from './verbs.js';

/** Runs `sepal ARGV` and resolves with its exit code; what goes wrong is said on `io.err`. */
export const runCommand = (argv: readonly string[], io: Io): Promise<number> => runVerb(argv, io, VERBS);
