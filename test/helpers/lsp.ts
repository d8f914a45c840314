// SPDX-License-Identifier: Apache-2.0
// `sepal lsp` as a child, spoken to with the protocol's own client library.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  type Diagnostic,
  type InitializeResult,
  type Location,
  type Position,
  type ProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { afterAll } from 'vitest';
import { commandFile } from '../../cli/install.js';
import { folder } from './command.js';
import { lockText } from './lock.js';

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

export interface Published {
  readonly version: number | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** A text with `|` where the cursor is: the text, and the position. */
export function marked(text: string): { readonly text: string; readonly position: Position } {
  const at = text.indexOf('|');
  if (at < 0) throw new Error('the text has no | for the cursor');
  return { text: text.slice(0, at) + text.slice(at + 1), position: positionOf(text, at) };
}

export function positionOf(text: string, offset: number): Position {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
}

/** A text with the places of a range in it, for comparing. */
export const lineAt = (text: string, { range }: Location): string =>
  (text.split('\n')[range.start.line] ?? '').slice(range.start.character, range.end.character);

export class Editor {
  readonly dir: string;
  readonly child: ChildProcess;
  readonly connection: ProtocolConnection;
  /** What was published, by URI, in order. */
  readonly published = new Map<string, Published[]>();
  readonly messages: string[] = [];
  readonly registered: string[] = [];
  readonly ended: Promise<number | null>;
  initialized: InitializeResult | undefined;
  private waiting: (() => void)[] = [];

  constructor(dir: string) {
    this.dir = dir;
    this.child = spawn(process.execPath, [commandFile(), 'lsp', '--stdio'], { cwd: dir, stdio: 'pipe' });
    children.push(this.child);
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => {
        // Requests that are still open fail.
        this.connection.dispose();
        resolve(code);
      }),
    );
    const { stdin, stdout } = this.child;
    if (stdin === null || stdout === null) throw new Error('the server has no pipes');
    stdin.on('error', () => undefined);
    this.connection = createProtocolConnection(
      new StreamMessageReader(stdout),
      new StreamMessageWriter(stdin),
    );
    this.connection.onError(() => undefined);
    this.connection.onNotification('textDocument/publishDiagnostics', ({ uri, version, diagnostics }) => {
      this.published.set(uri, [...(this.published.get(uri) ?? []), { version, diagnostics }]);
      for (const wake of this.waiting.splice(0)) wake();
    });
    this.connection.onNotification('window/showMessage', ({ message }) => void this.messages.push(message));
    this.connection.onRequest('client/registerCapability', ({ registrations }) => {
      for (const { method } of registrations) this.registered.push(method);
    });
    this.connection.listen();
  }

  async initialize(watches = true): Promise<this> {
    this.initialized = await this.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(this.dir).href,
      workspaceFolders: [{ uri: pathToFileURL(this.dir).href, name: 'test' }],
      capabilities: {
        textDocument: { hover: { contentFormat: ['markdown'] } },
        workspace: { didChangeWatchedFiles: { dynamicRegistration: watches } },
      },
    });
    await this.connection.sendNotification('initialized', {});
    return this;
  }

  uri(name: string): string {
    return pathToFileURL(join(this.dir, name)).href;
  }

  async open(name: string, text: string): Promise<string> {
    const uri = this.uri(name);
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'sep', version: 1, text },
    });
    return uri;
  }

  /** Replaces the whole text. */
  async change(uri: string, version: number, text: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  /** The answer to a request about a place. */
  async ask<R>(method: string, uri: string, position: Position, more: object = {}): Promise<R> {
    return await this.connection.sendRequest(method, { textDocument: { uri }, position, ...more });
  }

  /** The first findings of this version that hold. */
  async findings(
    uri: string,
    version: number,
    holds: (diagnostics: readonly Diagnostic[]) => boolean = () => true,
  ): Promise<readonly Diagnostic[]> {
    const late = Date.now() + 20_000;
    for (;;) {
      const found = this.published.get(uri)?.find((p) => p.version === version && holds(p.diagnostics));
      if (found !== undefined) return found.diagnostics;
      if (Date.now() > late) throw new Error(`not published: ${JSON.stringify(this.published.get(uri))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

/** An editor with a folder of files. */
export async function editor(
  files: { readonly [name: string]: string } = {},
  watches = true,
): Promise<Editor> {
  const dir = folder();
  for (const [name, text] of Object.entries({ 'sepal.lock': LOCK, ...files })) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return await new Editor(dir).initialize(watches);
}

const string = { type: 'string' };
export const TOOLS = {
  fs: [
    {
      name: 'read_file',
      description: 'Reads a file.',
      inputSchema: {
        type: 'object',
        properties: { path: { ...string, description: 'Where it is' } },
        required: ['path'],
      },
      annotations: { readOnlyHint: true },
    },
    {
      name: 'write_file',
      description: 'Writes <img src=x onerror=alert(1)> [click](http://evil.example) \u202e`rm`',
      inputSchema: {
        type: 'object',
        properties: { path: string, content: string, mode: { enum: ['append', 'replace'] } },
        required: ['path', 'content'],
      },
    },
  ],
  ci: [
    {
      name: 'deploy_web',
      inputSchema: {
        type: 'object',
        properties: { env: { enum: ['staging', 'production'] } },
        required: ['env'],
      },
    },
  ],
};
const LOCK = lockText(TOOLS);
