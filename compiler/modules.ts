// SPDX-License-Identifier: Apache-2.0
/** Imports: each module is found by its policy's name, pinned by the hash of its text, and read once for each place that imports it. */
import type { Parse, ParseResult } from '../grammar/read.js';
import type * as tree from '../grammar/tree.js';
import type { SourceFile } from './check.js';
import { type Code, type Diagnostic, diagnose } from './diagnostics/diagnostic.js';
import type { Host } from './lock.js';
import { slip } from './slips.js';

export interface Source {
  readonly path: string;
  readonly file: tree.File;
  /** Of its text. */
  readonly hash: string;
  /** By alias. */
  readonly modules: ReadonlyMap<string, Source>;
}

export interface Loading {
  /** The text of the policy with this name, for the file at `from`; null when there is none. */
  readonly readModule: (name: string, from: string) => SourceFile | null;
  readonly host: Host;
  /** Pinned hashes by policy name; null when the lock could not be read, which is said already. */
  readonly pins: ReadonlyMap<string, string> | null;
  readonly diagnostics: Diagnostic[];
}

const MAX_DEPTH = 8;
const MAX_MODULES = 200;

/** The modules that `file` imports, and theirs. What cannot be used is said, and left out. */
export function loadModules(
  file: tree.File,
  path: string,
  loading: Loading,
  chain: readonly string[] = [file.name?.text ?? ''],
  count: { left: number } = { left: MAX_MODULES },
): ReadonlyMap<string, Source> {
  const modules = new Map<string, Source>();
  for (const statement of file.statements) {
    if (statement.kind !== 'import') continue;
    const alias = statement.alias?.text ?? statement.policy.parts.at(-1)?.text ?? '';
    if (modules.has(alias)) {
      const { span } = statement.alias ?? statement.policy;
      const help = 'give one of the two another name: `import … as other`';
      loading.diagnostics.push(diagnose('SEP2002', path, span, { name: alias }, { help }));
      continue;
    }
    const source = load(statement, path, loading, chain, count);
    if (source !== null) modules.set(alias, source);
  }
  return modules;
}

function load(
  { policy }: tree.ImportStatement,
  path: string,
  loading: Loading,
  chain: readonly string[],
  count: { left: number },
): Source | null {
  const { readModule, host, pins, diagnostics } = loading;
  const name = policy.text;
  const report = (code: Code, args: Readonly<Record<string, string>>): null => {
    diagnostics.push(diagnose(code, path, policy.span, args));
    return null;
  };
  if (chain.includes(name)) return report('SEP2016', { name, chain: [...chain, name].join(' → ') });
  if (chain.length > MAX_DEPTH || count.left-- <= 0) return report('SEP3015', {});
  const found = readModule(name, path);
  if (found === null) return report('SEP2015', { what: `there is no module \`${name}\`` });
  const { file, faults } = parsedOnce(found, host.parse);
  for (const f of faults) {
    const extra = slip(found.path, f.span, f.args['expected'] ?? '', f.args['found'] ?? '', found.text);
    diagnostics.push(diagnose(f.code as Code, found.path, f.span, f.args, extra));
  }
  if (faults.length > 0) return null;
  if (file.name?.text !== name) {
    return report('SEP2015', {
      what: `${found.path} is the policy \`${file.name?.text ?? ''}\`, not \`${name}\``,
    });
  }
  const hash = host.hash(found.text);
  const pin = pins?.get(name);
  if (pins !== null && pin !== hash) {
    const is = pin === undefined ? 'is not pinned' : 'is not the one that is pinned';
    report('SEP2017', { name, is, hash });
  }
  return {
    path: found.path,
    file,
    hash,
    modules: loadModules(file, found.path, loading, [...chain, name], count),
  };
}

/** A module that is handed in again, as the same object, is read already. */
const parsed = new WeakMap<SourceFile, ParseResult>();
function parsedOnce(source: SourceFile, parse: Parse): ParseResult {
  const result = parsed.get(source) ?? parse(source.text);
  parsed.set(source, result);
  return result;
}

/** Every module of a policy with its hash, by policy name in order. */
export function moduleHashes(modules: ReadonlyMap<string, Source>): ReadonlyMap<string, string> {
  const all = [...modules.values()].flatMap((m): readonly (readonly [string, string])[] => [
    [m.file.name?.text ?? '', m.hash],
    ...moduleHashes(m.modules),
  ]);
  return new Map(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
