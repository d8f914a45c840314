// SPDX-License-Identifier: Apache-2.0
/** Differences of two policies in words. */
import type { Change } from '../compiler/analyze/differ.js';
import { questionLine } from './proving.js';
import { shown } from './terminal.js';

/** `deny → allow: agent:content-* on fs/write_file when …`. */
export function sentence({ actions, where }: Change): string {
  const who = where.who ?? 'anyone';
  const when = where.conditions.length === 0 ? '' : ` when ${where.conditions.join(' and ')}`;
  const named = actions.length > 6 ? [...actions.slice(0, 6), `${actions.length - 6} more`] : actions;
  return shown(`${who} on ${named.join(', ')}${when}`);
}

/** One change in two lines: what, and an example. */
export function changeLines(kind: string, changes: readonly Change[]): readonly string[] {
  return changes.flatMap((change) => [
    `${kind}: ${change.from} → ${change.to}: ${sentence(change)}`,
    change.witness === null
      ? `  ${shown(change.why ?? '')}`
      : `  for example ${shown(questionLine(change.witness))}`,
  ]);
}
