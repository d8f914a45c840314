// SPDX-License-Identifier: Apache-2.0
// What the extension uses of the API of VS Code 1.90 (https://code.visualstudio.com/api/references/vscode-api), and no more.
declare module 'vscode' {
  export interface Disposable {
    dispose(): unknown;
  }
  export class Position {
    constructor(line: number, character: number);
    readonly line: number;
    readonly character: number;
  }
  export class Range {
    constructor(start: Position, end: Position);
    readonly start: Position;
    readonly end: Position;
  }
  export interface Uri {
    readonly scheme: string;
    readonly fsPath: string;
    toString(): string;
  }
  export const Uri: { parse(text: string): Uri };
  export class Location {
    constructor(uri: Uri, range: Range);
  }
  export interface TextDocument {
    readonly uri: Uri;
    readonly languageId: string;
    readonly version: number;
    getText(): string;
  }
  export interface TextDocumentChangeEvent {
    readonly document: TextDocument;
    readonly contentChanges: readonly { readonly range: Range; readonly text: string }[];
  }
  export class TextEdit {
    constructor(range: Range, newText: string);
  }
  export class WorkspaceEdit {
    replace(uri: Uri, range: Range, newText: string): void;
  }
  export class MarkdownString {
    constructor(value: string);
    /** Links to commands, and HTML, stay off: both are off by default. */
    isTrusted?: boolean;
    supportHtml?: boolean;
  }
  export class Hover {
    constructor(contents: MarkdownString, range?: Range);
  }
  export class DocumentHighlight {
    constructor(range: Range);
  }
  export class CompletionItem {
    constructor(label: string, kind?: number);
    detail?: string;
    documentation?: MarkdownString;
    sortText?: string;
    filterText?: string;
    insertText?: string;
    range?: Range;
  }
  export class Diagnostic {
    constructor(range: Range, message: string, severity?: number);
    source?: string;
    code?: string | { readonly value: string; readonly target: Uri };
    tags?: number[];
    relatedInformation?: DiagnosticRelatedInformation[];
  }
  export class DiagnosticRelatedInformation {
    constructor(location: Location, message: string);
  }
  export class CodeActionKind {
    static readonly QuickFix: CodeActionKind;
    static readonly SourceFixAll: CodeActionKind;
    append(part: string): CodeActionKind;
    readonly value: string;
  }
  export class CodeAction {
    constructor(title: string, kind?: CodeActionKind);
    edit?: WorkspaceEdit;
    isPreferred?: boolean;
    diagnostics?: Diagnostic[];
  }
  export class CodeLens {
    constructor(range: Range, command?: Command);
  }
  export interface Command {
    readonly title: string;
    readonly command: string;
    readonly arguments?: unknown[];
  }
  export class DocumentSymbol {
    constructor(name: string, detail: string, kind: number, range: Range, selectionRange: Range);
    children: DocumentSymbol[];
  }
  export class FoldingRange {
    constructor(start: number, end: number, kind?: number);
  }
  export class SemanticTokens {
    constructor(data: Uint32Array);
  }
  export class SemanticTokensLegend {
    constructor(tokenTypes: string[], tokenModifiers: string[]);
  }
  export interface DiagnosticCollection extends Disposable {
    set(uri: Uri, diagnostics: readonly Diagnostic[]): void;
    clear(): void;
  }
  export interface ExtensionContext {
    readonly subscriptions: Disposable[];
    readonly extension: { readonly packageJSON: { readonly version: string } };
  }
  export interface FileSystemWatcher extends Disposable {
    onDidChange(listener: (uri: Uri) => unknown): Disposable;
    onDidCreate(listener: (uri: Uri) => unknown): Disposable;
    onDidDelete(listener: (uri: Uri) => unknown): Disposable;
  }
  type Selector = { readonly language: string };
  type Given<R> = R | Promise<R | null> | null;
  type AtPosition<R> = (document: TextDocument, position: Position) => Given<R>;
  export namespace languages {
    function createDiagnosticCollection(name: string): DiagnosticCollection;
    function registerHoverProvider(of: Selector, provider: { provideHover: AtPosition<Hover> }): Disposable;
    function registerDefinitionProvider(
      of: Selector,
      provider: { provideDefinition: AtPosition<Location[]> },
    ): Disposable;
    function registerReferenceProvider(
      of: Selector,
      provider: {
        provideReferences(
          document: TextDocument,
          position: Position,
          context: { readonly includeDeclaration: boolean },
        ): Given<Location[]>;
      },
    ): Disposable;
    function registerDocumentHighlightProvider(
      of: Selector,
      provider: { provideDocumentHighlights: AtPosition<DocumentHighlight[]> },
    ): Disposable;
    function registerRenameProvider(
      of: Selector,
      provider: {
        provideRenameEdits(document: TextDocument, position: Position, newName: string): Given<WorkspaceEdit>;
        prepareRename: AtPosition<{ readonly range: Range; readonly placeholder: string }>;
      },
    ): Disposable;
    function registerCompletionItemProvider(
      of: Selector,
      provider: {
        provideCompletionItems: AtPosition<CompletionItem[]>;
        resolveCompletionItem(item: CompletionItem): Given<CompletionItem>;
      },
      ...triggers: string[]
    ): Disposable;
    function registerDocumentFormattingEditProvider(
      of: Selector,
      provider: { provideDocumentFormattingEdits(document: TextDocument): Given<TextEdit[]> },
    ): Disposable;
    function registerDocumentSymbolProvider(
      of: Selector,
      provider: { provideDocumentSymbols(document: TextDocument): Given<DocumentSymbol[]> },
    ): Disposable;
    function registerFoldingRangeProvider(
      of: Selector,
      provider: { provideFoldingRanges(document: TextDocument): Given<FoldingRange[]> },
    ): Disposable;
    function registerCodeActionsProvider(
      of: Selector,
      provider: {
        provideCodeActions(
          document: TextDocument,
          range: Range,
          context: { readonly only?: CodeActionKind },
        ): Given<CodeAction[]>;
      },
      metadata: { readonly providedCodeActionKinds: readonly CodeActionKind[] },
    ): Disposable;
    function registerCodeLensProvider(
      of: Selector,
      provider: { provideCodeLenses(document: TextDocument): Given<CodeLens[]> },
    ): Disposable;
    function registerDocumentSemanticTokensProvider(
      of: Selector,
      provider: { provideDocumentSemanticTokens(document: TextDocument): Given<SemanticTokens> },
      legend: SemanticTokensLegend,
    ): Disposable;
  }
  export namespace workspace {
    const textDocuments: readonly TextDocument[];
    const workspaceFolders: readonly { readonly uri: Uri; readonly name: string }[] | undefined;
    function getConfiguration(section: string): { get(name: string): unknown };
    function onDidOpenTextDocument(listener: (document: TextDocument) => unknown): Disposable;
    function onDidCloseTextDocument(listener: (document: TextDocument) => unknown): Disposable;
    function onDidChangeTextDocument(listener: (event: TextDocumentChangeEvent) => unknown): Disposable;
    function createFileSystemWatcher(glob: string): FileSystemWatcher;
  }
  export namespace window {
    function showErrorMessage(message: string): unknown;
    function showInformationMessage(message: string): unknown;
  }
  export namespace commands {
    function registerCommand(name: string, run: (...args: unknown[]) => unknown): Disposable;
  }
}
