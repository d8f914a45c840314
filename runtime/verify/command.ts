// SPDX-License-Identifier: Apache-2.0
/** The command `sepal-verify`, also behind `sepal verify`: result on stdout, progress and errors on stderr. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Property, Report } from './report.js';
import { HeldError, parseHeld } from './held.js';
import { splitCheckpoints } from './format/checkpoint.js';
import { EQUIVOCATION_HEADER } from './format/equivocation.js';
import { TrustError } from './format/trust.js';
import { CheckpointError } from './witnessed.js';
import { verifyEquivocation, verifyReceipt } from './receipt.js';
import { fileChunks, reason, SourceError } from './source.js';
import { type Replay, verify, type VerifyOptions } from './verify.js';

/** 0 pass, 5 fail, 7 incomplete, 1 could not run. */
export const EXIT = { pass: 0, fail: 5, incomplete: 7, unable: 1 } as const;

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Is stderr a terminal? Progress goes there only then. */
  readonly interactive: boolean;
}

const USAGE = `sepal-verify LOG --trust trust.json

Verifies a receipt log without trusting who wrote it. LOG is a folder with entries/ and checkpoints, an export as tiles, or one
receipt with its proof (N.tlog-proof, from \`sepal log prove N\`), or a proof of equivocation.

  --trust FILE             the trust file: origin, root, logKey, genesis (without it: at best "incomplete")
  --openings FILE          clear text disclosed with an export (default: openings.jsonl in LOG, where there is one)
  --held FILE              receipts that somebody holds: what the gateway sent in _meta as JSON, one a line, or a .tlog-proof;
                           each must stand in the log
  --seen FILE              checkpoints of this log that were seen elsewhere (a witness, another auditor); where one is of another
                           tree, a proof for others is printed
  --format text|json       how to print the report (text)
  --signatures all|checkpoint
                           check every signature (all), or only those of entries that no checkpoint covers
  --second-opinion none|sample|all
                           check signatures again with tweetnacl: never, one in a hundred, or every one (none)

Exit codes: 0 pass, 5 fail, 7 incomplete, 1 could not run.
`;

const POLICY_USAGE = `  --policy FILE            a policy of the log; may stand several times. Each is compiled here, its hashes are compared, and every
                           decision is made again in both engines from what the openings disclose
`;

/** The help; `--policy` stands in it where there is a compiler. */
const usage = (compiler: boolean): string =>
  compiler
    ? USAGE.replace('sepal-verify LOG', 'sepal verify LOG').replace(
        '  --openings FILE',
        `${POLICY_USAGE}  --openings FILE`,
      )
    : USAGE;

const OPTIONS = {
  trust: { type: 'string' },
  format: { type: 'string', default: 'text' },
  signatures: { type: 'string', default: 'all' },
  'second-opinion': { type: 'string', default: 'none' },
  policy: { type: 'string', multiple: true },
  openings: { type: 'string' },
  held: { type: 'string' },
  seen: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Makes what decides again, from the policies that `--policy` names; only `sepal verify` has a compiler. */
export type ReplayOf = (files: readonly string[]) => Promise<Replay>;

/** Runs the command and returns its exit code. */
export async function verifyCommand(
  argv: readonly string[],
  terminal: Terminal,
  replayOf: ReplayOf | null = null,
): Promise<number> {
  const asked = ask(argv, replayOf !== null);
  if (typeof asked === 'string') return unable(terminal, asked, 'see --help');
  if (asked === null) {
    terminal.out(usage(replayOf !== null));
    return 0;
  }
  try {
    const trust = asked.trust === undefined ? {} : { trust: await readText(asked.trust, 'the trust file') };
    const one = await receiptText(asked.log);
    const report =
      one === null
        ? await verify(asked.log, {
            ...asked.options,
            ...trust,
            ...(await beside(asked)),
            ...(replayOf === null || asked.policies.length === 0
              ? {}
              : { replay: await replayOf(asked.policies) }),
            onProgress: progress(terminal),
          })
        : verifyFile(one, trust.trust);
    terminal.out(asked.json ? `${JSON.stringify(report)}\n` : printReport(report));
    return EXIT[report.result];
  } catch (error) {
    if (error instanceof TrustError)
      return unable(terminal, `${asked.trust} is not a trust file: ${error.message}`, TRUST_HELP);
    if (error instanceof HeldError)
      return unable(
        terminal,
        `${asked.held} cannot be used: ${error.message}`,
        'one receipt a line, as JSON',
      );
    if (error instanceof CheckpointError)
      return unable(terminal, `${asked.seen} cannot be used: ${error.message}`, 'name a file of checkpoints');
    if (error instanceof SourceError)
      return unable(terminal, error.message, error.message.includes('trust file') ? TRUST_HELP : SOURCE_HELP);
    throw error;
  }
}

const TRUST_HELP =
  'it is the JSON file that `sepal init` or `sepal keygen log` wrote beside the log: ask the operator';
const SOURCE_HELP =
  'LOG is a folder with `entries/` and `checkpoints`, an export, or a receipt with its proof';

function unable(terminal: Terminal, message: string, help: string): number {
  terminal.err(`error: ${message}\n  = help: ${help}\n`);
  return EXIT.unable;
}

interface Asked {
  readonly log: string;
  readonly trust: string | undefined;
  readonly policies: readonly string[];
  readonly openings: string | undefined;
  readonly held: string | undefined;
  readonly seen: string | undefined;
  readonly json: boolean;
  readonly options: VerifyOptions;
}

/** What the arguments ask for; null for help; a sentence when they are wrong. */
function ask(argv: readonly string[], compiler: boolean): Asked | string | null {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('. ')[0] ?? '';
  }
  const { values, positionals } = parsed;
  if (values.help === true) return null;
  if (values.policy !== undefined && !compiler)
    return 'sepal-verify has no compiler: `sepal verify --policy FILE` decides again what the log says was decided';
  const [log] = positionals;
  if (log === undefined || positionals.length > 1)
    return 'give one log folder: `verify LOG --trust trust.json`';
  if (values.seen !== undefined && values.trust === undefined)
    return '--seen needs --trust: without the log key nothing says who signed the checkpoints';
  const { format, signatures } = values;
  const second = values['second-opinion'];
  if (format !== 'text' && format !== 'json') return `--format is text or json, not ${format}`;
  if (signatures !== 'all' && signatures !== 'checkpoint')
    return `--signatures is all or checkpoint, not ${signatures}`;
  if (second !== 'none' && second !== 'sample' && second !== 'all') {
    return `--second-opinion is none, sample or all, not ${second}`;
  }
  return {
    log,
    trust: values.trust,
    policies: values.policy ?? [],
    openings: values.openings,
    held: values.held,
    seen: values.seen,
    json: format === 'json',
    options: { signatures, secondOpinion: second },
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
}

/** What is given beside the log. */
async function beside(asked: Asked): Promise<Pick<VerifyOptions, 'openings' | 'held' | 'seen'>> {
  const own = join(asked.log, 'openings.jsonl');
  const there = (await stat(own).catch(() => null))?.isFile() === true;
  const openings = asked.openings ?? (there ? own : undefined);
  return {
    ...(openings === undefined ? {} : { openings: fileChunks(openings) }),
    ...(asked.seen === undefined ? {} : { seen: await seenNotes(asked.seen) }),
    ...(asked.held === undefined ? {} : { held: parseHeld(await readText(asked.held, 'the held receipts')) }),
  };
}

/** One checkpoint, or several as in the file `checkpoints`. */
async function seenNotes(path: string): Promise<readonly string[]> {
  const { notes, torn } = splitCheckpoints(`${(await readText(path, 'the checkpoints')).trimEnd()}\n\n`);
  if (torn.trim() !== '' || notes.length === 0)
    throw new SourceError(`${path} does not hold whole checkpoints`);
  return notes;
}

const verifyFile = (text: string, trust: string | undefined): Report =>
  text.startsWith(`${EQUIVOCATION_HEADER}\n`) ? verifyEquivocation(text, trust) : verifyReceipt(text, trust);

/** More than any receipt with its proof. */
const MAX_RECEIPT = 1024 * 1024;

/** The text of one receipt with its proof; null when `path` is a folder. */
async function receiptText(path: string): Promise<string | null> {
  const about = await stat(path).catch(() => null);
  if (about?.isFile() !== true) return null;
  if (about.size > MAX_RECEIPT)
    throw new SourceError(`${path} is neither a log folder nor a receipt with its proof`);
  return await readText(path, 'the receipt');
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SourceError(`cannot read ${what} ${file}: ${reason(error)}`);
  }
}

const QUIET_MS = 300;

function progress(terminal: Terminal): (entries: number) => void {
  if (!terminal.interactive) return () => {};
  let next = Date.now() + QUIET_MS;
  return (entries) => {
    const now = Date.now();
    if (now < next) return;
    next = now + QUIET_MS;
    terminal.err(`\r${entries} entries\r`);
  };
}

/** One line a property, then the result and what it leaves open. */
export function printReport(report: Report): string {
  const width = Math.max(...report.properties.map((p) => p.name.length));
  const lines = report.properties.map((p) => `${p.name.padEnd(width)}  ${statusText(p)}`);
  const open = report.properties.filter((p) => p.status === 'not checked').map((p) => p.name);
  const rest = open.length === 0 ? '' : `; not checked: ${open.join(', ')}`;
  const evidence =
    report.evidence === undefined
      ? ''
      : `\nProof for others; keep it in a file, and check it with sepal-verify FILE --trust trust.json:\n\n${report.evidence}`;
  return `${lines.join('\n')}\n\n${report.result}: ${report.entries} entries${rest}\n${evidence}`;
}

function statusText(property: Property): string {
  const { status, entry } = property;
  // A log is hostile: what it says reaches the terminal only as printable ASCII.
  const detail = property.detail.replaceAll(/[^\u0020-\u007e]/g, '?');
  switch (status) {
    case 'pass':
      return detail === '' ? 'pass' : `pass         ${detail}`;
    case 'fail':
      return `FAIL         ${entry === null ? '' : `at entry ${entry}: `}${detail}`;
    case 'not checked':
      return `not checked  ${detail}`;
    default:
      return assertNever(status);
  }
}

function assertNever(value: never): never {
  throw new Error(`unexpected ${String(value)}`);
}
