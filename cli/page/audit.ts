// SPDX-License-Identifier: Apache-2.0
/** From dropped files to a report: which is the log, which the trust file, which the policy; then the verifier and the replay. */
import { compile } from '../../compiler/compile.js';
import type { SourceFile } from '../../compiler/check.js';
import type { Host } from '../../compiler/lock.js';
import type { Body } from '../../runtime/verify/format/body.js';
import { parse } from '../../grammar/parse.js';
import { canonical } from '../../runtime/verify/format/canonical.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import type { Disclosure } from '../../runtime/verify/format/opening.js';
import { segmentIndex } from '../../runtime/verify/format/segment.js';
import { PROOF_HEADER } from '../../runtime/verify/format/tlog-proof.js';
import { EQUIVOCATION_HEADER } from '../../runtime/verify/format/equivocation.js';
import { parseTrust } from '../../runtime/verify/format/trust.js';
import { parseHeld } from '../../runtime/verify/held.js';
import { verifyEquivocation, verifyReceipt } from '../../runtime/verify/receipt.js';
import type { Report } from '../../runtime/verify/report.js';
import type { LogSource } from '../../runtime/verify/source.js';
import { type Replay, verify } from '../../runtime/verify/verify.js';
import { DecideAgain, type KnownPolicy } from '../replay/decide-again.js';
import { Bytes } from './bytes.js';
import { library, withAnswers } from './crypto.js';

/** Put in by the bundler. */
declare const SEPAL_VERSION: string;
declare const SEPAL_COMPILER: string;

export interface Dropped {
  /** Path below what was dropped, `/` between its parts. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Row {
  readonly body: Body;
  readonly leaf: string;
  readonly disclosure: Disclosure | null;
  /** What the replay says of a decision; null where none was asked. */
  readonly replay: string | null;
}

export interface Audit {
  readonly report: Report;
  readonly rows: readonly Row[];
  /** What was understood of the files, and what was not. */
  readonly said: readonly string[];
  readonly milliseconds: number;
}

const LIMITS = { size: 64 * 1024 * 1024, depth: 128, keys: 1_000_000 };
const host: Host = { parse, parseJson: (text) => parseStrict(text, LIMITS), canonical, hash: digest };
const textOf = (file: Dropped): string => new TextDecoder().decode(file.bytes);
const nameOf = (file: Dropped): string => file.path.slice(file.path.lastIndexOf('/') + 1);

/** Rejects with what is missing or cannot be read, in words for a person. */
export async function audit(files: readonly Dropped[], progress: (text: string) => void): Promise<Audit> {
  const started = performance.now();
  const said: string[] = [];
  const trust = files.find(
    (file) => nameOf(file).endsWith('.json') && typeof parseTrust(textOf(file)) !== 'string',
  );
  if (trust === undefined)
    said.push(
      'There is no trust file among these files: keys never come from a log, so much stays unchecked.',
    );
  else said.push(`Trust file: ${trust.path}`);
  const options = trust === undefined ? {} : { trust: textOf(trust) };
  const single = files.find((file) =>
    [PROOF_HEADER, EQUIVOCATION_HEADER].some((head) => textOf(file).startsWith(`${head}\n`)),
  );
  const run = <T>(work: () => Promise<T>): Promise<T> =>
    withAnswers(work, (done, of) => progress(`${done} of ${of} signatures`));
  const segments = files
    .filter((file) => segmentIndex(nameOf(file)) !== null)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  if (single !== undefined && segments.length === 0) {
    const text = textOf(single);
    const check = text.startsWith(EQUIVOCATION_HEADER) ? verifyEquivocation : verifyReceipt;
    const report = await run(() => Promise.resolve(check(text, options.trust)));
    return {
      report,
      rows: [],
      said: [...said, `One file: ${single.path}`],
      milliseconds: performance.now() - started,
    };
  }
  if (segments.length === 0)
    throw new Error(
      'There is no log among these files: drop the folder that holds entries/ and checkpoints.',
    );
  const policies = knownPolicies(files, said);
  const held = files.find((file) => nameOf(file) === 'held');
  const openings = files.find((file) => nameOf(file) === 'openings.jsonl');
  let rows: Row[] = [];
  const report = await run(() => {
    rows = [];
    return verify(sourceOf(files, segments), {
      ...options,
      library,
      replay: new Collect(policies, rows),
      onProgress: (entries) => progress(`${entries} entries`),
      ...(openings === undefined ? {} : { openings: once(openings.bytes) }),
      ...(held === undefined ? {} : { held: parseHeld(textOf(held)) }),
    });
  });
  return { report, rows, said, milliseconds: performance.now() - started };
}

/** Keeps what is shown of each entry, and asks the replay where there is one. */
class Collect implements Replay {
  private readonly again: DecideAgain | null;
  private readonly rows: Row[];

  constructor(policies: readonly KnownPolicy[], rows: Row[]) {
    this.again = policies.length === 0 ? null : new DecideAgain(policies);
    this.rows = rows;
  }
  entry(body: Body, leaf: string, disclosure: Disclosure | null): void {
    const replay = this.again?.entry(body, leaf, disclosure) ?? null;
    this.rows.push({ body, leaf, disclosure, replay });
  }
  finish(findings: Parameters<Replay['finish']>[0]): void {
    if (this.again !== null) return this.again.finish(findings);
    findings.skip('policy binding', 'no policy among the files');
    findings.skip('replay', 'no policy among the files');
  }
}

async function* once(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Buffer> {
  yield new Bytes(bytes) as unknown as Buffer;
}

function sourceOf(files: readonly Dropped[], segments: readonly Dropped[]): LogSource {
  const named = (name: string): AsyncIterable<Buffer> | null => {
    const file = files.find((f) => nameOf(f) === name);
    return file === undefined ? null : once(file.bytes);
  };
  return {
    segments: () =>
      Promise.resolve(
        segments.map((file, i) => ({
          name: file.path,
          last: i === segments.length - 1,
          chunks: () => once(file.bytes),
        })),
      ),
    checkpoints: () => Promise.resolve(named('checkpoints')),
    cosigned: () => Promise.resolve(named('cosigned')),
  };
}

/** Policies compile here, in the page; a page that allows no code runs them in the reference interpreter alone. */
function knownPolicies(files: readonly Dropped[], said: string[]): readonly KnownPolicy[] {
  const sources = files
    .filter((file) => nameOf(file).endsWith('.sep'))
    .map((file): SourceFile => ({ path: file.path, text: textOf(file) }));
  const lock = files.find((file) => nameOf(file).endsWith('.lock'));
  return sources.flatMap((source) => {
    const readLock = () => (lock === undefined ? null : { path: lock.path, text: textOf(lock) });
    const readModule = (name: string) => sources.find(({ text }) => text.includes(`policy ${name} `)) ?? null;
    const { output, diagnostics } = compile({ source, readLock, readModule, today: '0001-01-01' }, host, {
      version: SEPAL_VERSION,
      hash: SEPAL_COMPILER,
      tz: 'none',
      unicode: 'none',
    });
    if (output === null) {
      const first = diagnostics.find((d) => d.severity === 'error');
      said.push(`${source.path} does not compile here: ${first?.message ?? 'it has errors'}`);
      return [];
    }
    said.push(`Policy: ${source.path} (${output.ir.name} ${output.ir.version})`);
    const { manifest, ir } = output;
    return [
      { source: manifest.source, moduleHash: manifest.module, compiler: SEPAL_COMPILER, module: null, ir },
    ];
  });
}
