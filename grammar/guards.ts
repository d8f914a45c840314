// SPDX-License-Identifier: Apache-2.0
/** Limits that keep the parser from overflowing, and characters that make source look like something else. */
import type { IToken } from 'chevrotain';
import { isBidiControl } from './literals.js';
import type { Fault } from './tree.js';

const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_CHAIN = 2_000;

export function guardSource(source: string): readonly Fault[] {
  if (source.length > MAX_LENGTH) {
    const what = `the policy is longer than ${MAX_LENGTH / 1024 / 1024} million characters`;
    return [{ code: 'SEP1009', args: { what }, span: { start: 0, end: 1 } }];
  }
  return [...bidi(source), ...mixedScripts(source)];
}

function bidi(source: string): readonly Fault[] {
  const faults: Fault[] = [];
  for (let i = 0; i < source.length; i++) {
    const unit = source.charCodeAt(i);
    if (unit < 0x61c || !isBidiControl(unit)) continue;
    const what = `U+${unit.toString(16).toUpperCase().padStart(4, '0')} reorders the text around it`;
    faults.push({ code: 'SEP1008', args: { what }, span: { start: i, end: i + 1 } });
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
    faults.push({
      code: 'SEP1008',
      args: { what },
      span: { start: match.index, end: match.index + word.length },
    });
  }
  return faults;
}

const OPEN = new Set(['{', '[', '(', '<']);
const CLOSE = new Set(['}', ']', ')', '>']);
const PREFIX = new Set(['not', '-', 'then']);
const CHAIN = new Set(['or', 'and', '+', '*', '-', '.', '(']);

/** Nesting and chain lengths, counted on tokens so that no recursion sees too much. */
export function guardTokens(tokens: readonly IToken[]): Fault | null {
  let depth = 0;
  let prefix = 0;
  let chain = 0;
  for (const token of tokens) {
    const { image } = token;
    const span = { start: token.startOffset, end: token.startOffset + image.length };
    if (OPEN.has(image)) depth++;
    else if (CLOSE.has(image)) depth = Math.max(0, depth - 1);
    prefix = PREFIX.has(image) ? prefix + 1 : image === '=>' || image === 'approved' ? prefix : 0;
    chain = CHAIN.has(image) ? chain + 1 : image === '{' || image === '}' || image === 'case' ? 0 : chain;
    if (depth + prefix > MAX_DEPTH) {
      return { code: 'SEP1009', args: { what: `nesting deeper than ${MAX_DEPTH} levels` }, span };
    }
    if (chain > MAX_CHAIN) {
      return { code: 'SEP1009', args: { what: `a condition of more than ${MAX_CHAIN} operators` }, span };
    }
  }
  return null;
}
