// SPDX-License-Identifier: Apache-2.0
// The part of VS Code that the extension uses, without windows: what it registers and shows is kept in `seen`.
class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}
class Range {
  constructor(start, end) {
    Object.assign(this, { start, end });
  }
}
/** A class that keeps what it is made of. */
const kept = (...names) =>
  class {
    constructor(...values) {
      names.forEach((name, i) => (this[name] = values[i]));
    }
  };
class WorkspaceEdit {
  edits = [];
  replace(uri, range, newText) {
    this.edits.push({ uri: uri.toString(), range, newText });
  }
}
class CodeActionKind {
  constructor(value) {
    this.value = value;
  }
  append(part) {
    return new CodeActionKind(`${this.value}.${part}`);
  }
  static QuickFix = new CodeActionKind('quickfix');
  static SourceFixAll = new CodeActionKind('source.fixAll');
}
const seen = {
  providers: {},
  commands: {},
  diagnostics: new Map(),
  messages: [],
  listeners: {},
  documents: [],
  folders: [],
  command: [],
};
const disposable = { dispose() {} };
const provider =
  (name) =>
  (_selector, given, ...rest) => {
    seen.providers[name] = { ...given, rest };
    return disposable;
  };
const listener = (name) => (run) => {
  (seen.listeners[name] ??= []).push(run);
  return disposable;
};
const languages = Object.fromEntries(
  'Hover Definition Reference DocumentHighlight Rename CompletionItem DocumentFormattingEdit DocumentSymbol FoldingRange CodeActions CodeLens DocumentSemanticTokens'
    .split(' ')
    .map((name) => [`register${name}Provider`, provider(name)]),
);
languages.createDiagnosticCollection = () => ({
  set: (uri, found) => seen.diagnostics.set(uri.toString(), found),
  clear: () => seen.diagnostics.clear(),
  dispose() {},
});
module.exports = {
  seen,
  Position,
  Range,
  WorkspaceEdit,
  CodeActionKind,
  Uri: {
    parse: (text) => ({
      scheme: text.split(':')[0],
      fsPath: decodeURIComponent(new URL(text).pathname),
      toString: () => text,
    }),
  },
  Location: kept('uri', 'range'),
  TextEdit: kept('range', 'newText'),
  MarkdownString: kept('value'),
  Hover: kept('contents', 'range'),
  DocumentHighlight: kept('range'),
  CompletionItem: kept('label', 'kind'),
  Diagnostic: kept('range', 'message', 'severity'),
  DiagnosticRelatedInformation: kept('location', 'message'),
  CodeAction: kept('title', 'kind'),
  CodeLens: kept('range', 'command'),
  DocumentSymbol: kept('name', 'detail', 'kind', 'range', 'selectionRange'),
  FoldingRange: kept('start', 'end', 'kind'),
  SemanticTokens: kept('data'),
  SemanticTokensLegend: kept('tokenTypes', 'tokenModifiers'),
  languages,
  workspace: {
    get textDocuments() {
      return seen.documents;
    },
    get workspaceFolders() {
      return seen.folders;
    },
    getConfiguration: () => ({ get: () => seen.command }),
    onDidOpenTextDocument: listener('open'),
    onDidCloseTextDocument: listener('close'),
    onDidChangeTextDocument: listener('change'),
    createFileSystemWatcher: () => ({
      ...disposable,
      onDidChange: listener('file'),
      onDidCreate: listener('created'),
      onDidDelete: listener('deleted'),
    }),
  },
  window: {
    showErrorMessage: (message) => void seen.messages.push(message),
    showInformationMessage: (message) => void seen.messages.push(message),
  },
  commands: {
    registerCommand: (name, run) => {
      seen.commands[name] = run;
      return disposable;
    },
  },
};
