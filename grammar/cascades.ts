// SPDX-License-Identifier: Apache-2.0
/**
 * Which syntax errors to tell. After a mistake the parser goes on at the next word that may start a statement; where that word
 * is really part of the broken statement, what follows is nonsense and not the author's mistake.
 */
import type { SyntaxFault } from './engine.js';
import type { Token } from './token.js';
import { STATEMENT_TYPES } from './tokens.js';

/** The statements of one file or template, while they are read. */
export class Sequence {
  /** Errors told before the next statement. */
  seen: number;
  /** A statement was broken, and none was read since that stands by itself. */
  recovering = false;
  /** The start of the last statement that stands by itself. */
  last: Token | null = null;
  constructor(seen: number) {
    this.seen = seen;
  }
}

export class Cascades {
  private readonly source: string;
  private readonly judged = new Set<number>();
  private readonly muted = new Set<number>();
  private lines: readonly number[] | undefined;

  constructor(source: string) {
    this.source = source;
  }

  told(errors: readonly SyntaxFault[]): readonly SyntaxFault[] {
    return errors.filter((_, i) => !this.muted.has(i));
  }

  /** Errors outside of statements: the first is told, unless a broken statement led to it. */
  between(sequence: Sequence, now: number): void {
    for (let i = sequence.seen; i < now; i++) {
      if (this.judged.has(i)) continue;
      this.judge(i, !sequence.recovering);
      sequence.recovering = true;
    }
    sequence.seen = now;
  }

  /** True when a statement that starts with `first` is what remains of a broken one: inside a line, or further in. */
  leftover(sequence: Sequence, first: Token): boolean {
    const { last, recovering } = sequence;
    if (recovering && last !== null && this.column(first) > this.column(last)) return true;
    if (recovering && !this.startsLine(first)) return true;
    sequence.last = first;
    return false;
  }

  /** Errors of one statement: the first, and those further down that its end did not cause. */
  within(sequence: Sequence, errors: readonly SyntaxFault[], leftover: boolean): void {
    let line = 0;
    for (let i = sequence.seen; i < errors.length; i++) {
      const token = errors[i]?.token;
      if (token === undefined || this.judged.has(i)) continue;
      const later = line === 0 || (token.startOffset >= line && !this.startsStatement(token));
      this.judge(i, !leftover && later);
      if (later) line = this.lineEnd(token);
    }
    sequence.recovering = errors.length > sequence.seen || leftover;
    sequence.seen = errors.length;
  }

  private judge(index: number, told: boolean): void {
    this.judged.add(index);
    if (!told) this.muted.add(index);
  }

  private startsStatement(token: Token): boolean {
    return STATEMENT_TYPES.has(token.tokenType) && this.startsLine(token);
  }
  private startsLine(token: Token): boolean {
    const { startOffset } = token;
    return this.source.slice(startOffset - this.column(token), startOffset).trim() === '';
  }
  private column(token: Token): number {
    this.lines ??= lineStarts(this.source);
    let [low, high] = [0, this.lines.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.lines[middle] ?? 0) <= token.startOffset) low = middle;
      else high = middle;
    }
    return token.startOffset - (this.lines[low] ?? 0);
  }
  /** The end of the file, which has no place, is after every line. */
  private lineEnd(token: Token): number {
    const end = Number.isInteger(token.startOffset) ? this.source.indexOf('\n', token.startOffset) : -1;
    return end < 0 ? Number.POSITIVE_INFINITY : end;
  }
}

function lineStarts(source: string): readonly number[] {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
