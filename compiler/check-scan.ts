// SPDX-License-Identifier: Apache-2.0
/**
 * What the scanner says, as conditions (language, 1.2): `injection_score(x)`, `has_secrets(x)`, `has_pii(x)`, `findings(x, "kind")`.
 * The results are facts that the host computes and records, so that a decision is repeated without scanning again.
 */
import { DETECTOR_NAMES, FINDING_KINDS } from '../stdlib/findings.js';
import type * as tree from '../grammar/tree.js';
import { checkExpr, type Env, reportMisfit } from './check-expr.js';
import { nearest } from './diagnostics/suggest.js';
import type { FactIr, TypeIr } from './ir.js';
import { nameChain } from './narrow.js';
import { listed, type Typed } from './types.js';

type Call = Extract<tree.Expr, { kind: 'call' }>;

export const SCAN_RESULTS: ReadonlyMap<string, TypeIr> = new Map<string, TypeIr>([
  ['injection_score', { kind: 'decimal' }],
  ['has_secrets', { kind: 'bool' }],
  ['has_pii', { kind: 'bool' }],
  ['findings', { kind: 'int' }],
]);
export const SCANS: readonly string[] = [...SCAN_RESULTS.keys()];

/** Another kind would never be found, and a deny that asks for it never deny. */
const KINDS = [...DETECTOR_NAMES, ...FINDING_KINDS];

export function checkScan(env: Env, e: Call): Typed | null {
  const name = e.callee.text;
  const type = SCAN_RESULTS.get(name);
  const [subject, kind] = e.args;
  if (type === undefined || !arity(env, e) || subject === undefined) return null;
  const chain = subjectOf(env, subject);
  if (chain === null) return null;
  if (kind === undefined) return reading(env, [name, ...chain], scanName(name, chain), type);
  if (kind.kind !== 'string') {
    env.scope.report('SEP3001', kind.span, {
      what: '`findings`',
      wanted: 'a kind in quotes',
      found: 'another value',
    });
    return null;
  }
  if (!KINDS.includes(kind.value)) {
    const near = nearest(kind.value, KINDS);
    const help =
      near === null
        ? `detectors are ${listed(DETECTOR_NAMES)}; docs/scanning.md names kinds`
        : `did you mean "${near}"?`;
    const found = JSON.stringify(kind.value);
    env.scope.report(
      'SEP3001',
      kind.span,
      { what: '`findings`', wanted: 'a kind that the scanner knows', found },
      { help },
    );
    return null;
  }
  return reading(env, [name, kind.value, ...chain], scanName(name, chain, kind.value), type);
}

function arity(env: Env, e: Call): boolean {
  const wanted = e.callee.text === 'findings' ? 2 : 1;
  if (e.args.length === wanted) return true;
  const args = {
    name: e.callee.text,
    wanted: wanted === 1 ? 'one argument' : '2 arguments',
    found: String(e.args.length),
  };
  env.scope.report('SEP3007', e.span, args);
  return false;
}

function reading(env: Env, path: readonly string[], name: string, type: TypeIr): Typed {
  const fact: FactIr = { name, type, source: 'scan', path };
  env.scope.scans.set(name, fact);
  return { ir: { op: 'fact', name, type }, type };
}

/** As written, in one form: `injection_score(args.body)`, `findings(args, "card")`. */
export function scanName(name: string, chain: readonly string[], kind?: string): string {
  return `${name}(${chain.join('.')}${kind === undefined ? '' : `, ${JSON.stringify(kind)}`})`;
}

/** Arguments are there once a call is made, an answer once it has come. */
export function inPhase(env: Env, span: tree.Span, name: string): boolean {
  const wanted = name.startsWith('result') ? 'result' : 'call';
  const readable = wanted === 'result' ? env.phase === 'result' : env.phase !== 'list';
  if (!readable) {
    const help =
      wanted === 'result' ? 'write the rule `on result`' : 'a listed item has no arguments yet; read `tool`';
    env.scope.report('SEP3021', span, { name, phase: env.phase }, { help });
  }
  return readable;
}

/** A text that the host gives: the description of the pinned tool, the text of the answer. */
export function hostText(env: Env, span: tree.Span, name: 'tool.description' | 'result.text'): Typed | null {
  if (name === 'result.text' && !inPhase(env, span, name)) return null;
  const type: TypeIr = { kind: 'string' };
  const [root, member] = name.split('.') as [string, string];
  env.scope.scans.set(name, { name, type, source: root === 'tool' ? 'pin' : 'result', path: [member] });
  return { ir: { op: 'fact', name, type }, type };
}

/** `args`, `args.body`, `tool`, `tool.description`, `result`, as names; what else can be scanned is said. */
function subjectOf(env: Env, subject: tree.Expr): readonly string[] | null {
  const chain = nameChain(subject);
  const text = chain?.join('.') ?? '';
  // All of the arguments can be scanned whatever is asked for: the scanner needs no types.
  if (text === 'args') return inPhase(env, subject.span, text) ? chain : null;
  if (text === 'tool' || text === 'tool.description') {
    if (env.readsArgs) return chain;
    env.scope.report('SEP3013', subject.span, { name: text });
    return null;
  }
  if (text === 'result' || text === 'result.text') return inPhase(env, subject.span, text) ? chain : null;
  const typed = checkExpr(env, subject);
  if (typed === null) return null;
  if (typed.ir.op === 'arg') return ['args', ...typed.ir.path];
  const wanted = listed(['args', 'one argument', 'tool', 'tool.description', 'result']);
  reportMisfit(env, subject.span, typed, 'the scanner', wanted);
  return null;
}
