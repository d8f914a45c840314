// SPDX-License-Identifier: Apache-2.0
/** `redact`: on answers what the scanner finds, on calls the arguments that receipts must not hold in clear. */
import type * as tree from '../grammar/tree.js';
import { MASKS } from '../stdlib/masks.js';
import type { Env } from './check-expr.js';
import { argProperty } from './check-member.js';
import { meant } from './diagnostics/meant.js';
import { nearest } from './diagnostics/suggest.js';
import type { Part } from './instances.js';
import type { PolicyIr } from './ir.js';
import { argPath } from './narrow.js';
import type { Scope } from './scope.js';
import { toolsIn, whatIr } from './scope.js';
import { listed } from './types.js';
import { everyExpr } from './walk.js';

/** The words after `mask` of a rule on answers. */
export function checkMasks(scope: Scope, s: tree.RedactStatement): readonly string[] {
  for (const mask of s.masks) {
    if (MASKS.includes(mask.text)) continue;
    const help = `known: ${listed(MASKS)}`;
    const extra = { help, ...meant(scope.file, mask.span, nearest(mask.text, MASKS)) };
    scope.report('SEP3022', mask.span, { name: mask.text }, extra);
  }
  return [...new Set(s.masks.map((mask) => mask.text))].sort();
}

/** What is kept of a call must be known before any rule is asked, also where none is: it depends on the tool and nothing else. */
export function checkMaskedCall(env: Env, s: tree.RedactStatement): void {
  const { scope } = env;
  const [first, ...more] = s.who.include;
  if (first?.kind !== 'any' || more.length + s.who.except.length > 0)
    scope.report('SEP3025', s.who.span, { what: 'asks who calls' });
  for (const { kind, span } of s.clauses) scope.report('SEP3025', span, { what: `has a \`${kind}\`` });
  for (const { text, span } of s.masks) argProperty(env, [text], span);
}

/** By pinned tool, the arguments that receipts must not hold; absent where there are none. */
export function maskedArguments(parts: readonly Part[]): Pick<PolicyIr, 'masked'> {
  const found = new Map<string, Set<string>>();
  for (const { scope, statements } of parts) {
    for (const s of statements) {
      if (s.kind !== 'redact' || s.phase !== 'call') continue;
      for (const { server, name } of toolsIn(scope, whatIr(scope, s.what, false))) {
        const tool = `${server}/${name}`;
        const names = found.get(tool) ?? new Set();
        for (const mask of s.masks) names.add(mask.text);
        found.set(tool, names);
      }
    }
  }
  if (found.size === 0) return {};
  checkSums(parts, found);
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return { masked: Object.fromEntries(sorted.map(([tool, names]) => [tool, [...names].sort()])) };
}

/** What a call adds to a measure stands in its receipt. */
function checkSums(parts: readonly Part[], masked: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const { scope, statements } of parts) {
    for (const s of statements) {
      if (s.kind !== 'limit' && s.kind !== 'counter') continue;
      const tools = s.clauses.flatMap((c) =>
        c.kind === 'on' ? toolsIn(scope, whatIr(scope, c.what, false)) : [],
      );
      const hidden = new Set(
        tools.flatMap(({ server, name }) => [...(masked.get(`${server}/${name}`) ?? [])]),
      );
      for (const clause of s.clauses) {
        if (clause.kind !== 'sum') continue;
        const sums = everyExpr(clause.expr).some((e) => hidden.has(argPath(e)?.[0] ?? ''));
        if (sums)
          scope.report('SEP3025', clause.span, {
            what: `is written down all the same: \`${s.name.text}\` sums it`,
          });
      }
    }
  }
}
