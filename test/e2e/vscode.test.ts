// SPDX-License-Identifier: Apache-2.0
// The VS Code extension as it ships: packed, and loaded with the API of VS Code in front of the real `sepal lsp`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { stageExtension } from '../../scripts/extension.mjs';
import { folder } from '../helpers/command.js';
import { lockText } from '../helpers/lock.js';
import { positionOf, TOOLS } from '../helpers/lsp.js';

const ROOT = join(import.meta.dirname, '../..');
const VSCE = join(ROOT, 'test/matrix/node_modules/@vscode/vsce');

/** The files of a zip archive, by its directory at the end. */
function unzip(path: string): ReadonlyMap<string, Buffer> {
  const zip = readFileSync(path);
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [size, name, extra, comment] = [20, 28, 30, 32].map((o) =>
      zip.readUIntLE(at + o, o === 20 ? 4 : 2),
    ) as [number, number, number, number];
    const local = zip.readUInt32LE(at + 42);
    const data = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(data, data + size);
    const deflated = zip.readUInt16LE(at + 10) === 8;
    files.set(zip.toString('utf8', at + 46, at + 46 + name), deflated ? inflateRawSync(bytes) : bytes);
    at += 46 + name + extra + comment;
  }
  return files;
}

it.skipIf(!existsSync(VSCE))('packs into a .vsix (skipped where test/matrix is not installed)', () => {
  const out = join(folder(), 'sepal.vsix');
  const ran = spawnSync(process.execPath, [join(ROOT, 'scripts/vsix.mjs'), out], { encoding: 'utf8' });
  expect(ran.stderr + ran.stdout).toContain(out);
  const files = unzip(out);
  const manifest = JSON.parse(files.get('extension/package.json')?.toString() ?? '') as {
    main: string;
    version: string;
    contributes: { grammars: { path: string }[]; languages: { configuration: string }[] };
    capabilities: { untrustedWorkspaces: { supported: boolean } };
  };
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(manifest.version).toBe(version);
  expect(manifest.capabilities.untrustedWorkspaces.supported).toBe(false);
  const { grammars, languages } = manifest.contributes;
  for (const path of [manifest.main, grammars[0]?.path, languages[0]?.configuration])
    expect([...files.keys()]).toContain(`extension/${path?.replace('./', '')}`);
  expect(files.get('extension/sepal.tmLanguage.json')?.toString()).toBe(
    readFileSync(join(ROOT, 'editor/grammar/sepal.tmLanguage.json'), 'utf8'),
  );
  // Nothing but what it needs, and one module from outside.
  expect([...files.keys()].some((name) => name.includes('node_modules') || name.endsWith('.ts'))).toBe(false);
  expect(files.get('extension/extension.js')?.toString()).toContain('require("vscode")');
});

interface Stub {
  readonly seen: {
    readonly providers: {
      readonly [name: string]: { readonly [method: string]: (...args: unknown[]) => unknown };
    };
    readonly commands: { readonly [name: string]: (...args: unknown[]) => Promise<unknown> };
    readonly diagnostics: ReadonlyMap<
      string,
      readonly { readonly message: string; readonly code: { readonly value: string } }[]
    >;
    readonly messages: string[];
    readonly listeners: { readonly [event: string]: ((event: unknown) => void)[] };
    documents: unknown[];
    folders: unknown[];
    command: string[];
  };
  readonly Position: new (line: number, character: number) => object;
  readonly Range: new (start: object, end: object) => object;
  readonly Uri: { parse(text: string): object };
}

async function until(holds: () => boolean): Promise<void> {
  for (let left = 200; !holds() && left > 0; left--) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(holds()).toBe(true);
}

it('starts the server, shows what it says, follows edits, and ends it', async () => {
  const dir = folder();
  await stageExtension(ROOT, dir);
  mkdirSync(join(dir, 'node_modules/vscode'), { recursive: true });
  copyFileSync(join(ROOT, 'test/helpers/vscode.cjs'), join(dir, 'node_modules/vscode/index.js'));
  writeFileSync(join(dir, 'sepal.lock'), lockText(TOOLS));
  const require = createRequire(join(dir, 'x.js'));
  const { seen, Position, Range, Uri } = require('vscode') as Stub;
  const extension = require(join(dir, 'extension.js')) as {
    activate(context: object): Promise<void>;
    deactivate(): Promise<void>;
  };
  let text =
    'sep 1\npolicy a 1.0.0\ntools "sepal.lock"\nallow read: agent:x -> fs/read_fil when { args.path under "/a" }\n';
  const name = pathToFileURL(join(dir, 'p.sep')).href;
  const uri = Uri.parse(name);
  const document = { uri, languageId: 'sep', version: 1, getText: () => text };
  seen.folders = [{ uri: Uri.parse(pathToFileURL(dir).href), name: 'x' }];
  seen.documents = [document];
  seen.command = [process.execPath, commandFile()];
  const subscriptions: object[] = [];
  await extension.activate({ subscriptions });
  const found = (): readonly { readonly code: { readonly value: string } }[] | undefined =>
    seen.diagnostics.get(name);
  await until(() => found() !== undefined);
  expect(found()?.map((d) => d.code.value)).toEqual(['SEP2005']);

  const at = (words: string): object => {
    const { line, character } = positionOf(text, text.indexOf(words) + 1);
    return new Position(line, character);
  };
  const ask = async (name: string, method: string, ...args: unknown[]): Promise<string> =>
    JSON.stringify(await seen.providers[name]?.[method]?.(...args));
  const whole = new Range(new Position(3, 0), new Position(3, 60));
  expect(await ask('CodeActions', 'provideCodeActions', document, whole, {})).toContain('fs/read_file');
  // An edit as VS Code tells it.
  const start = positionOf(text, text.indexOf('fs/read_fil') + 'fs/read_fil'.length);
  const place = new Position(start.line, start.character);
  text = text.replace('read_fil ', 'read_file ');
  document.version = 2;
  for (const tell of seen.listeners['change'] ?? [])
    tell({ document, contentChanges: [{ range: new Range(place, place), text: 'e' }] });
  await until(() => found()?.length === 0);
  expect(await ask('Hover', 'provideHover', document, at('fs/read_file'))).toContain('Reads a file');
  expect(await ask('Definition', 'provideDefinition', document, at('fs/read_file'))).toContain('range');
  expect(await ask('CompletionItem', 'provideCompletionItems', document, at('path under'))).toContain(
    '"label":"path"',
  );
  expect(await ask('Rename', 'provideRenameEdits', document, at('read:'), 'see')).toContain(
    '"newText":"see"',
  );
  expect(await ask('DocumentSymbol', 'provideDocumentSymbols', document)).toContain('"name":"read"');
  expect(await ask('DocumentSemanticTokens', 'provideDocumentSemanticTokens', document)).toContain('data');
  expect(await ask('CodeLens', 'provideCodeLenses', document)).toBe('[]');
  expect(await seen.commands['sepal.runTest']?.(name)).toMatchObject({ passed: 0, failed: 0 });
  await extension.deactivate();
  expect(seen.messages).toEqual(['0 tests: passed']);
  expect(subscriptions.length).toBeGreaterThan(10);
});
