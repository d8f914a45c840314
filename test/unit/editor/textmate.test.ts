// SPDX-License-Identifier: Apache-2.0
// The TextMate grammar, run by the engine of VS Code, sees the same words as the lexer.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type * as Oniguruma from 'vscode-oniguruma';
import type * as TextMate from 'vscode-textmate';
import { textmate } from '../../../editor/grammar/textmate.js';
import type { Token } from '../../../grammar/token.js';
import { scan } from '../../../grammar/scan.js';
import { OPERATOR_WORDS, RESERVED } from '../../../grammar/tokens.js';

const require = createRequire(import.meta.url);
const { INITIAL, parseRawGrammar, Registry } = require('vscode-textmate') as typeof TextMate;
const oniguruma = require('vscode-oniguruma') as typeof Oniguruma;
const ROOT = resolve(import.meta.dirname, '../../..');
const FILE = join(ROOT, 'editor/grammar/sepal.tmLanguage.json');

let grammar: TextMate.IGrammar;
beforeAll(async () => {
  const wasm = readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm'));
  await oniguruma.loadWASM(
    wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength) as ArrayBuffer,
  );
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner([...patterns]),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: () => Promise.resolve(parseRawGrammar(readFileSync(FILE, 'utf8'), FILE)),
  });
  const loaded = await registry.loadGrammar('source.sepal');
  if (loaded === null) throw new Error('the grammar does not load');
  grammar = loaded;
});

/** The innermost scope at every offset where one starts. */
function scopes(text: string): (at: number) => string {
  const found: { readonly start: number; readonly end: number; readonly scope: string }[] = [];
  let stack = INITIAL;
  let start = 0;
  for (const line of text.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    for (const token of tokens) {
      const scope = token.scopes.filter((each) => each !== 'source.sepal').join(' ');
      found.push({ start: start + token.startIndex, end: start + token.endIndex, scope });
    }
    stack = ruleStack;
    start += line.length + 1;
  }
  return (at) => found.find((token) => token.start <= at && at < token.end)?.scope ?? '';
}

const KEYWORDS = new Set<string>([...RESERVED, ...OPERATOR_WORDS]);
const WORD = /keyword|constant\.language|variable\.language|storage\.type/;
const KINDS = new Map<string, RegExp>([
  ['String', /string/],
  ['Regex', /string\.regexp/],
  ['Action', /entity\.name\.namespace/],
  ['KindPart', /storage\.type\.principal/],
  ...['Version', 'Date', 'Time', 'Duration', 'Decimal', 'Int'].map((name): [string, RegExp] => [
    name,
    /constant\.numeric/,
  ]),
  ['Arrow', /keyword\.operator\.arrow/],
  ['FatArrow', /keyword\.operator\.arrow/],
  ['EqualEqual', /keyword\.operator\.comparison/],
]);

/** What the lexer says of a token, where it can be said without its surroundings. */
function wanted(token: Token, before: string | undefined, after: string | undefined): RegExp | null {
  const name = token.tokenType.name;
  if (before === '.' && /^[A-Za-z_]/.test(token.image)) return /variable\.other\.property/;
  // A key of arguments, or a name behind a keyword, may be any word.
  if (KEYWORDS.has(token.image)) return before === ',' || before === '{' || after === ':' ? null : WORD;
  return KINDS.get(name) ?? null;
}

function disagreements(text: string): readonly string[] {
  const at = scopes(text);
  const { tokens, comments: asides } = scan(text);
  const comments = asides.filter((token) => !/comment/.test(at(token.startOffset)));
  const words = tokens.filter((token, i) => {
    const scope = wanted(token, tokens[i - 1]?.image, tokens[i + 1]?.image);
    return scope !== null && !scope.test(at(token.startOffset));
  });
  return [...comments, ...words].map(
    (token) => `${token.image} at ${token.startOffset}: ${at(token.startOffset)}`,
  );
}

const POLICIES = ['examples', '../shared/design/examples', 'test/samples']
  .map((folder) => join(ROOT, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.sep') && !name.includes('node_modules'))
      .map((name) => join(folder, name)),
  );

describe('the TextMate grammar', () => {
  it('is written from the tokens (else: node scripts/textmate.mjs)', () => {
    expect(readFileSync(FILE, 'utf8')).toBe(textmate());
  });

  it.each([...KEYWORDS].map((word) => [word]))(
    'colours the keyword `%s`, alone and between others',
    (word) => {
      for (const text of [word, `a ${word} b`, `(${word})`])
        expect(scopes(text)(text.indexOf(word))).toMatch(WORD);
      // Behind a dot it is a member, and within another word nothing.
      expect(scopes(`args.${word}`)(5)).toMatch(/variable\.other\.property/);
      expect(scopes(`x${word}`)(0)).not.toMatch(/^keyword/);
    },
  );

  it('is tried on real policies', () => {
    expect(POLICIES.length).toBeGreaterThan(1);
  });
  it.each(POLICIES.map((path) => [path.slice(ROOT.length + 1), path]))(
    'agrees with the lexer on %s',
    (_name, path) => {
      expect(disagreements(readFileSync(path, 'utf8'))).toEqual([]);
    },
  );

  it.each<[string, string, RegExp]>([
    ['allow read: any -> fs/x', 'read', /entity\.name\.function\.rule/],
    ['allow a:agent:x->fs/"odd name"', 'odd', /entity\.name\.function\.tool/],
    ['allow a: agent:x-* -> fs/x', '->', /keyword\.operator\.arrow/],
    ['let x = "a // b" // c', '// b', /string/],
    ['let x = "a // b" // c', '// c', /comment/],
    ['let x = "a\\"b" and y', 'and', /keyword\.operator\.word/],
    ['review r: role:lead -> a/b', 'lead', /entity\.name\.type\.role/],
    ['let x = args.p matches r"/a\\"b.*"', 'r"', /string\.regexp/],
    ['let big(n: int) = n > 2', 'big', /entity\.name\.function/],
    ['as agent:x at "2026-03-09T13:00:00Z"', '2026', /string/],
    ['deny d: any -> */* shadow until 2027-06-30', '2027', /constant\.numeric\.date/],
    ['a/b { note: "x', 'x', /string/],
    ['x\nallow y: any -> a/b', 'allow', /keyword\.control\.effect/],
  ])('colours %j at %s', (text, word, scope) => {
    expect(scopes(text)(text.indexOf(word))).toMatch(scope);
  });
});
