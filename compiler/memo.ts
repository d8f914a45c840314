// SPDX-License-Identifier: Apache-2.0
/**
 * What checking a statement gave, kept between checks of a file that is open in an editor. A statement is checked again only when
 * it, or one of the names that it looked up, is another. `docs/architecture.md` says where spans come from meanwhile.
 */
import type { Claiming } from './analyze/claims.js';
import type * as tree from '../grammar/tree.js';
import type { Diagnostic } from './diagnostics/diagnostic.js';
import type { FactIr, MeasureIr, UnitIr } from './ir.js';
import type { Scope } from './scope.js';

/** What the statements of a policy add up to. */
export interface Found {
  readonly units: UnitIr[];
  readonly facts: FactIr[];
  readonly diagnostics: Diagnostic[];
}

/** What one statement added, and the names and roles on which that rests. */
interface Kept extends Found {
  readonly names: ReadonlyMap<string, unknown>;
  readonly roles: ReadonlyMap<string, unknown>;
  readonly used: ReadonlySet<string>;
  readonly meant: ReadonlySet<string>;
  readonly mentioned: ReadonlySet<string>;
  readonly scans: ReadonlyMap<string, FactIr>;
  readonly measures: readonly MeasureIr[];
  readonly claims: Claiming;
}

type Check = (scope: Scope, found: Found) => void;

export class Memo {
  private kept = new WeakMap<tree.Statement, Kept>();
  private around: readonly unknown[] = [];

  /** What every statement rests on. Where it is another, nothing is remembered. */
  begin(...around: readonly unknown[]): void {
    if (around.length === this.around.length && around.every((one, i) => one === this.around[i])) return;
    this.around = around;
    this.kept = new WeakMap();
  }

  /** Checks a statement of the file itself, or says again what was found in it. */
  check(scope: Scope, statement: tree.Statement, found: Found, check: Check): void {
    const before = this.kept.get(statement);
    if (before !== undefined && same(scope.names, before.names) && same(scope.roles, before.roles)) {
      add(scope, before, found);
      return;
    }
    const names = new Recorded(scope.names);
    const roles = new Recorded(scope.roles);
    const own = { units: [], facts: [], diagnostics: [] };
    const sets = { used: new Set<string>(), meant: new Set<string>(), mentioned: new Set<string>() };
    const sums = { scans: new Map(), measures: [], claims: { claims: [], assumptions: [] } };
    const from = found.diagnostics.length;
    check({ ...scope, names, roles, ...sets, ...sums }, own);
    const diagnostics = found.diagnostics.slice(from);
    const kept = { ...own, diagnostics, ...sets, ...sums, names: names.asked, roles: roles.asked };
    add(scope, { ...kept, diagnostics: [] }, found);
    // Names of other files have scopes of their own, which are made anew; a list of all names changes with each.
    const whole = names.listed || roles.listed || [...names.asked.keys()].some((n) => scope.owners.has(n));
    if (whole) this.kept.delete(statement);
    else this.kept.set(statement, kept);
  }
}

function add(scope: Scope, kept: Kept, found: Found): void {
  found.units.push(...kept.units);
  found.facts.push(...kept.facts);
  found.diagnostics.push(...kept.diagnostics);
  for (const name of kept.used) scope.used.add(name);
  for (const name of kept.meant) scope.meant.add(name);
  for (const name of kept.mentioned) scope.mentioned.add(name);
  for (const [name, fact] of kept.scans) scope.scans.set(name, fact);
  scope.measures.push(...kept.measures);
  scope.claims.claims.push(...kept.claims.claims);
  scope.claims.assumptions.push(...kept.claims.assumptions);
}

function same(now: ReadonlyMap<string, unknown>, asked: ReadonlyMap<string, unknown>): boolean {
  for (const [name, value] of asked) if (now.get(name) !== value) return false;
  return true;
}

/** A map that knows what it was asked for, and whether all of it was listed. */
class Recorded<V> implements ReadonlyMap<string, V> {
  readonly asked = new Map<string, V | undefined>();
  listed = false;
  private readonly map: ReadonlyMap<string, V>;

  constructor(map: ReadonlyMap<string, V>) {
    this.map = map;
  }
  get(name: string): V | undefined {
    const value = this.map.get(name);
    this.asked.set(name, value);
    return value;
  }
  has(name: string): boolean {
    this.get(name);
    return this.map.has(name);
  }
  get size(): number {
    return this.all().size;
  }
  forEach(each: (value: V, name: string, map: ReadonlyMap<string, V>) => void): void {
    this.all().forEach(each);
  }
  entries(): MapIterator<[string, V]> {
    return this.all().entries();
  }
  keys(): MapIterator<string> {
    return this.all().keys();
  }
  values(): MapIterator<V> {
    return this.all().values();
  }
  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }
  private all(): ReadonlyMap<string, V> {
    this.listed = true;
    return this.map;
  }
}
