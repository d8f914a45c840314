// SPDX-License-Identifier: Apache-2.0
/** Diagnostics as other tools read them: SARIF 2.1.0, GitHub's workflow commands, JUnit. */
import { type Diagnostic, type Label, sortDiagnostics, type Span } from './diagnostic.js';
import { MESSAGES } from './messages.js';
import { json, position, type Sources, visible } from './render.js';

/** `version` is that of the tool. */
export function renderSarif(diagnostics: readonly Diagnostic[], sources: Sources, version: string): string {
  const list = sortDiagnostics(diagnostics);
  const codes = [...new Set(list.map((d) => d.code))].sort();
  const rules = codes.map((id) => ({
    id,
    shortDescription: { text: MESSAGES[id].title },
    help: { text: `sepal explain ${id}` },
    defaultConfiguration: { level: MESSAGES[id].severity },
  }));
  const results = list.map((d) => ({
    ruleId: d.code,
    ruleIndex: codes.indexOf(d.code),
    level: d.severity,
    message: { text: [d.message, ...(d.help === null ? [] : [d.help]), ...d.notes].join('\n') },
    locations: [location(d.primary, sources)],
    ...(d.labels.length === 0
      ? {}
      : {
          relatedLocations: d.labels.map((label, id) => ({
            id: id + 1,
            ...location(label, sources),
            message: { text: label.text },
          })),
        }),
    ...(d.fixes.length === 0 ? {} : { fixes: d.fixes.map((fix) => sarifFix(fix, sources)) }),
  }));
  const run = {
    tool: { driver: { name: 'sepal', version, rules } },
    columnKind: 'utf16CodeUnits',
    results,
  };
  const log = { $schema: SARIF_SCHEMA, version: '2.1.0', runs: [run] };
  return json(log);
}

const SARIF_SCHEMA =
  'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** A path as a relative reference: an URI has no backslashes, and no character that means something in it. */
const uri = (file: string): string => file.split(/[/\\]/).map(encodeURIComponent).join('/');

function region(file: string, span: Span, sources: Sources): object {
  const source = sources.get(file) ?? '';
  const [start, end] = [position(source, span.start), position(source, span.end)];
  return {
    startLine: start.line,
    startColumn: start.column,
    endLine: end.line,
    endColumn: end.column,
    charOffset: start.offset,
    charLength: end.offset - start.offset,
  };
}

function location({ file, span }: Label, sources: Sources): object {
  const place = sources.has(file) ? { region: region(file, span, sources) } : {};
  return { physicalLocation: { artifactLocation: { uri: uri(file) }, ...place } };
}

function sarifFix({ title, edits }: Diagnostic['fixes'][number], sources: Sources): object {
  const files = [...new Set(edits.map((edit) => edit.file))];
  return {
    description: { text: title },
    artifactChanges: files.map((file) => ({
      artifactLocation: { uri: uri(file) },
      replacements: edits
        .filter((edit) => edit.file === file)
        .map((edit) => ({
          deletedRegion: region(file, edit.span, sources),
          insertedContent: { text: edit.text },
        })),
    })),
  };
}

/** Workflow commands: GitHub shows them beside the lines of a pull request. */
export function renderGithub(diagnostics: readonly Diagnostic[], sources: Sources): string {
  return sortDiagnostics(diagnostics)
    .map((d) => {
      const { file, span } = d.primary;
      const source = sources.get(file);
      const at =
        source === undefined ? null : ([position(source, span.start), position(source, span.end)] as const);
      const place =
        at === null
          ? []
          : [`line=${at[0].line}`, `endLine=${at[1].line}`]
              // Columns may be given only where start and end stand on one line.
              .concat(at[0].line === at[1].line ? [`col=${at[0].column}`, `endColumn=${at[1].column}`] : []);
      const properties = [`file=${property(file)}`, ...place, `title=${d.code}`].join(',');
      const text = d.help === null ? d.message : `${d.message}\n${d.help}`;
      return `::${d.severity} ${properties}::${data(text)}\n`;
    })
    .join('');
}

const data = (text: string): string =>
  visible(text.replaceAll('%', '%25').replaceAll('\n', '%0A').replaceAll('\r', '%0D'));
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** One suite with a case per file, which fails where the file has errors; warnings are its output. */
export function renderJunit(
  files: readonly string[],
  diagnostics: readonly Diagnostic[],
  sources: Sources,
): string {
  const list = sortDiagnostics(diagnostics);
  const names = [...new Set([...files, ...list.map((d) => d.primary.file)])].sort();
  const line = (d: Diagnostic): string => {
    const source = sources.get(d.primary.file);
    const at = source === undefined ? '' : `:${position(source, d.primary.span.start).line}`;
    return `${d.primary.file}${at}: ${d.severity} ${d.code}: ${d.message}`;
  };
  const cases = names.map((name) => {
    const own = list.filter((d) => d.primary.file === name);
    const errors = own.filter((d) => d.severity === 'error');
    const warnings = own.filter((d) => d.severity === 'warning');
    const failures = errors.map(
      (d) => `      <failure type="${d.code}" message="${xml(d.message)}">${xml(line(d))}</failure>`,
    );
    const out =
      warnings.length === 0 ? [] : [`      <system-out>${xml(warnings.map(line).join('\n'))}</system-out>`];
    const inner = [...failures, ...out];
    const head = `    <testcase classname="sepal.check" name="${xml(name)}"`;
    return inner.length === 0 ? `${head}/>` : [`${head}>`, ...inner, '    </testcase>'].join('\n');
  });
  const failed = names.filter((name) => list.some((d) => d.primary.file === name && d.severity === 'error'));
  const counts = `tests="${names.length}" failures="${failed.length}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="sepal check" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** XML 1.0 has no way to write most control characters: they are shown as escapes. */
export const xml = (text: string): string =>
  text
    .split('\n')
    .map(visible)
    .join('\n')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
