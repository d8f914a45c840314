// SPDX-License-Identifier: Apache-2.0
/**
 * Regular expressions as YAML policies have them (JavaScript's, found anywhere in the text) as patterns of `matches` (over the whole
 * text), and those that mean a folder as `under`.
 */
import { pathSegments } from '../../stdlib/path.js';
import { compileRegex } from '../regex/dfa.js';
import type { Reader } from './fields.js';
import type { TextTest } from './model.js';

/** What stands in place of `.`, which in JavaScript is no end of a line. */
const DOT = '[^\\n\\r\\u2028\\u2029]';
/** In patterns of `matches`, `.` is every character. */
const ANYTHING = '.*';

/** How `effect` uses the pattern; null, and a fault, where no machine with finitely many states can run it. */
export function patternTest(
  reader: Reader,
  source: string,
  at: number,
  effect: 'allow' | 'review' | 'deny',
  paths = true,
): TextTest | null {
  const alternatives = literalAlternatives(source);
  if (alternatives !== null) return { op: 'in', values: alternatives };
  const folder = paths ? folderOf(source) : null;
  const said = `the pattern ${quoted(source)}`;
  const found = folder === null ? null : folderPath(reader, folder.prefix, folder.closed, at, effect, said);
  if (found !== null && folder?.more === false) return found;
  const pattern = wholeText(source);
  const compiled = compileRegex(pattern);
  if (!compiled.ok) {
    const help = 'write what it means in the terms of the policy after importing the rest, or simplify it';
    return reader.fault(at, `the pattern cannot be used: ${compiled.what}`, help);
  }
  if (found !== null) return { ...found, rest: pattern };
  if (!source.startsWith('^') && !source.startsWith('(?i)^')) {
    reader.note(
      at,
      `the pattern ${quoted(source)} is not anchored: it is found anywhere in the text, as in the original`,
    );
  }
  return { op: 'matches', source, pattern };
}

/** The test for texts that start with `prefix`, when it is a folder; what `under` means other than the text does is noted. */
export function folderPath(
  reader: Reader,
  prefix: string,
  closed: boolean,
  at: number,
  effect: 'allow' | 'review' | 'deny',
  what: string,
): Extract<TextTest, { op: 'under' }> | null {
  const segments = pathSegments(prefix);
  // Without a `/` at its end it is the beginning of names as well: narrower is stricter in a grant alone.
  if (segments === null || (segments.length === 0 && !closed) || (!closed && effect !== 'allow')) return null;
  const folder = `/${segments.join('/')}`;
  const escape = `${folder === '/' ? '' : folder}/../../etc/passwd`;
  reader.note(
    at,
    `${what} compares text, and \`${escape}\` passes it: rewritten to \`under ${quoted(folder)}\`, which compares folders${
      closed ? '; the folder itself counts as inside it' : `; \`${folder}2\` is no longer inside it`
    }`,
  );
  return { op: 'under', folder, prefix, rest: null };
}

/** `^/a/b/…`: the literal folder at the beginning, and whether the pattern says more than "starts with it". */
function folderOf(
  source: string,
): { readonly prefix: string; readonly closed: boolean; readonly more: boolean } | null {
  if (!source.startsWith('^')) return null;
  const { text, end } = literalRun(source, 1);
  if (!text.startsWith('/')) return null;
  const rest = source.slice(end);
  if (TAILS.has(rest)) return { prefix: text, closed: text.endsWith('/'), more: false };
  if (CLOSED_TAILS.has(rest)) return { prefix: `${text}/`, closed: true, more: false };
  const prefix = text.slice(0, text.lastIndexOf('/') + 1);
  // Alternatives at the top need not begin with the prefix.
  return prefix.length < 2 || topAlternatives(source) ? null : { prefix, closed: true, more: true };
}
const TAILS = new Set(['', '.*', '.*$', '.+', '.+$']);
const CLOSED_TAILS = new Set(['(/|$)', '(?:/|$)', '(/.*)?$', '(?:/.*)?$', '(\\/|$)', '(?:\\/|$)', '($|/)']);

/** The literal characters from `start` on; a character that is repeated is not part of it. */
function literalRun(source: string, start: number): { readonly text: string; readonly end: number } {
  let [text, at] = ['', start];
  while (at < source.length) {
    const escaped = source[at] === '\\';
    const c = escaped ? (source[at + 1] ?? '') : (source[at] ?? '');
    const plain = escaped ? /^[^A-Za-z0-9]$/.test(c) : !'^$.*+?()[]{}|'.includes(c);
    const end = at + (escaped ? 2 : 1);
    if (!plain || c === '' || '*+?{'.includes(source[end] ?? ' ')) break;
    [text, at] = [text + c, end];
  }
  return { text, end: at };
}

function topAlternatives(source: string): boolean {
  let depth = 0;
  for (const { token, inClass } of tokens(source)) {
    if (inClass) continue;
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (token === '|' && depth === 0) return true;
  }
  return false;
}

/** `^literal$` and `^(a|b)$`. */
function literalAlternatives(source: string): readonly string[] | null {
  const inner = /^\^\((?:\?:)?(.*)\)\$$/s.exec(source)?.[1] ?? /^\^(.*)\$$/s.exec(source)?.[1];
  if (inner === undefined) return null;
  const values: string[] = [];
  for (const part of source.startsWith('^(') ? inner.split('|') : [inner]) {
    const { text, end } = literalRun(part, 0);
    if (end < part.length || text === '') return null;
    values.push(text);
  }
  return values;
}

/** Over the whole text: what may stand before and after is written out, and `.` of the original is no end of a line. */
function wholeText(source: string): string {
  const insensitive = source.startsWith('(?i)');
  const body = insensitive ? source.slice(4) : source;
  const parts = [...splitTop(body)].map(({ text, start, end }) => {
    const inner = [...tokens(text)]
      .map(({ token, inClass }) => (token === '.' && !inClass ? DOT : token))
      .join('');
    const from = start ? inner.slice(1) : `${ANYTHING}${inner}`;
    return end ? from.slice(0, -1) : `${from}${ANYTHING}`;
  });
  const whole = parts.length === 1 ? (parts[0] ?? '') : parts.map((part) => `(?:${part})`).join('|');
  return `${insensitive ? '(?i)' : ''}${whole}`;
}

/** The alternatives at the top, and whether each is anchored at its start and end. */
function* splitTop(
  source: string,
): Generator<{ readonly text: string; readonly start: boolean; readonly end: boolean }> {
  let depth = 0;
  let [text, last] = ['', ''];
  const part = () => ({ text, start: text.startsWith('^'), end: last === '$' });
  for (const { token, inClass } of tokens(source)) {
    if (token === '(' && !inClass) depth++;
    if (token === ')' && !inClass) depth--;
    if (token === '|' && depth === 0 && !inClass) {
      yield part();
      [text, last] = ['', ''];
      continue;
    }
    text += token;
    last = inClass ? '' : token;
  }
  yield part();
}

function* tokens(source: string): Generator<{ readonly token: string; readonly inClass: boolean }> {
  let inClass = false;
  for (let at = 0; at < source.length; ) {
    const c = source[at] ?? '';
    const token = c === '\\' ? source.slice(at, at + 2) : c;
    at += token.length;
    if (token === ']') inClass = false;
    yield { token, inClass };
    if (token === '[') inClass = true;
  }
}

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
