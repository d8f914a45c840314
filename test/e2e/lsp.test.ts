// SPDX-License-Identifier: Apache-2.0
// `sepal lsp` as editors use it: the built command over stdio, spoken to with the protocol's own client library.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  CodeAction,
  CompletionItem,
  Hover,
  Location,
  TextEdit,
  WorkspaceEdit,
} from 'vscode-languageserver-protocol/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { lockText } from '../helpers/lock.js';
import { type Editor, editor, lineAt, marked, positionOf, TOOLS } from '../helpers/lsp.js';

const POLICY = `sep 1
policy acme.files 1.0.0
tools "sepal.lock"
role lead, ops = "on call"
// Those who write.
principals editors = agent:ed, role:lead, role:ops
actions writing = fs/write_file
fact region: enum eu, us from config.region
schedule office in "Europe/Paris" {
  mon..fri 09:00..17:00
}
limit writes: 5 per 1h by principal on writing
let inside(p: path) = p under "/data"
let eu = size("x") > 0

allow read: editors -> fs/read_file when { inside(args.path) and now within office }
allow write: role:lead -> writing when { region == eu and inside(args.path) }
deny big: any -> fs/* when { eu and any(["x"], x => x == "y") }

template bounded(root: path) {
  allow use: agent:* -> fs/read_file when { args.path under root }
}
instance legal = bounded("/legal")

test "reads" {
  as agent:ed with region eu, roles [lead] at "2026-01-05T12:00:00Z"
  fs/read_file { path: "/legal/a" } => allow by legal.use
}
`;

let e: Editor;
let uri: string;
beforeAll(async () => {
  e = await editor();
  uri = await e.open('policy.sep', POLICY);
});

/** The position inside of `words`, `by` characters behind its start. */
const at = (words: string, by = 0, text = POLICY): { line: number; character: number } => {
  expect(text.split(words), `${words} stands once`).toHaveLength(2);
  return positionOf(text, text.indexOf(words) + by);
};
const hover = async (words: string, by = 0): Promise<string> => {
  const found = await e.ask<Hover | null>('textDocument/hover', uri, at(words, by));
  return (found?.contents as { value: string } | undefined)?.value ?? '';
};
/** The first line of what is defined. */
const defined = async (words: string, by = 0): Promise<string> => {
  const found = await e.ask<Location | null>('textDocument/definition', uri, at(words, by));
  expect(found?.uri).toBe(uri);
  return POLICY.split('\n')[found?.range.start.line ?? -1] ?? '';
};
const applied = (text: string, edits: readonly TextEdit[]): string => {
  const offset = ({ line, character }: TextEdit['range']['start']): number =>
    text.split('\n').slice(0, line).join('\n').length + (line === 0 ? 0 : 1) + character;
  return edits
    .map(({ range, newText }) => ({ start: offset(range.start), end: offset(range.end), newText }))
    .sort((a, b) => b.start - a.start)
    .reduce((before, { start, end, newText }) => before.slice(0, start) + newText + before.slice(end), text);
};
/** The policy with a name renamed, or why not. */
const renamed = async (words: string, by: number, newName: string): Promise<string> => {
  const answer = await e
    .ask<WorkspaceEdit>('textDocument/rename', uri, at(words, by), { newName })
    .catch((error: Error) => error.message);
  if (typeof answer === 'string') return answer;
  return applied(POLICY, answer.changes?.[uri] ?? []);
};

describe('diagnostics', () => {
  it('are none for a policy without faults, and carry the version that they are of', async () => {
    expect(await e.findings(uri, 1)).toEqual([]);
  });

  it('say what the command says, and applying a fix removes one and adds none', async () => {
    const own = await editor();
    const text = POLICY.replace('editors -> fs/read_file', 'editrs -> fs/read_fil').replace(
      'role lead, ',
      'role lead, spare, ',
    );
    const file = await own.open('p.sep', text);
    const found = await own.findings(file, 1);
    expect(found.map((d) => d.code)).toEqual(expect.arrayContaining(['SEP2001', 'SEP2005', 'SEP4002']));
    expect(found.every((d) => d.source === 'sepal' && d.codeDescription?.href.startsWith('file:'))).toBe(
      true,
    );
    expect(found.find((d) => d.code === 'SEP2001')?.message).toContain('help: did you mean `editors`?');
    let now = text;
    for (let version = 2; ; version++) {
      const [first] = (await own.findings(file, version - 1)).filter((d) =>
        d.code?.toString().startsWith('SEP2'),
      );
      if (first === undefined) break;
      const actions = await own.connection.sendRequest('textDocument/codeAction', {
        textDocument: { uri: file },
        range: first.range,
        context: { diagnostics: [first] },
      });
      const action = (actions as CodeAction[]).find(
        ({ diagnostics }) => diagnostics?.[0]?.code === first.code,
      );
      now = applied(now, action?.edit?.changes?.[file] ?? []);
      await own.change(file, version, now);
      expect((await own.findings(file, version)).length).toBeLessThan(
        (await own.findings(file, version - 1)).length,
      );
    }
    expect(now).toContain('editors -> fs/read_file');
  });

  it('look at every call once the author pauses', async () => {
    const own = await editor();
    const text =
      'sep 1\npolicy a 1.0.0\ntools "sepal.lock"\nallow a: agent:x -> ci/deploy_web\ndeny b: any -> ci/*\n';
    const file = await own.open('p.sep', text);
    expect(await own.findings(file, 1)).toEqual([]);
    const [dead] = await own.findings(file, 1, (all) => all.length > 0);
    expect(dead?.code).toBe('SEP4013');
    expect(dead?.relatedInformation?.[0]?.message).toBe('`b` denies this');
  });

  it('follow the lock and the modules', async () => {
    const base = 'sep 1\npolicy acme.base 1.0.0 tighten\ndeny none: any -> ci/*\n';
    const own = await editor({ 'base.sep': base });
    const text =
      'sep 1\npolicy a 1.0.0\ntools "sepal.lock"\nimport acme.base\nallow a: agent:x -> ci/deploy_ios\n';
    const file = await own.open('p.sep', text);
    const codes = (all: readonly { code?: unknown }[]): unknown[] => all.map((d) => d.code);
    expect(codes(await own.findings(file, 1))).toEqual(expect.arrayContaining(['SEP2017', 'SEP2005']));
    expect(own.registered).toEqual(['workspace/didChangeWatchedFiles']);
    const deploy = { ...TOOLS.ci[0], name: 'deploy_ios' };
    const hash = /`(sha256:\w+)`/.exec(JSON.stringify(await own.findings(file, 1)))?.[1];
    const lock = JSON.parse(lockText({ ...TOOLS, ci: [deploy] })) as object;
    writeFileSync(join(own.dir, 'sepal.lock'), JSON.stringify({ ...lock, modules: { 'acme.base': hash } }));
    await own.connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [] });
    await own.findings(file, 1, (all) => !codes(all).includes('SEP2005'));
    // The module in the editor stands before the one on the disk.
    await own.open('base.sep', base.replace('any', 'agnt:x'));
    const broken = await own.findings(file, 1, (all) => codes(all).includes('SEP1002'));
    expect(broken.find((d) => d.code === 'SEP1002')?.relatedInformation?.[0]?.location.uri).toBe(
      own.uri('base.sep'),
    );
  });

  it('are looked for again where the editor watches nothing', async () => {
    const own = await editor({}, false);
    const text = 'sep 1\npolicy a 1.0.0\ntools "sepal.lock"\nallow a: agent:x -> ci/deploy_ios\n';
    const file = await own.open('p.sep', text);
    expect((await own.findings(file, 1)).map((d) => d.code)).toEqual(['SEP2005']);
    writeFileSync(join(own.dir, 'sepal.lock'), lockText({ ci: [{ ...TOOLS.ci[0], name: 'deploy_ios' }] }));
    await own.findings(file, 1, (all) => all.length === 0);
  });

  it('of a module are those that it has where sepal.json imports it', async () => {
    const own = await editor({
      'sepal.json': JSON.stringify({ policy: 'policy.sep' }),
      'policy.sep': 'sep 1\npolicy a 1.0.0\ntools "sepal.lock"\nimport acme.base\n',
    });
    const text = 'sep 1\npolicy acme.base 1.0.0\nallow a: agent:x -> fs/read_file when { args.pth == "x" }\n';
    const file = await own.open('base.sep', text);
    expect((await own.findings(file, 1)).map((d) => d.code)).toEqual(['SEP2011']);
    const { position } = marked(text.replace('args.pth', 'args.|pth'));
    const items = await own.ask<CompletionItem[]>('textDocument/completion', file, position);
    expect(items.map(({ label }) => label)).toEqual(['path']);
  });
});

describe('hover', () => {
  it('says what a tool is, in the words of its server, which are never markup', async () => {
    const text = await hover('fs/read_file when { inside', 4);
    expect(text).toContain('**tool** `fs/read_file`');
    expect(text).toContain('`path`, a string: Where it is');
    const hostile = await hover('writing = fs/write_file', 12);
    expect(hostile).not.toMatch(/(?<!\\)<|(?<!\\)\[|\u202e/);
    expect(hostile).toContain('\\<img src\\=x');
    expect(hostile).toContain('`mode`, one of `append`, `replace`, optional');
  });

  it.each([
    ['inside(args.path) and now', 12, /\*\*argument\*\* `args.path`, a string/],
    ['editors -> fs', 1, /principals editors = agent:ed, role:lead, role:ops[^]*Those who write/],
    ['role:lead -> writing', 6, /\*\*role\*\* `lead`/],
    ['ops = "on call"', 1, /credentials carry as `on call`/],
    ['region == eu', 1, /fact region: enum eu, us/],
    ['now within office', 12, /schedule office in "Europe\/Paris"/],
    ['p under "/data"', 0, /\*\*parameter\*\* `p`: `path`/],
    ['x == "y"', 0, /\*\*parameter\*\* `x`: `an element/],
    ['when { eu and', 8, /let eu = size[^]*true or false/],
    ['fs/* when', 1, /2 pinned tools[^]*fs\/read_file/],
    ['by legal.use', 10, /allow use: agent:\*/],
    ['by legal.use', 4, /instance legal/],
    ['under root', 2, /a path inside a folder/],
  ])('of %s', async (words, by, said) => {
    expect(await hover(words, by)).toMatch(said);
  });
});

describe('definition and references', () => {
  it.each([
    ['editors -> fs', 1, 'principals editors'],
    ['role:lead -> writing', 6, 'role lead'],
    ['roles [lead]', 8, 'role lead'],
    ['-> writing when', 4, 'actions writing'],
    ['on writing', 4, 'actions writing'],
    ['when { inside', 8, 'let inside'],
    ['within office', 8, 'schedule office'],
    ['region == eu', 1, 'fact region'],
    ['with region eu', 6, 'fact region'],
    ['under root', 7, 'template bounded'],
    ['= bounded(', 3, 'template bounded'],
    ['by legal.use', 10, '  allow use'],
    ['p under', 0, 'let inside'],
  ])('of %s', async (words, by, line) => {
    expect(await defined(words, by)).toMatch(new RegExp(`^${line}`));
  });

  it('of a tool is in the lock', async () => {
    const found = await e.ask<Location[]>('textDocument/definition', uri, at('fs/read_file { path', 4));
    expect(found.map((each) => each.uri)).toEqual([e.uri('sepal.lock')]);
  });

  it('tell a member of an enum from a predicate of the same name', async () => {
    const found = await e.ask<Location[]>('textDocument/references', uri, at('let eu', 4), {
      context: { includeDeclaration: true },
    });
    expect(found.map((each) => POLICY.split('\n')[each.range.start.line]?.slice(0, 8))).toEqual([
      'let eu =',
      'deny big',
    ]);
  });

  it('span files', async () => {
    const own = await editor({
      'modules/base.sep': 'sep 1\npolicy acme.base 1.0.0\nrole lead\nlet open = principal has role lead\n',
      'p.sep': 'sep 1\npolicy a 1.0.0\nimport acme.base as b\nlet closed = not b.open\n',
      'other.sep': 'sep 1\npolicy c 1.0.0\nlet open = true\n',
    });
    const text = 'sep 1\npolicy acme.base 1.0.0\nrole lead\nlet open = principal has role lead\n';
    const file = await own.open('modules/base.sep', text);
    const found = await own.ask<Location[]>('textDocument/references', file, at('open', 0, text), {
      context: { includeDeclaration: true },
    });
    expect(found.map((each) => each.uri).sort()).toEqual([file, own.uri('p.sep')].sort());
    expect(
      found.map((each) => lineAt(each.uri === file ? text : 'x\nx\nx\nlet closed = not b.open', each)),
    ).toEqual(['open', 'open']);
    const edit = await own.ask<WorkspaceEdit>('textDocument/rename', file, at('open', 0, text), {
      newName: 'public',
    });
    expect(Object.keys(edit.changes ?? {}).sort()).toEqual([file, own.uri('p.sep')].sort());
  });
});

describe('rename', () => {
  it('changes every place, and none of another meaning', async () => {
    expect(await renamed('editors -> fs', 1, 'writers')).toBe(POLICY.replaceAll('editors', 'writers'));
    expect(await renamed('let eu', 4, 'europe')).toBe(
      POLICY.replace('let eu', 'let europe').replace('{ eu and', '{ europe and'),
    );
    expect(await renamed('under root', 7, 'folder')).toBe(
      POLICY.replace('(root:', '(folder:').replace('under root', 'under folder'),
    );
    expect(await renamed('by legal.use', 10, 'read_legal')).toBe(
      POLICY.replace('allow use', 'allow read_legal').replace('legal.use', 'legal.read_legal'),
    );
    expect(await renamed('x == "y"', 0, 'each')).toBe(POLICY.replace('x => x == "y"', 'each => each == "y"'));
  });

  it('keeps what credentials carry', async () => {
    const text = await renamed('roles [lead]', 8, 'head');
    expect(text).toContain('role head = "lead", ops');
    expect(text).toContain('role:head -> writing');
    expect(text).toContain('roles [head]');
  });

  it.each([
    ['editors -> fs', 1, 'read', /taken/],
    ['let eu', 4, 'us', /^sep 1/],
    ['region == eu', 1, 'eu', /taken/],
    ['p under', 0, 'eu', /^sep 1/],
    ['legal = bounded', 0, 'office', /taken/],
    ['editors -> fs', 1, 'when', /word of the language/],
    ['let inside', 5, 'size', /function of the language/],
    ['editors -> fs', 1, '9lives', /letters, digits/],
    ['editors -> fs', 1, 'a b', /letters, digits/],
  ])('of %s (%i) to %s', async (words, by, to, said) => {
    expect(await renamed(words, by, to)).toMatch(said);
  });

  it('is offered for names alone', async () => {
    expect(await e.ask('textDocument/prepareRename', uri, at('p under "/data"', 4))).toBe(null);
    expect(await e.ask('textDocument/prepareRename', uri, at('editors -> fs', 1))).toMatchObject({
      placeholder: 'editors',
    });
  });
});

describe('completion', () => {
  let version = 1;
  /** The labels offered at the `|` behind the policy. */
  const offered = async (more: string): Promise<readonly string[]> => {
    const { text, position } = marked(POLICY + more);
    await e.change(uri, ++version, text);
    const items = await e.ask<CompletionItem[]>('textDocument/completion', uri, position);
    return items.map(({ label }) => label);
  };

  it.each<[string, readonly string[], readonly string[]]>([
    ['\n|', ['allow', 'deny', 'test', 'schedule'], ['when', 'sep']],
    ['\nallow x: |', ['any', 'agent:', 'editors', 'role'], ['writing', 'read', 'when']],
    ['\nallow x: role:|', ['lead', 'ops'], ['editors']],
    ['\nallow x: any -> |', ['fs/read_file', 'fs/*', 'writing', 'resource', 'sampling'], ['editors', 'read']],
    ['\nallow x: any -> fs/re|', ['fs/read_file'], ['when']],
    ['\nallow x: any -> fs/read_file |', ['when', 'unless', 'because', 'on', 'shadow'], ['deny']],
    ['\ndeny x: any -> fs/read_file on |', ['call', 'list', 'result'], ['when']],
    ['\nallow x: any -> fs/read_file when { args.|', ['path'], ['content', 'read']],
    ['\nallow x: any -> fs/* when { args.|', ['path', 'content', 'mode'], ['env']],
    [
      '\nallow x: any -> fs/read_file when { |',
      ['args', 'principal', 'region', 'inside', 'has', 'not', 'writes'],
      ['fs/read_file', 'office'],
    ],
    ['\nallow x: any -> fs/read_file when { args.path |', ['under', 'starts with', 'in', 'and'], ['when']],
    ['\nallow x: any -> ci/* when { args.env == |', ['staging', 'production'], []],
    ['\nallow x: any -> ci/* when { args.env in ["staging", "|', ['staging', 'production'], ['args']],
    ['\nallow x: any -> ci/* when { region == |', ['eu', 'us'], []],
    ['\nallow x: any -> ci/* when { now within |', ['office'], ['region']],
    ['\nallow x: any -> ci/* when { principal in |', ['editors', 'region'], ['office']],
    ['\nallow x: any -> ci/* when { principal.|', ['id'], ['args']],
    ['\nallow x: any -> ci/* when { tool.hints.|', ['readOnly', 'destructive'], ['id']],
    ['\nallow x: any -> ci/* when { writes.|', ['exhausted'], ['id']],
    ['\nallow x: any -> ci/* when { principal has role |', ['lead', 'ops'], ['editors']],
    ['\nreview x: any -> ci/* by |', ['role', 'self'], ['lead']],
    ['\nreview x: any -> ci/* by role:l|', ['lead'], ['allow']],
    ['\nlimit y: 2 per 1h by |', ['principal', 'user', 'session', 'all'], ['lead']],
    ['\nfact f: |', ['bool', 'enum', 'path'], ['allow']],
    ['\nfact f: bool from |', ['claim', 'config', 'http'], ['bool']],
    ['\nschedule s in "Europe/|', ['Europe/Paris', 'Europe/Rome'], ['allow']],
    ['\nredact r: any -> fs/* on result mask |', ['secrets', 'pii'], ['lead']],
    ['\ninstance i = |', ['bounded'], ['legal']],
    ['\ntools "|', ['sepal.lock'], []],
    ['\nprove never |', ['allow', 'deny', 'review'], ['args']],
    ['\nlet f(a: int, b: int) = |', ['a', 'b', 'region'], ['editors']],
    ['\nlet g = all(args.list, each => |', ['each'], []],
    ['\ndecide d on fs/* { case |', ['args', 'principal'], ['case']],
    ['\ndecide d on fs/* { case true => |', ['allow', 'deny'], ['args']],
    ['\ntest "x" {\n  as agent:ed with |', ['region', 'roles', 'result'], ['args']],
    ['\ntest "x" {\n  as agent:ed\n  |', ['fs/read_file', 'as'], ['allow']],
    ['\ntest "x" {\n  as agent:ed\n  fs/write_file { path: "x", |', ['content', 'mode'], ['path']],
    ['\ntest "x" {\n  as agent:ed\n  ci/deploy_web { env: "|', ['staging', 'production'], []],
    [
      '\ntest "x" {\n  as agent:ed\n  fs/read_file { path: "x" } => deny by |',
      ['default', 'big', 'legal.use'],
      ['region'],
    ],
    ['\ntemplate t(r: path) {\n  allow q: any -> fs/read_file when { args.path under |', ['r', 'region'], []],
    ['\n// allow |', [], ['any', 'allow']],
    ['\ndeny broken: any -> when { }\nallow x: |', ['any', 'editors'], []],
  ])('at %j', async (more, wanted, unwanted) => {
    const labels = await offered(more);
    expect(labels).toEqual(expect.arrayContaining([...wanted]));
    expect(labels.filter((label) => unwanted.includes(label))).toEqual([]);
  });

  it('says what a tool is, once one is looked at', async () => {
    const { text, position } = marked(`${POLICY}\nallow x: any -> fs/wri|`);
    await e.change(uri, ++version, text);
    const items = await e.ask<CompletionItem[]>('textDocument/completion', uri, position);
    const item = items.find(({ label }) => label === 'fs/write_file');
    expect(item?.detail).not.toMatch(/\u202e/);
    const whole = await e.connection.sendRequest('completionItem/resolve', item);
    expect(JSON.stringify(whole)).toContain('one of `append`, `replace`');
    // The word that is written so far is replaced.
    expect(applied(text, [item?.textEdit as TextEdit])).toContain('-> fs/write_file');
  });
});

describe('the whole file', () => {
  const request = async <R>(method: string, file = uri, more: object = {}): Promise<R> =>
    await e.connection.sendRequest(method, { textDocument: { uri: file }, ...more });

  beforeAll(async () => {
    await e.change(uri, 1_000, POLICY);
  });

  it('is formatted as the command does, and left alone where it has errors', async () => {
    const untidy = POLICY.replace('allow read: editors', 'allow   read :editors');
    const file = await e.open('untidy.sep', untidy);
    const options = { tabSize: 8, insertSpaces: false };
    const edits = await request<TextEdit[]>('textDocument/formatting', file, { options });
    expect(applied(untidy, edits)).toBe(POLICY);
    expect(await request('textDocument/formatting', uri, { options })).toEqual([]);
    await e.change(file, 2, `${untidy}\nallow`);
    expect(await request('textDocument/formatting', file, { options })).toEqual([]);
  });

  it('has an outline and folds', async () => {
    const symbols = await request<{ name: string; children: unknown[] }[]>('textDocument/documentSymbol');
    expect(symbols.map(({ name }) => name)).toEqual([
      'sepal.lock',
      'lead, ops',
      'editors',
      'writing',
      'region',
      'office',
      'writes',
      'inside',
      'eu',
      'read',
      'write',
      'big',
      'bounded',
      'legal',
      'reads',
    ]);
    expect(symbols.find(({ name }) => name === 'bounded')?.children).toMatchObject([{ name: 'use' }]);
    const folds = await request<{ startLine: number }[]>('textDocument/foldingRange');
    expect(folds.map(({ startLine }) => POLICY.split('\n')[startLine])).toEqual([
      'schedule office in "Europe/Paris" {',
      'template bounded(root: path) {',
      'test "reads" {',
    ]);
  });

  it('is coloured by what its words mean', async () => {
    const { data } = await request<{ data: number[] }>('textDocument/semanticTokens/full');
    const legend = e.initialized?.capabilities.semanticTokensProvider?.legend.tokenTypes ?? [];
    const words = new Map<string, string>();
    let [line, character] = [0, 0];
    for (let i = 0; i < data.length; i += 5) {
      const [lines = 0, characters = 0, length = 0, type = 0, modifiers = 0] = data.slice(i, i + 5);
      character = lines === 0 ? character + characters : characters;
      line += lines;
      const word = (POLICY.split('\n')[line] ?? '').slice(character, character + length);
      words.set(`${word}${modifiers === 1 ? '!' : ''}`, legend[type] ?? '');
    }
    expect(Object.fromEntries(words)).toMatchObject({
      allow: 'keyword',
      under: 'keyword',
      'editors!': 'class',
      editors: 'class',
      lead: 'class',
      'read!': 'variable',
      'fs/read_file': 'method',
      'agent:*': 'class',
      '"/data"': 'string',
      region: 'variable',
      inside: 'function',
      'p!': 'parameter',
      p: 'parameter',
      '// Those who write.': 'comment',
      '09:00': 'number',
      path: 'property',
    });
    const range = { start: { line: 3, character: 0 }, end: { line: 4, character: 0 } };
    const part = await request<{ data: number[] }>('textDocument/semanticTokens/range', uri, { range });
    expect(part.data.slice(0, 5)).toEqual([3, 0, 4, legend.indexOf('keyword'), 0]);
    expect(part.data.length).toBeLessThan(data.length / 3);
  });

  it('has a lens that runs a test, whose failures are diagnostics until the text changes', async () => {
    const failing = POLICY.replace('=> allow by legal.use', '=> deny');
    const file = await e.open('failing.sep', failing);
    const [lens] = await request<{ command: { command: string; arguments: unknown[] } }[]>(
      'textDocument/codeLens',
      file,
    );
    expect(lens?.command).toMatchObject({ command: 'sepal.runTest', arguments: [file, 'reads'] });
    const run = async (): Promise<unknown> =>
      await e.connection.sendRequest('workspace/executeCommand', lens?.command);
    expect(await run()).toEqual({ passed: 0, failed: 1, errors: 0 });
    expect(e.messages.at(-1)).toBe('test "reads": 1 failed, 0 passed');
    const found = await e.findings(file, 1, (all) => all.some((d) => d.source === 'sepal test'));
    const failure = found.find((d) => d.source === 'sepal test');
    expect(failure?.message).toContain('expected deny, got allow');
    expect(failing.split('\n')[failure?.range.start.line ?? 0]).toContain('=> deny');
    await e.change(file, 2, POLICY);
    expect(await e.findings(file, 2)).toEqual([]);
    expect(await run()).toEqual({ passed: 1, failed: 0, errors: 0 });
    expect(e.messages.at(-1)).toBe('test "reads": passed');
    await e.change(file, 3, `${POLICY}\ndeny x: nobody -> fs/*\n`);
    expect(await run()).toMatchObject({ errors: 1 });
  });
});
