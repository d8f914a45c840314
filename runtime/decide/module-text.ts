// SPDX-License-Identifier: Apache-2.0
/**
 * What a compiled policy may consist of: constants, calls of the library, its own parameters and names. Everything else, `import`
 * and every global first, is refused before the module is evaluated. Linear: line by line with one expression in which each token
 * can be read in one way only; where a line fails, `whyNot` says what is wrong in words.
 */
import { std } from '../../stdlib/std.js';

const OWN =
  'abi K link std a r f t v w y export const function return let if null true false undefined ' +
  'words tools globs whos whats outcomes asks below units shadows';
const WORDS: ReadonlySet<string> = new Set([...Object.keys(std), ...OWN.split(' ')]);
const MEMBERS: ReadonlySet<string> = new Set(['principal', 'user', 'session', 'intent', 'server', 'name']);
const KEYS: ReadonlySet<string> = new Set([
  'name',
  'version',
  'steps',
  'texts',
  'runs',
  'reads',
  'measures',
  'standIns',
  'strict',
]);
const MADE = /^[a-z]\d+$/;
const ASCII = /[^\n\x20-\x7e]/;

/** Printable, but for the quote and the backslash; nothing else than ASCII matches anywhere. */
const PLAIN = '[ !#-[\\]-~]*';
const STRING = `"${PLAIN}(?:\\\\u[0-9a-f]{4}${PLAIN})*"`;
const REMARK = '//[ -~]*';
/** Each part has one way to end, so that a line which fails is not tried in others. */
const NUMBER = '\\d+(?!\\d)(?:\\.\\d+(?!\\d)|(?!\\.\\d))(?:e[+-]?\\d+(?!\\d)|(?!e[+-]?\\d))';
const among = (words: Iterable<string>, after: string): string => `(?:${[...words].join('|')})${after}`;
const NAME_ENDS = '(?![\\w$])';
const TOKEN_OF_LINE = [
  '[ {}(),;:=<>?-]',
  '\\]',
  '[a-z]\\d+(?![\\w$])',
  'K\\[\\d{1,9}\\]',
  STRING,
  NUMBER,
  // A list, not a member: what stands before it is no value.
  '(?<=[(,[:=>?][ ]?|return )\\[',
  `\\.${among(MEMBERS, NAME_ENDS)}`,
  among(WORDS, NAME_ENDS),
  among(KEYS, '(?=:)'),
];
/** Of the whole text, from where a line begins: of a line cut out of it, V8 would compile the expression twice. */
const LINE = new RegExp(`(?:${TOKEN_OF_LINE.join('|')})*(?:${REMARK})?(?:\\n|$)`, 'y');
/** Most lines are one text in a list: many at once. */
const TEXTS = new RegExp(`(?:[ ]*${STRING},(?:[ ]*${REMARK})?\\n){1,256}`, 'y');

/** Longer lines are refused: an expression needs stack for each token. A constant of a policy is far below it. */
const MAX_LINE = 1 << 20;

/** What the module may not hold, or null. */
export function moduleFault(text: string): string | null {
  if (text.length > MAX_LINE) {
    const long = text.split('\n').findIndex((line) => line.length > MAX_LINE);
    if (long >= 0) return `a line longer than ${MAX_LINE} characters, line ${long + 1}`;
  }
  return isCompiled(text) ? null : whyNot(text);
}

function isCompiled(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    TEXTS.lastIndex = at;
    if (TEXTS.test(text)) {
      at = TEXTS.lastIndex;
      continue;
    }
    LINE.lastIndex = at;
    if (!LINE.test(text)) return false;
    at = LINE.lastIndex;
  }
  return true;
}

const TOKEN =
  /([ \n]+|\/\/[^\n]*)|("(?:[^"\\\n]|\\u[0-9a-f]{4})*")|([A-Za-z_$][\w$]*)|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(=>|===|[{}()[\],;:.=<>?-])/y;

function whyNot(text: string): string {
  const odd = ASCII.exec(text);
  if (odd !== null) return `a character that no compiled policy has, at ${placeOf(text, odd.index)}`;
  let before = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) return `text that no compiled policy has, at ${placeOf(text, at)}`;
    const [token, space, , word] = found;
    if (space !== undefined) continue;
    if (word !== undefined && !isAllowed(word, before, text, TOKEN.lastIndex)) {
      return `\`${word.slice(0, 40)}\` at ${placeOf(text, at)}: compiled policies import nothing and name nothing but their library`;
    }
    if (token === '[' && isOperand(before) && !isConstant(text, at, before)) {
      return `a computed member at ${placeOf(text, at)}`;
    }
    before = token;
  }
  return 'a line that no compiled policy has';
}

function isAllowed(word: string, before: string, text: string, end: number): boolean {
  if (before === '.') return MEMBERS.has(word);
  if (WORDS.has(word) || MADE.test(word)) return true;
  return KEYS.has(word) && text[end] === ':';
}

/** After these, `[` reads a member; after all other tokens it begins a list. */
const isOperand = (token: string): boolean =>
  token === ')' || token === ']' || token === '}' || (/^[\w$"]/.test(token) && token !== 'return');
const isConstant = (text: string, at: number, before: string): boolean =>
  before === 'K' && /^\[\d{1,9}\]/.test(text.slice(at, at + 12));

function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
