// SPDX-License-Identifier: Apache-2.0
/** Reading the tables of a dialect: keys that are known, values of one kind, everything that is wrong with its place. */
import { didYouMean } from '../diagnostics/suggest.js';
import type { Entry, ImportFault, List, Table, Value } from './document.js';
import type { Note } from './model.js';

export class Reader {
  readonly faults: ImportFault[] = [];
  readonly notes: Note[] = [];

  fault(at: number, message: string, help: string): null {
    this.faults.push({ at, message, help });
    return null;
  }

  note(at: number, text: string): void {
    if (!this.notes.some((note) => note.text === text)) this.notes.push({ at, text });
  }

  /** The members of a table by key; keys that are not in `known` are faults. */
  table(value: Value | undefined, what: string, known: readonly string[]): Fields | null {
    if (value === undefined) return null;
    if (value.kind !== 'table')
      return this.fault(value.at, `${what} is not a table of keys`, 'write `key: value`');
    for (const entry of value.entries) {
      if (known.includes(entry.key)) continue;
      const near = didYouMean(entry.key, known) ?? `known are ${known.map((key) => `\`${key}\``).join(', ')}`;
      this.fault(entry.at, `${what} has no key \`${entry.key.slice(0, 60)}\``, near);
    }
    return new Fields(this, value, what);
  }

  list(value: Value, what: string): List | null {
    if (value.kind === 'list') return value;
    return this.fault(value.at, `${what} is not a list`, 'write `- item` lines, or `[a, b]`');
  }

  text(value: Value, what: string): string | null {
    if (value.kind === 'scalar' && typeof value.value === 'string' && value.value !== '') return value.value;
    return this.fault(value.at, `${what} is not a text`, 'write it in quotes');
  }

  /** One text or a list of them. */
  texts(value: Value, what: string): readonly string[] {
    const items = value.kind === 'list' ? value.items : [value];
    if (items.length === 0) this.fault(value.at, `${what} is an empty list`, 'name at least one');
    return items.flatMap((item) => this.text(item, what) ?? []);
  }

  choice<W extends string>(value: Value, what: string, words: readonly W[]): W | null {
    const text = value.kind === 'scalar' ? value.text : '';
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const near = didYouMean(text, words) ?? `write one of ${words.map((word) => `\`${word}\``).join(', ')}`;
    return this.fault(value.at, `${what} is not one of the words that are known here`, near);
  }

  count(value: Value, what: string): number | null {
    const n = value.kind === 'scalar' ? value.value : null;
    if (typeof n === 'number' && Number.isSafeInteger(n) && n >= 0) return n;
    return this.fault(value.at, `${what} is not a whole number`, 'write digits, as `5`');
  }

  bool(value: Value, what: string): boolean | null {
    if (value.kind === 'scalar' && typeof value.value === 'boolean') return value.value;
    return this.fault(
      value.at,
      `${what} is neither \`true\` nor \`false\``,
      'YAML 1.2 knows these two words',
    );
  }

  /** `15m` as it is; also `"90s"`, `"2h"`, `"1d"`. */
  duration(value: Value, what: string): string | null {
    const text = value.kind === 'scalar' ? value.text : '';
    if (/^[1-9]\d{0,8}[smhd]$/.test(text)) return text;
    return this.fault(
      value.at,
      `${what} is not a duration`,
      'write a number and `s`, `m`, `h` or `d`, as "15m"',
    );
  }
}

/** The members of one table. */
export class Fields {
  readonly at: number;
  readonly comment: readonly string[];
  private readonly reader: Reader;
  private readonly what: string;
  private readonly entries: ReadonlyMap<string, Entry>;

  constructor(reader: Reader, table: Table, what: string) {
    this.reader = reader;
    this.what = what;
    this.at = table.at;
    this.comment = table.comment;
    this.entries = new Map(table.entries.map((entry) => [entry.key, entry]));
  }

  get(key: string): Value | undefined {
    return this.entries.get(key)?.value;
  }

  /** Where a key stands. */
  place(key: string): number {
    return this.entries.get(key)?.at ?? this.at;
  }

  need(key: string): Value | null {
    const value = this.get(key);
    if (value !== undefined) return value;
    return this.reader.fault(this.at, `${this.what} has no \`${key}\``, `write \`${key}: …\``);
  }

  /** Null where the key is absent, or its value is a fault. */
  read<T>(key: string, how: (value: Value, what: string) => T | null): T | null {
    const value = this.get(key);
    return value === undefined ? null : how(value, `\`${key}\``);
  }

  text(key: string): string | null {
    return this.read(key, (value, what) => this.reader.text(value, what));
  }
}
