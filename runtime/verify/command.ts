// SPDX-License-Identifier: Apache-2.0
/** The command `sepal-verify`, also behind `sepal verify`: result on stdout, progress and errors on stderr. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Property, Report } from './report.js';
import { SourceError } from './source.js';
import { TrustError, verify, type VerifyOptions } from './verify.js';

/** 0 pass, 5 fail, 7 incomplete, 1 could not run. */
export const EXIT = { pass: 0, fail: 5, incomplete: 7, unable: 1 } as const;

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Is stderr a terminal? Progress goes there only then. */
  readonly interactive: boolean;
}

const USAGE = `sepal-verify LOG --trust trust.json

Verifies a receipt log (a folder with entries/ and checkpoints) without trusting who wrote it.

  --trust FILE             the trust file: origin, root, logKey, genesis (without it: at best "incomplete")
  --format text|json       how to print the report (text)
  --signatures all|checkpoint
                           check every signature (all), or only those of entries that no checkpoint covers
  --second-opinion none|sample|all
                           check signatures again with tweetnacl: never, one in a hundred, or every one (none)

Exit codes: 0 pass, 5 fail, 7 incomplete, 1 could not run.
`;

const OPTIONS = {
  trust: { type: 'string' },
  format: { type: 'string', default: 'text' },
  signatures: { type: 'string', default: 'all' },
  'second-opinion': { type: 'string', default: 'none' },
  policy: { type: 'string' },
  openings: { type: 'string' },
  held: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Runs the command and returns its exit code. */
export async function verifyCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const asked = ask(argv);
  if (typeof asked === 'string') {
    terminal.err(`${asked}\n`);
    return EXIT.unable;
  }
  if (asked === null) {
    terminal.out(USAGE);
    return 0;
  }
  try {
    const trust = asked.trust === undefined ? {} : { trust: await readText(asked.trust) };
    const report = await verify(asked.log, { ...asked.options, ...trust, onProgress: progress(terminal) });
    terminal.out(asked.json ? `${JSON.stringify(report)}\n` : printReport(report));
    return EXIT[report.result];
  } catch (error) {
    if (error instanceof TrustError) terminal.err(`${asked.trust} is not a trust file: ${error.message}\n`);
    else if (error instanceof SourceError) terminal.err(`${error.message}\n`);
    else throw error;
    return EXIT.unable;
  }
}

interface Asked {
  readonly log: string;
  readonly trust: string | undefined;
  readonly json: boolean;
  readonly options: VerifyOptions;
}

/** What the arguments ask for; null for help; a sentence when they are wrong. */
function ask(argv: readonly string[]): Asked | string | null {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\nTry: sepal-verify --help`;
  }
  const { values, positionals } = parsed;
  if (values.help === true) return null;
  for (const name of ['policy', 'openings', 'held'] as const) {
    if (values[name] !== undefined) return `--${name} is not supported yet`;
  }
  const [log] = positionals;
  if (log === undefined || positionals.length > 1)
    return 'Give one log folder.\nTry: sepal-verify LOG --trust trust.json';
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
    json: format === 'json',
    options: { signatures, secondOpinion: second },
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SourceError(
      `cannot read the trust file: ${error instanceof Error ? error.message : String(error)}`,
    );
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
  return `${lines.join('\n')}\n\n${report.result}: ${report.entries} entries${rest}\n`;
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
