// SPDX-License-Identifier: Apache-2.0
/** Starts `sepal lsp`, keeps it told of every open policy, and starts it again when it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import {
  createProtocolConnection,
  type InitializeResult,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { diagnostic } from './convert.js';

const WATCHED = ['**/*.lock', '**/*.sep', '**/sepal.json'];
/** A server that ends more often than this in a minute stays ended. */
const MAX_STARTS = 4;
const MINUTE_MS = 60_000;

export class Client {
  private readonly diagnostics = vscode.languages.createDiagnosticCollection('sepal');
  private readonly starts: number[] = [];
  private child: ChildProcess | null = null;
  private connection: ProtocolConnection | null = null;
  private stopping = false;

  /** What the server can do; null when it does not start. */
  async start(): Promise<InitializeResult['capabilities'] | null> {
    this.stopping = false;
    this.starts.push(Date.now());
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const [command = 'sepal', ...args] = commandOf(folder);
    // On Windows a command on the path is a script, which only a shell starts; nothing of a policy stands in it.
    const shell = process.platform === 'win32';
    const child = spawn(command, [...args, 'lsp', '--stdio'], { cwd: folder, shell, stdio: 'pipe' });
    this.child = child;
    child.once(
      'error',
      (error) => void vscode.window.showErrorMessage(`sepal does not start: ${error.message}`),
    );
    child.once('exit', () => this.ended(child));
    child.stdin.on('error', () => undefined);
    const connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    this.connection = connection;
    this.listen(connection);
    try {
      return await this.initialize(connection);
    } catch (error) {
      if (!this.stopping) void vscode.window.showErrorMessage(`sepal does not answer: ${String(error)}`);
      return null;
    }
  }

  private listen(connection: ProtocolConnection): void {
    connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) =>
      this.diagnostics.set(vscode.Uri.parse(params.uri), params.diagnostics.map(diagnostic)),
    );
    connection.onNotification(
      'window/showMessage',
      ({ type, message }: { type: number; message: string }) => {
        if (type === 1) void vscode.window.showErrorMessage(message);
        else void vscode.window.showInformationMessage(message);
      },
    );
    // The files are watched in any case (`watch`).
    connection.onRequest('client/registerCapability', () => undefined);
    connection.onError(() => undefined);
    connection.listen();
  }

  private async initialize(connection: ProtocolConnection): Promise<InitializeResult['capabilities']> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const { capabilities } = await connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      clientInfo: { name: 'vscode' },
      rootUri: folders[0]?.uri.toString() ?? null,
      workspaceFolders: folders.map(({ uri, name }) => ({ uri: uri.toString(), name })),
      capabilities: {
        textDocument: { hover: { contentFormat: ['markdown'] } },
        workspace: { didChangeWatchedFiles: { dynamicRegistration: true } },
      },
    });
    await connection.sendNotification('initialized', {});
    for (const document of vscode.workspace.textDocuments) this.opened(document);
    return capabilities;
  }

  private ended(child: ChildProcess): void {
    if (this.child !== child) return;
    this.connection?.dispose();
    this.connection = null;
    this.diagnostics.clear();
    const recent = this.starts.filter((at) => at > Date.now() - MINUTE_MS).length;
    if (this.stopping) return;
    if (recent < MAX_STARTS) void this.start();
    else
      void vscode.window.showErrorMessage(
        'sepal ended again and again; run "Sepal: Restart" to try once more',
      );
  }

  /** Null while there is no server. */
  async ask<R>(method: string, params: object): Promise<R | null> {
    return this.connection === null ? null : await this.connection.sendRequest<R>(method, params);
  }

  private tell(method: string, params: object): void {
    void this.connection?.sendNotification(method, params);
  }

  opened(document: vscode.TextDocument): void {
    if (document.languageId !== 'sep') return;
    const { languageId, version, uri } = document;
    const textDocument = { uri: uri.toString(), languageId, version, text: document.getText() };
    this.tell('textDocument/didOpen', { textDocument });
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (document.languageId !== 'sep' || contentChanges.length === 0) return;
    const textDocument = { uri: document.uri.toString(), version: document.version };
    const changes = contentChanges.map(({ range: { start, end }, text }) => ({
      range: {
        start: { line: start.line, character: start.character },
        end: { line: end.line, character: end.character },
      },
      text,
    }));
    this.tell('textDocument/didChange', { textDocument, contentChanges: changes });
  }

  private closed(document: vscode.TextDocument): void {
    if (document.languageId !== 'sep') return;
    this.tell('textDocument/didClose', { textDocument: { uri: document.uri.toString() } });
  }

  /** Follows documents and files until disposed of. */
  follow(): vscode.Disposable[] {
    const { workspace } = vscode;
    const watchers = WATCHED.map((glob) => workspace.createFileSystemWatcher(glob));
    const tell = (uri: vscode.Uri, type: number): void =>
      this.tell('workspace/didChangeWatchedFiles', { changes: [{ uri: uri.toString(), type }] });
    return [
      this.diagnostics,
      workspace.onDidOpenTextDocument((document) => this.opened(document)),
      workspace.onDidChangeTextDocument((event) => this.changed(event)),
      workspace.onDidCloseTextDocument((document) => this.closed(document)),
      ...watchers,
      ...watchers.flatMap((watcher) => [
        watcher.onDidCreate((uri) => tell(uri, 1)),
        watcher.onDidChange((uri) => tell(uri, 2)),
        watcher.onDidDelete((uri) => tell(uri, 3)),
      ]),
    ];
  }

  /** Ends the server as the protocol says. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { connection, child } = this;
    if (connection === null || child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await connection.sendRequest('shutdown').catch(() => undefined);
    await connection.sendNotification('exit').catch(() => undefined);
    await ended;
  }
}

function commandOf(folder: string | undefined): readonly string[] {
  const given = vscode.workspace.getConfiguration('sepal').get('command');
  if (Array.isArray(given) && given.length > 0) return given.map(String);
  const own = folder === undefined ? '' : join(folder, 'node_modules', '.bin', 'sepal');
  return own !== '' && existsSync(own) ? [own] : ['sepal'];
}
