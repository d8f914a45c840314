// SPDX-License-Identifier: Apache-2.0
/** The entry of dist/cli/quick.cjs: the verbs that start often, as one script (script.ts). */
import { runVerb } from './dispatch.js';
import { POLICY_VERBS } from './policy-verbs.js';
import type { Io } from './terminal.js';

export const run = (argv: readonly string[], io: Io): Promise<number> => runVerb(argv, io, POLICY_VERBS);
