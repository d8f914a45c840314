// SPDX-License-Identifier: Apache-2.0
/** Results of the scanner as facts of a policy: which function, and over what. */
import { injectionScore } from './scan.js';
import type { Detector } from './types.js';
import { scanValue, type ValueScan } from './walk.js';

/** What can be scanned: the arguments of a call, the pinned definition of the tool, and the answer. */
export interface Scannable {
  readonly args: unknown;
  /** Null where the action is no pinned tool. */
  readonly tool: unknown;
  /** Undefined until there is one. */
  readonly result?: unknown;
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
  if (root === 'result' && rest[0] === 'text') return textOf(of.result);
  let at: unknown = root === 'args' ? of.args : root === 'tool' ? of.tool : of.result;
  for (const key of rest) {
    const inside = typeof at === 'object' && at !== null && !Array.isArray(at) && Object.hasOwn(at, key);
    at = inside ? (at as { readonly [key: string]: unknown })[key] : undefined;
  }
  return at;
}

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** All that a model reads as text in an answer: content of tools, contents of resources, messages of prompts, of an error its message. */
export function textOf(result: unknown): string | undefined {
  if (!isRecord(result)) return undefined;
  const messages = listOf(result['messages']).map((message) =>
    isRecord(message) ? message['content'] : null,
  );
  const parts = [...listOf(result['content']), ...listOf(result['contents']), ...messages];
  const { message } = result;
  const texts = parts.flatMap((part) => {
    if (!isRecord(part)) return [];
    const held = isRecord(part['resource']) ? part['resource']['text'] : part['text'];
    return typeof held === 'string' ? [held] : [];
  });
  return [...(typeof message === 'string' ? [message] : []), ...texts].join('\n');
}

/** Longer texts are not written into receipts: a condition that compares them is then unknown. */
const MAX_TEXT = 64 * 1024;

/** A fact of source `pin` or `result`: a text of the definition or of the answer. */
export function hostText(source: string, path: readonly string[], of: Scannable): string | undefined {
  const value = source === 'result' ? textOf(of.result) : subjectAt(of, ['tool', ...path]);
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : undefined;
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

/** Computes a fact whose source is `scan`, or (behind its source) `pin` or `result`. Whatever goes wrong makes it unknown, never false. */
export function scanFact(path: readonly string[], of: Scannable): number | boolean | string | undefined {
  const [first = '', ...rest] = path;
  if (first === 'pin' || first === 'result') return hostText(first, rest, of);
  const { name, kind, subject } = scanCall(path);
  try {
    const value = subjectAt(of, subject);
    return resultOf(
      name,
      kind,
      scanned(subject, value, () => scanValue(value)),
    );
  } catch {
    return undefined;
  }
}

const NOTHING: ValueScan = { findings: [], incomplete: null };
const UNSEEN: ValueScan = { findings: [], incomplete: 'size' };

/** What is not there holds nothing; but an answer that is not there has not been seen. */
export function scanned<Scan>(
  subject: readonly string[],
  value: unknown,
  scan: () => Scan,
): Scan | ValueScan {
  if (value !== undefined) return scan();
  return subject[0] === 'result' ? UNSEEN : NOTHING;
}
