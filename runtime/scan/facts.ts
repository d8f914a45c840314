// SPDX-License-Identifier: Apache-2.0
/** Results of the scanner as facts of a policy: which function, and over what. */
import { injectionScore } from './scan.js';
import type { Detector } from './types.js';
import { scanValue, type ValueScan } from './walk.js';

/** What can be scanned: the arguments of a call, and the pinned definition of the tool. */
export interface Scannable {
  readonly args: unknown;
  /** Null where the action is no pinned tool. */
  readonly tool: unknown;
}

const LEAST = 0.5;
const DETECTORS: readonly string[] = [
  'secret',
  'pii',
  'injection',
  'exfiltration',
  'code',
] satisfies Detector[];

/** The part that `path` names, by own property; undefined where it is not there. */
export function subjectAt(of: Scannable, path: readonly string[]): unknown {
  const [root, ...rest] = path;
  let at: unknown = root === 'args' ? of.args : root === 'tool' ? of.tool : undefined;
  for (const key of rest) {
    const inside = typeof at === 'object' && at !== null && !Array.isArray(at) && Object.hasOwn(at, key);
    at = inside ? (at as { readonly [key: string]: unknown })[key] : undefined;
  }
  return at;
}

/** `["injection_score", "args", "body"]`, `["findings", "card", "args"]` into the function, its kind and what it is about. */
export function scanCall(path: readonly string[]): {
  readonly name: string;
  readonly kind: string | null;
  readonly subject: readonly string[];
} {
  const [name = '', ...rest] = path;
  return name === 'findings'
    ? { name, kind: rest[0] ?? '', subject: rest.slice(1) }
    : { name, kind: null, subject: rest };
}

/** The result from a finished scan. Undefined, which policies take as unknown, when the scan is not complete. */
export function resultOf(name: string, kind: string | null, scan: ValueScan): number | boolean | undefined {
  if (scan.incomplete !== null) return undefined;
  const sure = scan.findings.filter((f) => f.confidence >= LEAST);
  switch (name) {
    case 'injection_score':
      return injectionScore(scan.findings);
    case 'has_secrets':
      return sure.some((f) => f.detector === 'secret');
    case 'has_pii':
      return sure.some((f) => f.detector === 'pii');
    case 'findings':
      return sure.filter((f) => (DETECTORS.includes(kind ?? '') ? f.detector === kind : f.kind === kind))
        .length;
    default:
      return undefined;
  }
}

/** Computes a fact whose source is `scan`. Whatever goes wrong makes it unknown, never false. */
export function scanFact(path: readonly string[], of: Scannable): number | boolean | undefined {
  const { name, kind, subject } = scanCall(path);
  const value = subjectAt(of, subject);
  try {
    return resultOf(name, kind, value === undefined ? { findings: [], incomplete: null } : scanValue(value));
  } catch {
    return undefined;
  }
}
