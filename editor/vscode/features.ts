// SPDX-License-Identifier: Apache-2.0
/** What VS Code asks about a policy, and the server answers. */
import * as vscode from 'vscode';
import type * as lsp from 'vscode-languageserver-protocol';
import * as convert from './convert.js';

/** Asks the server; null where there is none. */
export type Ask = <R>(method: string, params: object) => Promise<R | null>;

const SEP = { language: 'sep' };

const about = (document: vscode.TextDocument): { readonly textDocument: { readonly uri: string } } => ({
  textDocument: { uri: document.uri.toString() },
});
const at = (document: vscode.TextDocument, { line, character }: vscode.Position): object => ({
  ...about(document),
  position: { line, character },
});

const listOf = <T, R>(found: readonly T[] | null, change: (each: T) => R): R[] => (found ?? []).map(change);

export function registerFeatures(
  ask: Ask,
  { semanticTokensProvider }: lsp.ServerCapabilities,
): vscode.Disposable[] {
  const { languages } = vscode;
  const { tokenTypes = [], tokenModifiers = [] } = semanticTokensProvider?.legend ?? {};
  return [
    ...registerPlaces(ask),
    languages.registerDocumentFormattingEditProvider(SEP, {
      provideDocumentFormattingEdits: async (document) => {
        const options = { tabSize: 2, insertSpaces: true };
        const edits = await ask<lsp.TextEdit[]>('textDocument/formatting', { ...about(document), options });
        return listOf(edits, convert.textEdit);
      },
    }),
    languages.registerDocumentSymbolProvider(SEP, {
      provideDocumentSymbols: async (document) =>
        listOf(
          await ask<lsp.DocumentSymbol[]>('textDocument/documentSymbol', about(document)),
          convert.symbol,
        ),
    }),
    languages.registerFoldingRangeProvider(SEP, {
      provideFoldingRanges: async (document) =>
        listOf(
          await ask<lsp.FoldingRange[]>('textDocument/foldingRange', about(document)),
          ({ startLine, endLine, kind }) =>
            new vscode.FoldingRange(startLine, endLine, kind === 'comment' ? 1 : undefined),
        ),
    }),
    languages.registerCodeLensProvider(SEP, {
      provideCodeLenses: async (document) =>
        listOf(await ask<lsp.CodeLens[]>('textDocument/codeLens', about(document)), convert.lens),
    }),
    languages.registerDocumentSemanticTokensProvider(
      SEP,
      {
        provideDocumentSemanticTokens: async (document) => {
          const found = await ask<lsp.SemanticTokens>('textDocument/semanticTokens/full', about(document));
          return found && new vscode.SemanticTokens(Uint32Array.from(found.data));
        },
      },
      new vscode.SemanticTokensLegend([...tokenTypes], [...tokenModifiers]),
    ),
    languages.registerCodeActionsProvider(
      SEP,
      {
        provideCodeActions: async (document, { start, end }, { only }) => {
          const range = { start: { ...plain(start) }, end: { ...plain(end) } };
          const context = { diagnostics: [], ...(only === undefined ? {} : { only: [only.value] }) };
          const params = { ...about(document), range, context };
          return listOf(await ask<lsp.CodeAction[]>('textDocument/codeAction', params), convert.codeAction);
        },
      },
      { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, convert.FIX_ALL] },
    ),
  ];
}

const plain = ({ line, character }: vscode.Position): lsp.Position => ({ line, character });

function registerPlaces(ask: Ask): vscode.Disposable[] {
  const { languages } = vscode;
  /** Items that were offered, to say more of the one that is looked at. */
  const offered = new WeakMap<vscode.CompletionItem, lsp.CompletionItem>();
  const offer = (item: lsp.CompletionItem): vscode.CompletionItem => {
    const made = convert.completionItem(item);
    offered.set(made, item);
    return made;
  };
  return [
    languages.registerHoverProvider(SEP, {
      provideHover: async (document, position) => {
        const found = await ask<lsp.Hover>('textDocument/hover', at(document, position));
        return found && convert.hover(found);
      },
    }),
    languages.registerDefinitionProvider(SEP, {
      provideDefinition: async (document, position) => {
        const found = await ask<lsp.Location | lsp.Location[]>(
          'textDocument/definition',
          at(document, position),
        );
        return listOf(found === null ? [] : Array.isArray(found) ? found : [found], convert.location);
      },
    }),
    languages.registerReferenceProvider(SEP, {
      provideReferences: async (document, position, { includeDeclaration }) => {
        const params = { ...at(document, position), context: { includeDeclaration } };
        return listOf(await ask<lsp.Location[]>('textDocument/references', params), convert.location);
      },
    }),
    languages.registerDocumentHighlightProvider(SEP, {
      provideDocumentHighlights: async (document, position) =>
        listOf(
          await ask<lsp.DocumentHighlight[]>('textDocument/documentHighlight', at(document, position)),
          ({ range }) => new vscode.DocumentHighlight(convert.range(range)),
        ),
    }),
    languages.registerRenameProvider(SEP, {
      provideRenameEdits: async (document, position, newName) => {
        const params = { ...at(document, position), newName };
        const found = await ask<lsp.WorkspaceEdit>('textDocument/rename', params);
        return found && convert.workspaceEdit(found);
      },
      prepareRename: async (document, position) => {
        const found = await ask<{ range: lsp.Range; placeholder: string }>(
          'textDocument/prepareRename',
          at(document, position),
        );
        if (found === null) throw new Error('there is no name here');
        return { range: convert.range(found.range), placeholder: found.placeholder };
      },
    }),
    languages.registerCompletionItemProvider(
      SEP,
      {
        provideCompletionItems: async (document, position) =>
          listOf(await ask<lsp.CompletionItem[]>('textDocument/completion', at(document, position)), offer),
        resolveCompletionItem: async (item) => {
          const known = offered.get(item);
          const whole = known && (await ask<lsp.CompletionItem>('completionItem/resolve', known));
          return whole === undefined || whole === null ? item : offer(whole);
        },
      },
      '.',
      '/',
      ':',
      '"',
    ),
  ];
}
