// SPDX-License-Identifier: Apache-2.0
/** From the words of the protocol to those of VS Code. Kinds of symbols and items are numbered from 0 there, from 1 here. */
import * as vscode from 'vscode';
import type * as lsp from 'vscode-languageserver-protocol';

export const position = ({ line, character }: lsp.Position): vscode.Position =>
  new vscode.Position(line, character);
export const range = ({ start, end }: lsp.Range): vscode.Range =>
  new vscode.Range(position(start), position(end));
export const location = (at: lsp.Location): vscode.Location =>
  new vscode.Location(vscode.Uri.parse(at.uri), range(at.range));
export const textEdit = (edit: lsp.TextEdit): vscode.TextEdit =>
  new vscode.TextEdit(range(edit.range), edit.newText);

export function workspaceEdit({ changes = {} }: lsp.WorkspaceEdit): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const [uri, edits] of Object.entries(changes)) {
    for (const each of edits) edit.replace(vscode.Uri.parse(uri), range(each.range), each.newText);
  }
  return edit;
}

/** The server escapes what came from elsewhere; links to commands and HTML are off all the same. */
export function markdown(text: string): vscode.MarkdownString {
  const value = new vscode.MarkdownString(text);
  value.isTrusted = false;
  value.supportHtml = false;
  return value;
}

export function hover({ contents, range: at }: lsp.Hover): vscode.Hover {
  const text = typeof contents === 'object' && 'value' in contents ? contents.value : '';
  return new vscode.Hover(markdown(text), at === undefined ? undefined : range(at));
}

export function diagnostic(d: lsp.Diagnostic): vscode.Diagnostic {
  const severity = d.severity === undefined ? 0 : d.severity - 1;
  const text = typeof d.message === 'string' ? d.message : d.message.value;
  const found = new vscode.Diagnostic(range(d.range), text, severity);
  const href = d.codeDescription?.href;
  if (d.source !== undefined) found.source = d.source;
  if (d.code !== undefined) {
    const value = String(d.code);
    found.code = href === undefined ? value : { value, target: vscode.Uri.parse(href) };
  }
  if (d.tags !== undefined) found.tags = [...d.tags];
  if (d.relatedInformation !== undefined) {
    found.relatedInformation = d.relatedInformation.map(
      (each) => new vscode.DiagnosticRelatedInformation(location(each.location), each.message),
    );
  }
  return found;
}

export function codeAction(action: lsp.CodeAction): vscode.CodeAction {
  const kind = action.kind === 'quickfix' ? vscode.CodeActionKind.QuickFix : FIX_ALL;
  const made = new vscode.CodeAction(action.title, kind);
  if (action.edit !== undefined) made.edit = workspaceEdit(action.edit);
  if (action.isPreferred !== undefined) made.isPreferred = action.isPreferred;
  if (action.diagnostics !== undefined) made.diagnostics = action.diagnostics.map(diagnostic);
  return made;
}
export const FIX_ALL = vscode.CodeActionKind.SourceFixAll.append('sepal');

export function symbol(s: lsp.DocumentSymbol): vscode.DocumentSymbol {
  const { name, detail = '', kind, range: whole, selectionRange } = s;
  const made = new vscode.DocumentSymbol(name, detail, kind - 1, range(whole), range(selectionRange));
  made.children = (s.children ?? []).map(symbol);
  return made;
}

export function completionItem(item: lsp.CompletionItem): vscode.CompletionItem {
  const made = new vscode.CompletionItem(item.label, item.kind === undefined ? undefined : item.kind - 1);
  const { detail, sortText, filterText, textEdit: edit, documentation } = item;
  if (detail !== undefined) made.detail = detail;
  if (sortText !== undefined) made.sortText = sortText;
  if (filterText !== undefined) made.filterText = filterText;
  if (edit !== undefined && 'range' in edit) {
    made.insertText = edit.newText;
    made.range = range(edit.range);
  }
  if (typeof documentation === 'object') made.documentation = markdown(documentation.value);
  return made;
}

export const lens = ({ range: at, command }: lsp.CodeLens): vscode.CodeLens =>
  new vscode.CodeLens(
    range(at),
    command && { title: command.title, command: command.command, arguments: command.arguments ?? [] },
  );
