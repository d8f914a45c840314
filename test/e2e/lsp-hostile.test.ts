// SPDX-License-Identifier: Apache-2.0
// What no good editor sends `sepal lsp`, and what hurried authors do: it answers or refuses, and never stays behind.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Editor, editor, positionOf } from '../helpers/lsp.js';
import { folder } from '../helpers/command.js';

const RULE = 'allow read: agent:* -> fs/read_file when { args.path under "/data" }\n';
const HEAD = 'sep 1\npolicy a.b 1.0.0\ntools "sepal.lock"\n';
const ABOUT_FILES = [
  'textDocument/documentSymbol',
  'textDocument/foldingRange',
  'textDocument/codeLens',
  'textDocument/semanticTokens/full',
];
const ABOUT_PLACES = [
  'textDocument/hover',
  'textDocument/definition',
  'textDocument/documentHighlight',
  'textDocument/prepareRename',
  'textDocument/completion',
];

/** Asks everything at some places of a document; no answer may be an error. */
async function askEverything(e: Editor, uri: string, text: string, steps = 12): Promise<void> {
  for (const method of ABOUT_FILES) await e.connection.sendRequest(method, { textDocument: { uri } });
  for (let i = 0; i <= steps; i++) {
    const position = positionOf(text, Math.floor((text.length * i) / steps));
    for (const method of ABOUT_PLACES) await e.ask(method, uri, position);
    await e.ask('textDocument/references', uri, position, { context: { includeDeclaration: true } });
  }
}

/** The server is there still, and right. */
async function stillRight(e: Editor): Promise<void> {
  const uri = await e.open(`right-${Math.random()}.sep`, HEAD + RULE);
  expect(await e.findings(uri, 1)).toEqual([]);
  expect(JSON.stringify(await e.ask('textDocument/hover', uri, { line: 3, character: 25 }))).toContain(
    'fs/read_file',
  );
}

describe('texts', () => {
  let shared: Promise<Editor> | undefined;

  it.each<[string, string]>([
    ['nothing', ''],
    ['no policy', '\u0000\u0001\u0002'.repeat(100)],
    ['half characters', `${HEAD}allow \ud800x: any -> fs/\udfff when { "\ud83d" }\n${RULE}`],
    ['characters of two halves', `${HEAD}// ${'😀'.repeat(50)}\ndeny "😀": any -> fs/"😀"\n${RULE}`],
    ['lines that end in every way', `sep 1\rpolicy a 1.0.0\r\n${RULE}\u2028${RULE}`],
    ['open braces', HEAD + 'template t(x: int) {\n'.repeat(300)],
    ['nested conditions', `${HEAD}let x = ${'('.repeat(5_000)}1${')'.repeat(5_000)}\n`],
    ['one long line', `${HEAD}let x = ${'a.'.repeat(20_000)}b\n`],
    ['one long word', `${HEAD}allow ${'x'.repeat(300_000)}`],
    ['an open string', `${HEAD}tools "${'a'.repeat(100_000)}`],
    [
      'names of objects',
      `${HEAD}let __proto__ = true\nrole constructor\nlet toString = hasOwnProperty\n${RULE}`,
    ],
    ['a name in itself', `${HEAD}let a = b\nlet b = a\nprincipals p = p\nimport a.b\n${RULE}`],
  ])('of %s are answered', async (what, text) => {
    shared ??= editor();
    const e = await shared;
    const uri = await e.open(`${what}.sep`, text);
    await e.findings(uri, 1);
    await askEverything(e, uri, text, 6);
    await stillRight(e);
    await e.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  });

  it('that are larger than any policy are refused, and cost no more than that', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', HEAD + RULE.repeat(80_000));
    expect((await e.findings(uri, 1)).map((d) => d.code)).toEqual(['SEP1009']);
    await askEverything(e, uri, HEAD, 2);
    await stillRight(e);
  });

  it('of other files are never trusted', async () => {
    const e = await editor({
      'sepal.json': '{"policy":',
      'base.sep': '\ud800{{{',
      'sepal.lock': '{"version":1',
    });
    writeFileSync(join(e.dir, 'binary.sep'), Buffer.from([0xff, 0xfe, 0x00]));
    const text = `${HEAD}import a.base\nimport a.binary\nimport a.missing\n${RULE}`;
    const uri = await e.open('p.sep', text);
    expect((await e.findings(uri, 1)).map((d) => d.code)).toContain('SEP2010');
    await askEverything(e, uri, text);
  });
});

describe('requests', () => {
  it('about closed and unknown documents are answered with nothing', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', HEAD + RULE);
    await e.findings(uri, 1);
    await e.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
    await e.change(uri, 2, 'x');
    const position = { line: 3, character: 10 };
    for (const each of [uri, e.uri('never.sep'), 'untitled:Untitled-1', 'nonsense', 'file://%zz']) {
      for (const method of ABOUT_PLACES.slice(0, 2)) expect(await e.ask(method, each, position)).toBe(null);
      expect(await e.ask('textDocument/completion', each, position)).toEqual([]);
      expect(await e.ask('textDocument/rename', each, position, { newName: 'x' })).toBe(null);
      const command = { command: 'sepal.runTest', arguments: [each] };
      expect(await e.connection.sendRequest('workspace/executeCommand', command)).toBe(null);
    }
    // What was said of it is taken back.
    expect(e.published.get(uri)?.at(-1)?.diagnostics).toEqual([]);
    await stillRight(e);
  });

  it('about places that there are not are answered', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', HEAD + RULE);
    for (const position of [
      { line: 99_999, character: 0 },
      { line: 3, character: 99_999 },
      { line: 0, character: 0 },
    ])
      for (const method of ABOUT_PLACES) await e.ask(method, uri, position);
    await stillRight(e);
  });

  it('that make no sense are refused, and what follows is answered', async () => {
    const e = await editor();
    await expect(e.connection.sendRequest('textDocument/nonsense', {})).rejects.toThrow();
    await expect(e.connection.sendRequest('textDocument/hover', { textDocument: null })).rejects.toThrow();
    expect(
      await e.connection.sendRequest('workspace/executeCommand', { command: 'rm', arguments: [{}, []] }),
    ).toBe(null);
    await stillRight(e);
  });

  it('for a document that was never saved read nothing around it', async () => {
    const e = await editor();
    const uri = 'untitled:Untitled-1';
    await e.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'sep', version: 1, text: HEAD + RULE },
    });
    expect((await e.findings(uri, 1)).map((d) => d.code)).toContain('SEP2010');
    await askEverything(e, uri, HEAD + RULE);
  });
});

describe('edits', () => {
  it('that come faster than checks are one: the last text is spoken of, and no older one after it', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', HEAD);
    const rule = RULE.replace('read:', 'extra:').trim();
    for (let i = 1; i <= rule.length; i++) void e.change(uri, i + 1, `${HEAD}${rule.slice(0, i)}`);
    expect(await e.findings(uri, rule.length + 1)).toEqual([]);
    const versions = e.published.get(uri)?.map(({ version }) => version ?? 0) ?? [];
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(versions.length).toBeLessThan(rule.length / 2);
  });

  it('by ranges are made as the editor made them', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', `${HEAD}// 😀 é\r\n${RULE}`);
    const change = async (
      version: number,
      line: number,
      from: number,
      to: number,
      text: string,
    ): Promise<void> =>
      await e.connection.sendNotification('textDocument/didChange', {
        textDocument: { uri, version },
        contentChanges: [{ range: { start: { line, character: from }, end: { line, character: to } }, text }],
      });
    await change(2, 3, 3, 5, '');
    await change(3, 4, 6, 10, 'write');
    await change(4, 4, 24, 36, 'fs/write_file');
    expect((await e.findings(uri, 4)).map((d) => d.code)).toEqual([]);
    const symbols = await e.connection.sendRequest('textDocument/documentSymbol', { textDocument: { uri } });
    expect(JSON.stringify(symbols)).toContain('"write"');
  });

  it('leave a request that was given up unanswered or answered, and the rest in order', async () => {
    const e = await editor();
    const uri = await e.open('p.sep', HEAD + RULE);
    const position = { line: 3, character: 25 };
    const hovers = Array.from({ length: 50 }, () => e.ask('textDocument/hover', uri, position));
    expect(await Promise.all(hovers)).toHaveLength(50);
  });
});

describe('the end', () => {
  it('after `shutdown` is exit code 0, and requests after it are refused', async () => {
    const e = await editor();
    await e.connection.sendRequest('shutdown');
    await e.connection.sendNotification('exit');
    expect(await e.ended).toBe(0);
  });

  it('without `shutdown` is exit code 1', async () => {
    const e = await editor();
    await e.connection.sendNotification('exit');
    expect(await e.ended).toBe(1);
  });

  it('comes when the client goes away, in the middle of a check as well', async () => {
    const e = await editor();
    const uri = await e.open(
      'p.sep',
      HEAD + RULE.repeat(50).replaceAll(/read:/g, () => `r${Math.random()}`.replace('0.', '') + ':'),
    );
    await e.findings(uri, 1);
    e.child.stdin?.end();
    expect(await e.ended).toBe(1);
  });

  it('comes with a header that is none', async () => {
    const e = new Editor(folder());
    e.child.stdin?.write('Content-Length: nonsense\r\n\r\n{}');
    e.child.stdin?.end();
    expect(await e.ended).toBe(1);
  });
});
