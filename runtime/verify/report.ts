// SPDX-License-Identifier: Apache-2.0
/** What the verifier says: one line per property, each pass, fail at entry N, or not checked and why. */

export type Status = 'pass' | 'fail' | 'not checked';
export type Result = 'pass' | 'fail' | 'incomplete';

export interface Property {
  readonly name: string;
  readonly status: Status;
  readonly detail: string;
  /** The first entry that fails, or from which on it was not checked. */
  readonly entry: number | null;
}

export interface Report {
  readonly entries: number;
  readonly result: Result;
  readonly properties: readonly Property[];
  /** Proof for others that the log key signed two histories (docs/receipt-format.md). */
  readonly evidence?: string;
}

/**
 * In the order in which they are printed. A log that has `anchor`, `snapshot` or `ack` entries gets a line for these too, and so
 * does what was given beside the log (openings, held receipts).
 */
export const PROPERTIES = [
  'bytes',
  'signatures',
  'keys',
  'chain',
  'tree',
  'tail',
  'split view',
  'time',
  'linkage',
  'completeness',
  'policy binding',
  'replay',
] as const;
export type PropertyName =
  | (typeof PROPERTIES)[number]
  | 'anchors'
  | 'snapshots'
  | 'acknowledgements'
  | 'openings'
  | 'seen elsewhere'
  | 'held receipts';

/** Without these the answer cannot be `pass`. */
const REQUIRED: readonly string[] = ['bytes', 'signatures', 'keys', 'chain', 'tree', 'tail', 'linkage'];

interface Finding {
  failed: { readonly entry: number | null; readonly detail: string } | null;
  failures: number;
  skipped: { readonly entry: number | null; readonly detail: string } | null;
  notes: string[];
}

/** Collects what is found; keeps only the first failure of each property, so that a hostile log cannot fill the memory. */
export class Findings {
  private readonly found: Map<string, Finding>;
  private readonly required: readonly string[];

  /** Of a part of a log only some properties can be asked. */
  constructor(names: readonly PropertyName[] = PROPERTIES, required: readonly string[] = REQUIRED) {
    this.found = new Map(names.map((name) => [name, blank()]));
    this.required = required;
  }

  private of(name: PropertyName): Finding {
    let finding = this.found.get(name);
    if (finding === undefined) this.found.set(name, (finding = blank()));
    return finding;
  }

  /** `times`: how many failures of the property this stands for. */
  fail(name: PropertyName, entry: number | null, detail: string, times = 1): void {
    const finding = this.of(name);
    finding.failures += times;
    finding.failed ??= { entry, detail };
  }

  /** The property was not checked, from `entry` on where one is given. */
  skip(name: PropertyName, detail: string, entry: number | null = null): void {
    this.of(name).skipped ??= { entry, detail };
  }

  /** Says what a pass rests on. */
  note(name: PropertyName, detail: string): void {
    this.of(name).notes.push(detail);
  }

  failed(name: PropertyName): boolean {
    return this.of(name).failed !== null;
  }

  report(entries: number): Report {
    const properties = [...this.found].map(([name, finding]) => property(name, finding));
    const failed = properties.some((p) => p.status === 'fail');
    const unchecked = properties.some((p) => this.required.includes(p.name) && p.status !== 'pass');
    return { entries, result: failed ? 'fail' : unchecked ? 'incomplete' : 'pass', properties };
  }
}

function blank(): Finding {
  return { failed: null, failures: 0, skipped: null, notes: [] };
}

function property(name: string, finding: Finding): Property {
  if (finding.failed !== null) {
    const more = finding.failures > 1 ? ` (and ${finding.failures - 1} more)` : '';
    return { name, status: 'fail', detail: finding.failed.detail + more, entry: finding.failed.entry };
  }
  if (finding.skipped !== null) return { name, status: 'not checked', ...finding.skipped };
  return { name, status: 'pass', detail: finding.notes.join('; '), entry: null };
}
