// SPDX-License-Identifier: Apache-2.0
/** A policy for questions about its text: its names, and what conditions at a place can read. Nothing is reported. */
import type * as tree from '../grammar/tree.js';
import type { Input } from './check.js';
import { lockOf } from './check.js';
import { environment, scopeOf } from './check-policy.js';
import type { Env } from './check-expr.js';
import type { Host, Lock } from './lock.js';
import { loadModules, type Source } from './modules.js';
import { type Scope, whatIr } from './scope.js';

export interface Inspected {
  readonly file: tree.File;
  /** Null where it cannot be read. */
  readonly lock: Lock | null;
  /** By alias. */
  readonly modules: ReadonlyMap<string, Source>;
  readonly scope: Scope;
}

/** Of a text with faults: what its whole statements say. `given` stands for a lock that the policy does not name. */
export function inspect(input: Input, host: Host, given?: Lock): Inspected {
  const { path, text } = input.source;
  const { file } = input.parsed ?? host.parse(text);
  const lock = given ?? lockOf(file, input, host, []);
  const readModule = input.readModule ?? (() => null);
  const modules = loadModules(file, path, { readModule, host, pins: null, diagnostics: [] });
  const shared = {
    lock,
    roles: new Map(),
    scans: new Map(),
    claims: { claims: [], assumptions: [] },
    measures: [],
    today: input.today ?? '',
    diagnostics: [],
  };
  return { file, lock, modules, scope: scopeOf({ path, file, modules }, '', shared, []) };
}

/** What a condition over these actions can read; every argument counts as present. */
export function askable(scope: Scope, what: tree.What, phase: tree.Phase): Env {
  const quiet: Scope = { ...scope, report: () => {}, tally: { errors: 0, terms: 0 } };
  const env = environment(quiet, whatIr(quiet, what, false), false, phase);
  return { ...env, narrowed: PRESENT };
}

/** Holds every path. */
const PRESENT: ReadonlySet<string> = new (class extends Set<string> {
  override has(): boolean {
    return true;
  }
})();
