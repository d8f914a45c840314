// SPDX-License-Identifier: Apache-2.0
/** Our findings in the words of the protocol. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type CodeAction,
  CodeActionKind,
  type Diagnostic as LspDiagnostic,
  DiagnosticSeverity,
  DiagnosticTag,
  type Location,
  type Range,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { packageRoot } from '../../cli/install.js';
import { shown } from '../../cli/terminal.js';
import type { Diagnostic, Fix, Label } from '../../compiler/diagnostics/diagnostic.js';
import type { Span } from '../../grammar/tree.js';
import { uriOf, type World } from './world.js';

/** Texts by path, so that offsets become lines. */
export class Places {
  private readonly world: World;
  private readonly known = new Map<string, TextDocument>();

  constructor(world: World) {
    this.world = world;
  }

  document(path: string, text: string): TextDocument {
    const before = this.known.get(path);
    if (before?.getText() === text) return before;
    const document = TextDocument.create(uriOf(path), 'sep', 0, text);
    this.known.set(path, document);
    return document;
  }

  range(path: string, text: string, { start, end }: Span): Range {
    const document = this.document(path, text);
    return { start: document.positionAt(start), end: document.positionAt(end) };
  }

  location(path: string, span: Span, text = this.world.source(path)?.text ?? ''): Location {
    return { uri: uriOf(path), range: this.range(path, text, span) };
  }

  forget(path: string): void {
    this.known.delete(path);
  }

  edits(edits: Fix['edits']): WorkspaceEdit {
    const changes: { [uri: string]: TextEdit[] } = {};
    for (const { file, span, text } of edits) {
      const { uri, range } = this.location(file, span);
      (changes[uri] ??= []).push({ range, newText: text });
    }
    return { changes };
  }

  /** Of a finding elsewhere, in the lock or a module, the place in this policy from which it is reached is `from`. */
  diagnostic(path: string, d: Diagnostic, from: Span): LspDiagnostic {
    const here = d.primary.file === path;
    const related = [...(here ? [] : [d.primary]), ...d.labels].map((label: Label) => ({
      location: this.location(label.file, label.span),
      message: shown(label.text === '' ? d.message : label.text),
    }));
    const help = d.help === null ? '' : `\nhelp: ${shown(d.help)}`;
    const notes = d.notes.map((note) => `\nnote: ${shown(note)}`).join('');
    return {
      range: this.location(path, here ? d.primary.span : from).range,
      severity: d.severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
      code: d.code,
      codeDescription: { href: pathToFileURL(join(packageRoot(), d.url)).href },
      source: 'sepal',
      message: `${shown(d.message)}${d.primary.text === '' ? '' : `: ${shown(d.primary.text)}`}${help}${notes}`,
      ...(UNUSED.has(d.code) ? { tags: [DiagnosticTag.Unnecessary] } : {}),
      ...(related.length > 0 ? { relatedInformation: related } : {}),
    };
  }

  actions(path: string, d: Diagnostic): readonly CodeAction[] {
    return d.fixes.map((fix) => ({
      title: fix.title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [this.diagnostic(path, d, d.primary.span)],
      isPreferred: fix.safe || d.fixes.length === 1,
      edit: this.edits(fix.edits),
    }));
  }
}

const UNUSED: ReadonlySet<string> = new Set(['SEP4002', 'SEP4012']);
