// SPDX-License-Identifier: Apache-2.0
/** `sepal lsp`: the language server over stdio, from the protocol to answers.ts and checking.ts. */
import { unwatchFile, watchFile } from 'node:fs';
import {
  CodeActionKind,
  type Connection,
  createConnection,
  DidChangeWatchedFilesNotification,
  type InitializeParams,
  type InitializeResult,
  MessageType,
  ProposedFeatures,
  ShowMessageNotification,
  TextDocuments,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { version } from '../../cli/install.js';
import { Answers, RUN_TEST } from './answers.js';
import { Background } from './background.js';
import { Checking, type Opened } from './checking.js';
import { Places } from './convert.js';
import { OpenPolicy } from './policy.js';
import { Readings } from './reading.js';
import { TOKEN_MODIFIERS, TOKEN_TYPES } from './semantic.js';
import { pathOf, World } from './world.js';

/** Serves until the client ends it; the process then ends as the protocol says. */
export function serve(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): void {
  new Server(createConnection(ProposedFeatures.all, input, output)).listen();
}

const POLL_MS = 2_000;

class Server {
  private readonly connection: Connection;
  private readonly documents = new TextDocuments(TextDocument);
  private readonly opened = new Map<string, Opened>();
  private readonly world = new World();
  private readonly places = new Places(this.world);
  private readonly background = new Background();
  private readonly answers: Answers;
  private readonly checking: Checking;
  /** Files that are looked at from time to time, where the editor does not watch them. */
  private readonly watched = new Set<string>();
  private watches = false;

  constructor(connection: Connection) {
    this.connection = connection;
    const { world, places, background, opened } = this;
    const readings = new Readings(world, (path) => this.byPath(path)?.policy);
    this.answers = new Answers(world, readings, places);
    this.checking = new Checking({ connection, world, places, background, opened });
  }

  listen(): void {
    const { connection, documents } = this;
    connection.onInitialize((params) => this.initialize(params));
    connection.onInitialized(() => this.watch());
    connection.onDidChangeWatchedFiles(() => this.checking.all());
    this.listenToDocuments();
    this.answerQuestions();
    this.answerCommands();
    documents.listen(connection);
    connection.listen();
  }

  private byPath(path: string): Opened | undefined {
    return [...this.opened.values()].find(({ policy }) => policy.path === path);
  }

  private initialize({ capabilities, workspaceFolders, rootUri }: InitializeParams): InitializeResult {
    const uris = workspaceFolders?.map(({ uri }) => uri) ?? (typeof rootUri === 'string' ? [rootUri] : []);
    this.answers.folders = uris.flatMap((uri) => pathOf(uri) ?? []);
    this.answers.markup = capabilities.textDocument?.hover?.contentFormat?.includes('markdown') ?? true;
    this.watches = capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    return {
      serverInfo: { name: 'sepal', version: version() },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        documentHighlightProvider: true,
        renameProvider: { prepareProvider: true },
        completionProvider: { triggerCharacters: ['.', '/', ':', '"'], resolveProvider: true },
        documentFormattingProvider: true,
        documentSymbolProvider: true,
        foldingRangeProvider: true,
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.SourceFixAll] },
        codeLensProvider: { resolveProvider: false },
        executeCommandProvider: { commands: [RUN_TEST] },
        semanticTokensProvider: {
          legend: { tokenTypes: [...TOKEN_TYPES], tokenModifiers: [...TOKEN_MODIFIERS] },
          full: true,
          range: true,
        },
      },
    };
  }

  private watch(): void {
    if (!this.watches) return;
    const watchers = ['**/*.lock', '**/*.sep', '**/sepal.json'].map((globPattern) => ({ globPattern }));
    void this.connection.client.register(DidChangeWatchedFilesNotification.type, { watchers });
  }

  private listenToDocuments(): void {
    this.documents.onDidOpen(({ document }) => this.open(document));
    this.documents.onDidChangeContent(({ document }) => {
      const opened = this.opened.get(document.uri);
      if (opened === undefined) return;
      opened.policy.update(document.getText());
      opened.version = document.version;
      this.checking.soon(document.uri);
    });
    this.documents.onDidClose(({ document }) => {
      const opened = this.opened.get(document.uri);
      if (opened === undefined) return;
      this.opened.delete(document.uri);
      this.world.close(opened.policy.path);
      this.places.forget(opened.policy.path);
      this.checking.close(document.uri);
    });
  }

  private open(document: TextDocument): void {
    const { uri } = document;
    const path = pathOf(uri) ?? uri;
    const policy = new OpenPolicy(path, document.getText(), this.world);
    this.opened.set(uri, { uri, policy, version: document.version });
    this.poll(policy);
    this.checking.soon(uri);
  }

  /** Where the editor watches no files, the lock is looked at from time to time. */
  private poll({ path, text, cells }: OpenPolicy): void {
    if (this.watches) return;
    const tools = cells.parsed.file.statements.find((s) => s.kind === 'tools');
    const lock = tools === undefined ? null : this.world.input(path, text).readLock(tools.path.value);
    if (lock === null || this.watched.has(lock.path)) return;
    this.watched.add(lock.path);
    watchFile(lock.path, { interval: POLL_MS, persistent: false }, () => {
      if (this.opened.size > 0) this.checking.all();
      else if (this.watched.delete(lock.path)) unwatchFile(lock.path);
    });
  }

  /** Documents that are not open are asked about in vain. */
  private asked<R>(uri: string, nothing: R, answer: (opened: Opened) => R): R {
    const opened = this.opened.get(uri);
    return opened === undefined ? nothing : answer(opened);
  }

  private answerQuestions(): void {
    const { connection, answers } = this;
    const at = <R>(
      {
        textDocument,
        position,
      }: {
        readonly textDocument: { readonly uri: string };
        readonly position: { line: number; character: number };
      },
      nothing: R,
      answer: (opened: Opened, position: { line: number; character: number }) => R,
    ): R => this.asked(textDocument.uri, nothing, (opened) => answer(opened, position));
    connection.onHover((params) => at(params, null, (o, p) => answers.hover(o, p)));
    connection.onDefinition((params) => at(params, null, (o, p) => copied(answers.definition(o, p))));
    connection.onReferences((params) =>
      at(params, [], (o, p) => [...answers.references(o, p, params.context.includeDeclaration)]),
    );
    connection.onDocumentHighlight((params) => at(params, [], (o, p) => [...answers.highlights(o, p)]));
    connection.onPrepareRename((params) => at(params, null, (o, p) => answers.prepareRename(o, p)));
    connection.onRenameRequest((params) => at(params, null, (o, p) => answers.rename(o, p, params.newName)));
    connection.onCompletion((params) => at(params, [], (o, p) => [...answers.completion(o, p)]));
    connection.onCompletionResolve((item) => {
      const uri: unknown = (item.data as { readonly uri?: unknown } | undefined)?.uri;
      return answers.resolve(item, this.opened.get(String(uri)));
    });
    this.answerAboutFiles();
  }

  private answerAboutFiles(): void {
    const { connection, answers, checking } = this;
    connection.onDocumentFormatting(({ textDocument: { uri } }) =>
      this.asked(uri, [], (o) => [...answers.formatting(o)]),
    );
    connection.onDocumentSymbol(({ textDocument: { uri } }) =>
      this.asked(uri, [], (o) => [...answers.symbols(o)]),
    );
    connection.onFoldingRanges(({ textDocument: { uri } }) =>
      this.asked(uri, [], (o) => [...answers.folding(o)]),
    );
    connection.onCodeLens(({ textDocument: { uri } }) => this.asked(uri, [], (o) => [...answers.lenses(o)]));
    connection.onCodeAction(({ textDocument: { uri }, range, context }) =>
      this.asked(uri, [], (o) => [...answers.actions(o, range, checking.findings(o), context.only ?? [])]),
    );
    connection.languages.semanticTokens.on(({ textDocument: { uri } }) =>
      this.asked(uri, { data: [] }, (o) => answers.semantic(o, null)),
    );
    connection.languages.semanticTokens.onRange(({ textDocument: { uri }, range }) =>
      this.asked(uri, { data: [] }, (o) => answers.semantic(o, range)),
    );
  }

  private answerCommands(): void {
    this.connection.onExecuteCommand(async ({ command, arguments: given }) => {
      const [uri, title] = (given ?? []) as readonly unknown[];
      const opened = typeof uri === 'string' ? this.opened.get(uri) : undefined;
      if (command !== RUN_TEST || opened === undefined) return null;
      return await this.runTests(opened, typeof title === 'string' ? title : null);
    });
  }

  /** The result as a message, failures as diagnostics, and both as the answer. */
  private async runTests(opened: Opened, title: string | null): Promise<object | null> {
    const { version: asked, policy } = opened;
    const job = { kind: 'test' as const, path: policy.path, edited: this.world.edited, title };
    const answer = await this.background.run(job).catch((error: unknown) => {
      this.show(
        MessageType.Error,
        `the tests could not be run: ${error instanceof Error ? error.message : 'unknown'}`,
      );
      return null;
    });
    if (answer?.kind === 'errors') {
      this.show(
        MessageType.Error,
        `the policy has ${answer.count === 1 ? '1 error' : `${answer.count} errors`}: tests run without`,
      );
      return { passed: 0, failed: 0, errors: answer.count };
    }
    if (answer?.kind !== 'tested') return null;
    const { passed, failed, tests } = answer.report;
    if (opened.version === asked) this.checking.tested(opened, answer.report);
    const what = title === null ? `${tests.length} tests` : `test "${title}"`;
    if (failed > 0) this.show(MessageType.Error, `${what}: ${failed} failed, ${passed} passed`);
    else this.show(MessageType.Info, `${what}: passed`);
    return { passed, failed, errors: 0 };
  }

  private show(type: MessageType, message: string): void {
    void this.connection.sendNotification(ShowMessageNotification.type, { type, message });
  }
}

const copied = <T>(value: T | readonly T[] | null): T | T[] | null =>
  Array.isArray(value) ? [...(value as readonly T[])] : (value as T | null);
