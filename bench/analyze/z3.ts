// SPDX-License-Identifier: Apache-2.0
/** z3-solver (wasm, a second opinion that only tests and benches use) on scripts of smt.ts. */
import { init, killThreads } from 'z3-solver';
import type { Script } from './smt.js';

export interface Z3 {
  /** Can all assertions of the script hold at once? */
  readonly holds: (text: string) => Promise<boolean>;
  /** Ends its threads. */
  readonly close: () => Promise<void>;
}

export async function startZ3(): Promise<Z3> {
  const api = await init();
  const { Z3 } = api;
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  Z3.del_config(config);
  return {
    holds: async (text) => {
      const solver = Z3.mk_solver(context);
      Z3.solver_inc_ref(context, solver);
      try {
        // `eval_smtlib2_string` would read the text after its memory was given back.
        Z3.solver_from_string(context, solver, text);
        const answer: number = await Z3.solver_check(context, solver);
        if (answer !== 1 && answer !== -1) throw new Error('z3 does not know');
        return answer === 1;
      } finally {
        Z3.solver_dec_ref(context, solver);
      }
    },
    close: async () => {
      Z3.del_context(context);
      await killThreads(api.em);
    },
  };
}

/** By statement: does some question contradict it? */
export async function contradicted(
  z3: Z3,
  scripts: readonly Script[],
  statements: number,
): Promise<readonly boolean[]> {
  const found = Array.from({ length: statements }, () => false);
  for (const { text, queries } of scripts) {
    for (const { statement, formula } of queries) {
      if (found[statement] === true || formula === 'false') continue;
      found[statement] = await z3.holds(`${text}\n(assert ${formula})`);
    }
  }
  return found;
}
