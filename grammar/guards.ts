// SPDX-License-Identifier: Apache-2.0
/** Limits that keep the parser from overflowing, and characters that make source look like something else. */
import { codePoint, misleading } from './literals.js';
import type { Fault, Span } from './tree.js';

const MAX_LENGTH = 4 * 1024 * 1024;
/** Levels of brackets, negations and the like, one inside the other. */
export const MAX_DEPTH = 64;
/** Operators of one condition: the depth of its tree, for those who walk it. */
export const MAX_OPERATORS = 2_000;
/** Those among them that become calls within calls, for whose depth JavaScript engines have less room. */
export const MAX_ARITHMETIC = 250;
/** Members of a value, one of the other, that no one would call arithmetic. */
export const FREE_MEMBERS = 8;
/** What stands after a hundred faults helps nobody, and recovery costs time. */
export const MAX_FAULTS = 100;

/** Ends the reading of a file that is past a limit. */
export class TooLarge extends Error {
  readonly span: Span;
  constructor(what: string, span: Span) {
    super(what);
    this.span = span;
  }
}

export function guardSource(source: string): readonly Fault[] {
  if (source.length > MAX_LENGTH) {
    const what = `the policy is longer than ${MAX_LENGTH / 1024 / 1024} million characters`;
    return [{ code: 'SEP1009', args: { what }, span: { start: 0, end: 1 } }];
  }
  return PLAIN.test(source) ? [] : [...misleadingCharacters(source), ...mixedScripts(source)];
}

/** Of such characters nothing needs to be said; most policies have no others. */
const PLAIN = /^[\t\n\x20-\x7e]*$/;

function misleadingCharacters(source: string): readonly Fault[] {
  const faults: Fault[] = [];
  for (let at = 0; at < source.length && faults.length < MAX_FAULTS; at++) {
    const start = at;
    const point = source.codePointAt(at) ?? 0;
    if (point > 0xffff) at++;
    if (point === 0x09 || point === 0x0a) continue;
    if (point === 0x0d && source.charCodeAt(at + 1) === 0x0a) continue;
    const why = point === 0x0d ? 'breaks the line in some editors only' : misleading(point);
    if (why === null) continue;
    faults.push({
      code: 'SEP1008',
      args: { what: `${codePoint(point)} ${why}` },
      span: { start, end: at + 1 },
    });
  }
  return faults;
}

const LETTERS = /\p{L}+/gu;
const ASCII = /^[A-Za-z]+$/;
const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Cherokee', /\p{Script=Cherokee}/u],
];

/** A word that mixes scripts whose letters look alike. */
function mixedScripts(source: string): readonly Fault[] {
  const faults: Fault[] = [];
  for (const match of source.matchAll(LETTERS)) {
    const word = match[0];
    if (ASCII.test(word)) continue;
    const scripts = SCRIPTS.filter(([, script]) => script.test(word)).map(([name]) => name);
    if (scripts.length < 2) continue;
    const what = `the word \`${word.slice(0, 40)}\` mixes ${scripts.join(' and ')} letters`;
    const span = { start: match.index, end: match.index + word.length };
    if (faults.push({ code: 'SEP1008', args: { what }, span }) === MAX_FAULTS) break;
  }
  return faults;
}
