// SPDX-License-Identifier: Apache-2.0
/**
 * What the grammar is written in: the words of Chevrotain's parsers. A correct text is read here, by tables that Chevrotain made of
 * this grammar (lookahead.ts). For a text with a mistake Chevrotain itself stands behind each word, recovers and says what it
 * expected; that costs a tenth of a second to set up, which most runs of a command never need.
 */
import { LOOKAHEAD } from './lookahead.js';
import { isA, type Token, type TokenType } from './token.js';
import { ALL_TOKENS, End, END } from './tokens.js';

/** A rule of the grammar, for `SUBRULE`. */
export type Rule<T> = () => T;

export interface Alternative<T> {
  readonly ALT: () => T;
  readonly GATE?: () => boolean;
  /** A gate tells these apart, not the next token. */
  readonly IGNORE_AMBIGUITIES?: boolean;
}
interface Gated<T> {
  readonly DEF: () => T;
  readonly GATE: () => boolean;
}
interface Separated {
  readonly SEP: TokenType;
  readonly DEF: () => unknown;
}
export interface RuleOptions {
  /** What a rule that failed hands up. */
  readonly recoveryValueFunc: () => never;
}

/** A syntax error. */
export interface SyntaxFault {
  readonly message: string;
  readonly token: Token;
}

/** Chevrotain's parser, as far as the grammar speaks to it. */
export interface Host {
  readonly RECORDING_PHASE: boolean;
  readonly errors: readonly SyntaxFault[];
  /** Reads all tokens, by the rule where the grammar starts. */
  read(tokens: Token[], root: Rule<void>): void;
  RULE<T>(name: string, read: () => T, options?: RuleOptions): Rule<T>;
  LA(ahead: number): Token;
  ACTION<T>(act: () => T): T;
  consume(index: number, type: TokenType): Token;
  subrule<T>(index: number, rule: Rule<T>): T;
  or<T>(index: number, alternatives: readonly Alternative<T>[]): T;
  option<T>(index: number, option: (() => T) | Gated<T>): T | undefined;
  many(index: number, read: () => unknown): void;
  atLeastOneSep(index: number, separated: Separated): void;
  manySep(index: number, separated: Separated): void;
}

/** The text is not of this grammar. */
export class Mismatch extends Error {}

/** Where a rule of the grammar has to choose; the names are those of lookahead.ts. */
const CHOICES = ['or', 'option', 'many', 'many sep'] as const;
export type Choice = (typeof CHOICES)[number];
const OR = 0;
const OPTION = 1;
const MANY = 2;
const MANY_SEP = 3;
/** No rule has as many of one kind. */
const OCCURRENCES = 10;

/** By the next token, which alternative to take; -1 for none. */
type Table = Int8Array;
class Tables {
  readonly rule: string;
  readonly made: (Table | undefined)[] = [];
  constructor(rule: string) {
    this.rule = rule;
  }
}

export abstract class Engine {
  protected readonly host: Host | null;
  private tokens: readonly Token[] = [];
  /** The place of the next token. */
  private at = 0;
  private tables = new Tables('');

  constructor(host: Host | null) {
    this.host = host;
  }

  /** Reads tokens by the rule where the grammar starts; throws a `Mismatch` where no host explains what is wrong. */
  protected readAll(tokens: Token[], root: Rule<void>): void {
    if (this.host !== null) {
      this.host.read(tokens, root);
      return;
    }
    this.tokens = tokens;
    this.at = 0;
    root();
    if (this.at < tokens.length) throw new Mismatch();
  }

  protected get errors(): readonly SyntaxFault[] {
    return this.host === null ? [] : this.host.errors;
  }
  protected get RECORDING_PHASE(): boolean {
    return this.host?.RECORDING_PHASE === true;
  }

  protected RULE<T>(name: string, read: () => T, options?: RuleOptions): Rule<T> {
    if (this.host !== null) return this.host.RULE(name, read, options);
    const own = new Tables(name);
    return () => {
      const outer = this.tables;
      this.tables = own;
      const value = read();
      this.tables = outer;
      return value;
    };
  }
  protected LA(ahead: number): Token {
    if (this.host !== null) return this.host.LA(ahead);
    return this.tokens[this.at + ahead - 1] ?? END;
  }
  protected ACTION<T>(act: () => T): T {
    return this.host === null ? act() : this.host.ACTION(act);
  }

  protected CONSUME(type: TokenType): Token {
    return this.consume(0, type);
  }
  protected CONSUME1(type: TokenType): Token {
    return this.consume(1, type);
  }
  protected CONSUME2(type: TokenType): Token {
    return this.consume(2, type);
  }
  private consume(index: number, type: TokenType): Token {
    if (this.host !== null) return this.host.consume(index, type);
    const token = this.tokens[this.at] ?? END;
    if (!isA(token.tokenType, type)) throw new Mismatch();
    this.at++;
    return token;
  }

  protected SUBRULE<T>(rule: Rule<T>): T {
    return this.host === null ? rule() : this.host.subrule(0, rule);
  }
  protected SUBRULE2<T>(rule: Rule<T>): T {
    return this.host === null ? rule() : this.host.subrule(2, rule);
  }

  protected OR<T>(alternatives: readonly Alternative<T>[]): T {
    return this.or(0, alternatives);
  }
  protected OR2<T>(alternatives: readonly Alternative<T>[]): T {
    return this.or(2, alternatives);
  }
  protected OR3<T>(alternatives: readonly Alternative<T>[]): T {
    return this.or(3, alternatives);
  }
  protected OR4<T>(alternatives: readonly Alternative<T>[]): T {
    return this.or(4, alternatives);
  }
  private or<T>(index: number, alternatives: readonly Alternative<T>[]): T {
    if (this.host !== null) return this.host.or(index, alternatives);
    let chosen = this.choice(OR, index);
    // A closed gate leaves the choice to the alternatives behind it.
    while (alternatives[chosen]?.GATE?.() === false) {
      chosen = this.choiceBehind(chosen, index);
    }
    const alternative = alternatives[chosen];
    if (alternative === undefined) throw new Mismatch();
    return alternative.ALT();
  }

  protected OPTION<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(0, option);
  }
  protected OPTION2<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(2, option);
  }
  protected OPTION3<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(3, option);
  }
  protected OPTION4<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(4, option);
  }
  protected OPTION5<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(5, option);
  }
  protected OPTION6<T>(option: (() => T) | Gated<T>): T | undefined {
    return this.option(6, option);
  }
  private option<T>(index: number, option: (() => T) | Gated<T>): T | undefined {
    if (this.host !== null) return this.host.option(index, option);
    if (this.choice(OPTION, index) < 0) return undefined;
    if (typeof option === 'function') return option();
    return option.GATE() ? option.DEF() : undefined;
  }

  protected MANY(read: () => unknown): void {
    if (this.host !== null) {
      this.host.many(0, read);
      return;
    }
    while (this.choice(MANY, 0) === 0) read();
  }
  protected AT_LEAST_ONE_SEP(separated: Separated): void {
    this.atLeastOneSep(0, separated);
  }
  protected AT_LEAST_ONE_SEP2(separated: Separated): void {
    this.atLeastOneSep(2, separated);
  }
  private atLeastOneSep(index: number, separated: Separated): void {
    if (this.host !== null) this.host.atLeastOneSep(index, separated);
    else this.separated(separated);
  }
  protected MANY_SEP(separated: Separated): void {
    if (this.host !== null) this.host.manySep(0, separated);
    else if (this.choice(MANY_SEP, 0) === 0) this.separated(separated);
  }
  private separated({ SEP, DEF }: Separated): void {
    DEF();
    while (this.tokens[this.at]?.tokenType === SEP) {
      this.at++;
      DEF();
    }
  }

  private choice(kind: number, index: number): number {
    const { tables } = this;
    const slot = kind * OCCURRENCES + index;
    const table = tables.made[slot] ?? tableOf(tables, kind, index);
    return table[(this.tokens[this.at] ?? END).tokenType.id] ?? -1;
  }
  private choiceBehind(chosen: number, index: number): number {
    const next = (this.tokens[this.at] ?? END).tokenType;
    return startsOf(this.tables.rule, OR, index).findIndex(
      (starts, i) => i > chosen && starts.some((type) => isA(next, type)),
    );
  }
}

const TYPES = new Map(ALL_TOKENS.map((type) => [type.name, type]));

/** With what each alternative starts. */
function startsOf(rule: string, kind: number, index: number): readonly (readonly TokenType[])[] {
  const key = choiceKey(rule, CHOICES[kind] ?? 'or', index);
  const starts = LOOKAHEAD.get(key);
  if (starts === undefined) throw new Error(`lookahead.ts knows no \`${key}\`: write it anew`);
  return starts.map((names) => names.split(' ').flatMap((name) => TYPES.get(name) ?? []));
}
export const choiceKey = (rule: string, choice: Choice, index: number): string =>
  `${rule}: ${choice} ${index}`;

function tableOf(tables: Tables, kind: number, index: number): Table {
  const table = new Int8Array(End.id + 1).fill(-1);
  for (const [alternative, starts] of startsOf(tables.rule, kind, index).entries()) {
    for (const { id } of ALL_TOKENS.filter((type) => starts.some((start) => isA(type, start)))) {
      if (table[id] === -1) table[id] = alternative;
    }
  }
  tables.made[kind * OCCURRENCES + index] = table;
  return table;
}
