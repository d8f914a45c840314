// SPDX-License-Identifier: Apache-2.0
/**
 * Rules of the terminal: stdout is the result, stderr is everything else. Colour only on a terminal and without `NO_COLOR`.
 * Text that came from elsewhere (servers, clients, receipts) passes `shown`, so that it cannot steer the terminal.
 */
import { EXIT } from './exit-codes.js';

export interface Io {
  /** The result. */
  readonly out: (text: string) => void;
  /** Progress and errors. */
  readonly err: (text: string) => void;
  readonly env: { readonly [name: string]: string | undefined };
  readonly cwd: string;
  /** May stdout be coloured? */
  readonly colour: boolean;
  readonly now: () => number;
  /** Told before a large policy is compiled. */
  readonly onLarge?: () => void;
}

/** What a terminal is costs node as much to find out as a small policy to check: nobody asks before there is something to say. */
export function terminal(onLarge: () => void = () => undefined): Io {
  const { env } = process;
  const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    out: (text) => void stdout().write(text),
    err: (text) => void process.stderr.write(text),
    env,
    cwd: process.cwd(),
    get colour() {
      return !plain && stdout().isTTY;
    },
    now: Date.now,
    onLarge,
  };
}

let guarded = false;

/** Ends the process where the reader of stdout went away: there is nobody left to tell. */
export function stdout(): typeof process.stdout {
  if (guarded) return process.stdout;
  guarded = true;
  return process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.failed);
    throw error;
  });
}

const CODES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
export type Colour = keyof typeof CODES;

export function paint(io: Pick<Io, 'colour'>, colour: Colour, text: string): string {
  return io.colour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** The colour of an effect, everywhere the same. */
export function paintEffect(io: Pick<Io, 'colour'>, effect: string, text = effect): string {
  const colour = effect === 'allow' ? 'green' : effect === 'deny' ? 'red' : 'yellow';
  return paint(io, colour, text);
}

/** Control, bidirectional and invisible characters as escapes. */
export function shown(text: string): string {
  let out = '';
  for (const c of text) {
    const point = c.codePointAt(0) ?? 0;
    out += hidden(point) ? `\\u{${point.toString(16)}}` : c;
  }
  return out;
}

function hidden(point: number): boolean {
  return (
    point < 0x20 ||
    (point >= 0x7f && point < 0xa0) ||
    point === 0xad ||
    point === 0x61c ||
    (point >= 0x200b && point <= 0x200f) ||
    (point >= 0x2028 && point <= 0x206f) ||
    point === 0xfeff ||
    (point >= 0xd800 && point <= 0xdfff) ||
    (point >= 0xfff9 && point <= 0xfffb) ||
    (point >= 0xe0000 && point <= 0xe0fff)
  );
}

/** Columns padded to one width; the last is left as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
