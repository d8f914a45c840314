// SPDX-License-Identifier: Apache-2.0
/** Words, names, literals and expressions. The statements stand in parser.ts. */
import { type Alternative, Engine, type Rule, type RuleOptions } from './engine.js';
import { FREE_MEMBERS, MAX_ARITHMETIC, MAX_DEPTH, MAX_FAULTS, MAX_OPERATORS, TooLarge } from './guards.js';
import { durationMs, regexValue, stringValue, visible } from './literals.js';
import type { Token } from './token.js';
import * as t from './tokens.js';
import type * as tree from './tree.js';

type Expr = tree.Expr;
type Span = tree.Span;

/**
 * What a rule that failed hands up: enough members that no action throws. The statement around it is dropped, so that nothing
 * of it is ever seen.
 */
export const RECOVERED: RuleOptions = {
  recoveryValueFunc: () =>
    ({
      kind: 'name',
      text: '',
      quoted: false,
      value: 'deny',
      parts: [],
      ms: 0,
      span: { start: 0, end: 0 },
      key: { text: '', quoted: false, span: { start: 0, end: 0 } },
    }) as never,
};

export abstract class ExpressionParser extends Engine {
  /** Faults that are not Chevrotain's: duplicates, escapes, chains. */
  protected found: tree.Fault[] = [];
  /** Levels of nesting around the next token, those of conditions among them, and the operators of this condition. */
  private depth = 0;
  private conditions = 0;
  private operators = 0;
  private arithmetic = 0;

  protected start(): number {
    return this.LA(1).startOffset;
  }
  protected from(start: number): Span {
    const last = this.LA(0);
    return { start, end: last.startOffset + (last.image?.length ?? 0) };
  }
  protected spanOf(token: Token): Span {
    return { start: token.startOffset, end: token.startOffset + (token.image?.length ?? 0) };
  }
  protected fault(code: string, span: Span, args: Record<string, string> = {}): void {
    this.ACTION(() => {
      if (this.found.length < MAX_FAULTS) this.found.push({ code, span, args });
    });
  }
  protected nameOf(token: Token): tree.Name {
    return { text: token.image, quoted: false, span: this.spanOf(token) };
  }
  protected strOf(token: Token): tree.Str {
    return { value: this.text(token), span: this.spanOf(token) };
  }
  protected text(token: Token): string {
    return this.ACTION(() => stringValue(token.image, token.startOffset, this.found)) ?? '';
  }
  protected durationOf(token: Token): tree.Duration {
    const ms = durationMs(token.image);
    const span = this.spanOf(token);
    if (!Number.isSafeInteger(ms)) {
      this.fault('SEP1005', span, { found: token.image, expected: 'a duration that can be measured' });
    }
    return { ms, text: token.image, span };
  }
  protected numOf(token: Token): tree.Num {
    this.plainNumber(token);
    return { text: token.image, span: this.spanOf(token) };
  }

  /** Digits are kept as written, and other languages read `010` as eight. */
  protected plainNumber(token: Token): void {
    if (!/^0\d/.test(token.image)) return;
    const args = { found: visible(token.image, 40), expected: 'a number: it starts with a zero' };
    this.fault('SEP1005', this.spanOf(token), args);
  }

  protected resetLevels(): void {
    this.depth = 0;
    this.conditions = 0;
  }
  /** Whatever may hold itself is read through here, so that no text can exhaust the stack. */
  protected deeper<T>(read: () => T): T {
    if (this.depth >= MAX_DEPTH) {
      throw new TooLarge(`nesting deeper than ${MAX_DEPTH} levels`, this.spanOf(this.LA(1)));
    }
    this.depth++;
    try {
      return read();
    } finally {
      this.depth--;
    }
  }
  /** A condition, or a part of one: the outermost starts to count operators anew. */
  protected inCondition<T>(read: () => T): T {
    if (this.conditions === 0) {
      this.operators = 0;
      this.arithmetic = 0;
    }
    this.conditions++;
    try {
      return this.deeper(read);
    } finally {
      this.conditions--;
    }
  }
  private countOperator(): void {
    if (++this.operators <= MAX_OPERATORS || this.RECORDING_PHASE) return;
    throw new TooLarge(`a condition of more than ${MAX_OPERATORS} operators`, this.spanOf(this.LA(1)));
  }
  private countArithmetic(): void {
    this.countOperator();
    if (++this.arithmetic <= MAX_ARITHMETIC || this.RECORDING_PHASE) return;
    const what = `a condition of more than ${MAX_ARITHMETIC} sums, products and members of members`;
    throw new TooLarge(what, this.spanOf(this.LA(1)));
  }

  /** A name that a statement gives: not reserved. */
  protected id = this.RULE('name', (): tree.Name => this.nameOf(this.CONSUME(t.NameWord)), RECOVERED);
  protected str = this.RULE('string', (): tree.Str => this.strOf(this.CONSUME(t.StringToken)));
  protected int = this.RULE('whole number', (): tree.Num => this.numOf(this.CONSUME(t.Int)));
  protected duration = this.RULE(
    'duration',
    (): tree.Duration => this.durationOf(this.CONSUME(t.DurationToken)),
  );
  protected anyWord = this.RULE('word', (): tree.Name => this.nameOf(this.CONSUME(t.AnyWord)), RECOVERED);
  private readonly members: readonly Alternative<tree.Name>[] = [
    { ALT: () => this.nameOf(this.CONSUME(t.AnyWord)) },
    {
      ALT: () => {
        const token = this.CONSUME(t.StringToken);
        return { text: this.text(token), quoted: true, span: this.spanOf(token) };
      },
    },
  ];
  protected wordOrString = this.RULE('member', (): tree.Name => this.OR(this.members), RECOVERED);

  protected dotted = this.RULE(
    'dotted name',
    (): tree.Dotted => {
      const start = this.start();
      const parts = [this.SUBRULE(this.id)];
      this.MANY(() => {
        this.CONSUME(t.Dot);
        parts.push(this.SUBRULE(this.anyWord));
      });
      return this.dottedOf(parts, this.from(start));
    },
    RECOVERED,
  );
  protected dottedOf(parts: readonly tree.Name[], span: Span): tree.Dotted {
    return { parts, text: parts.map((p) => p?.text ?? '').join('.'), span };
  }

  /** `image` is a PART as written, `start` its offset. */
  protected globOf(image: string, start: number): tree.Glob {
    const quoted = image.startsWith('"');
    const text = quoted ? stringValue(image, start, this.found) : image;
    return { text, quoted, span: { start, end: start + image.length } };
  }
  protected principalOf(token: Token): tree.PrincipalPattern {
    const colon = token.image.indexOf(':');
    const kind = token.image.slice(0, colon) as tree.PrincipalPattern['type'];
    const glob = this.globOf(token.image.slice(colon + 1), token.startOffset + colon + 1);
    return { kind: 'principal', type: kind, glob, span: this.spanOf(token) };
  }
  protected principalPattern = this.RULE(
    'principal',
    (): tree.PrincipalPattern => {
      const token = this.CONSUME(t.KindPart);
      return this.ACTION(() => this.principalOf(token));
    },
    RECOVERED,
  );

  protected expr: Rule<Expr> = this.RULE('condition', () => this.inCondition(() => this.disjunction()));
  private disjunction(): Expr {
    const start = this.start();
    let left = this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(t.kw('or'));
      this.countOperator();
      const right = this.SUBRULE2(this.conjunction);
      left = { kind: 'or', left, right, span: this.from(start) };
    });
    return left;
  }

  private conjunction: Rule<Expr> = this.RULE('conjunction', (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(t.kw('and'));
      this.countOperator();
      const right = this.SUBRULE2(this.negation);
      left = { kind: 'and', left, right, span: this.from(start) };
    });
    return left;
  });

  private readonly negations: readonly Alternative<Expr>[] = [
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('not'));
        const operand = this.deeper(() => this.SUBRULE(this.negation));
        return { kind: 'not', operand, span: this.from(start) };
      },
    },
    { ALT: () => this.SUBRULE(this.comparison) },
  ];
  private negation: Rule<Expr> = this.RULE('negation', (): Expr => this.OR(this.negations));

  private comparison: Rule<Expr> = this.RULE('comparison', (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.sum);
    let count = 0;
    this.MANY(() => {
      const at = this.start();
      this.countOperator();
      const tail = this.SUBRULE(this.tail);
      const span = this.from(start);
      this.ACTION(() => {
        if (tail === undefined) return;
        left = joined(left, tail, span);
        if (count++ === 1) this.fault('SEP1007', this.from(at));
      });
    });
    return left;
  });

  /** What follows the left operand of a comparison. */
  private readonly tails: readonly Alternative<Tail>[] = [
    {
      ALT: () => {
        const start = this.start();
        const op = this.SUBRULE(this.compareOp);
        const opSpan = this.from(start);
        return { kind: 'compare', op, opSpan, right: this.SUBRULE(this.sum) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        const op = this.SUBRULE(this.testOp);
        const opSpan = this.from(start);
        return { kind: 'test', op, opSpan, right: this.SUBRULE2(this.sum) };
      },
    },
    {
      ALT: () => {
        this.CONSUME(t.kw('has'));
        this.CONSUME(t.kw('role'));
        return { kind: 'hasRole', role: this.SUBRULE(this.anyWord) };
      },
    },
  ];
  private tail: Rule<Tail> = this.RULE('comparison operator', (): Tail => this.OR(this.tails));

  private readonly compareOps: readonly Alternative<Token>[] = [
    { ALT: () => this.CONSUME(t.EqualEqual) },
    { ALT: () => this.CONSUME(t.NotEqual) },
    { ALT: () => this.CONSUME(t.LessEqual) },
    { ALT: () => this.CONSUME(t.GreaterEqual) },
    { ALT: () => this.CONSUME(t.Less) },
    { ALT: () => this.CONSUME(t.Greater) },
  ];
  private compareOp = this.RULE('operator', (): tree.CompareOp => {
    const token = this.OR(this.compareOps);
    return token.image as tree.CompareOp;
  });

  private readonly testOps: readonly Alternative<tree.TestOp>[] = [
    { ALT: () => this.keyword('in', 'in') },
    { ALT: () => this.keyword('under', 'under') },
    { ALT: () => this.keyword('within', 'within') },
    { ALT: () => this.keyword('contains', 'contains') },
    { ALT: () => this.keyword('like', 'like') },
    { ALT: () => this.keyword('matches', 'matches') },
    {
      ALT: () => {
        this.CONSUME(t.kw('starts'));
        this.CONSUME1(t.kw('with'));
        return 'starts with';
      },
    },
    {
      ALT: () => {
        this.CONSUME(t.kw('ends'));
        this.CONSUME2(t.kw('with'));
        return 'ends with';
      },
    },
    {
      ALT: () => {
        this.CONSUME(t.kw('not'));
        return this.SUBRULE(this.negatedOp);
      },
    },
  ];
  private testOp = this.RULE('operator word', (): tree.TestOp => this.OR(this.testOps));
  private negatedOp: Rule<tree.TestOp> = this.RULE(
    'operator after not',
    (): tree.TestOp =>
      this.OR<tree.TestOp>([
        { ALT: () => this.keyword('in', 'not in') },
        { ALT: () => this.keyword('under', 'not under') },
        { ALT: () => this.keyword('within', 'not within') },
      ]),
  );
  private keyword<T>(word: t.Keyword, value: T): T {
    this.CONSUME(t.kw(word));
    return value;
  }

  private sum: Rule<Expr> = this.RULE('sum', (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.product);
    this.MANY(() => {
      const op = this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
      this.countArithmetic();
      const right = this.SUBRULE2(this.product);
      left = { kind: 'arith', op: op.image as '+' | '-', left, right, span: this.from(start) };
    });
    return left;
  });

  private product: Rule<Expr> = this.RULE('product', (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(t.Star);
      this.countArithmetic();
      const right = this.SUBRULE2(this.operand);
      left = { kind: 'arith', op: '*', left, right, span: this.from(start) };
    });
    return left;
  });

  private readonly operands: readonly Alternative<Expr>[] = [
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.Minus);
        const operand = this.deeper(() => this.SUBRULE(this.operand));
        return { kind: 'negate', operand, span: this.from(start) };
      },
    },
    { ALT: () => this.SUBRULE(this.postfix) },
  ];
  protected operand: Rule<Expr> = this.RULE('operand', (): Expr => this.OR(this.operands));

  private postfix: Rule<Expr> = this.RULE('operand with members', (): Expr => {
    const start = this.start();
    let value = this.SUBRULE(this.primary);
    let members = 0;
    this.MANY(() => {
      if (members++ < FREE_MEMBERS) this.countOperator();
      else this.countArithmetic();
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Dot);
            const property = this.SUBRULE(this.wordOrString);
            value = { kind: 'member', object: value, property, span: this.from(start) };
          },
        },
        {
          ALT: () => {
            const args = this.SUBRULE(this.callArgs);
            const object = value;
            value = this.ACTION(() => this.callOf(object, args, this.from(start)));
          },
        },
      ]);
    });
    return value;
  });

  private callArgs: Rule<readonly Expr[]> = this.RULE('arguments', (): readonly Expr[] => {
    const args: Expr[] = [];
    this.CONSUME(t.OpenParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.expr)) });
    this.CONSUME(t.CloseParen);
    return args;
  });

  /** `callee(args)`: the callee is a name or a chain of members of a name. */
  private callOf(callee: Expr, args: readonly Expr[], span: Span): Expr {
    const parts: tree.Name[] = [];
    let at = callee;
    while (at?.kind === 'member') {
      parts.unshift(at.property);
      at = at.object;
    }
    if (at?.kind !== 'name') {
      this.fault('SEP1002', span, { expected: 'a function before `(`', found: 'a value' });
      return callee;
    }
    return { kind: 'call', callee: this.dottedOf([at.name, ...parts], callee.span), args, span };
  }

  private readonly primaries: readonly Alternative<Expr>[] = [
    { ALT: () => this.literal('null', this.CONSUME(t.kw('null'))) },
    { ALT: () => this.literal('true', this.CONSUME(t.kw('true'))) },
    { ALT: () => this.literal('false', this.CONSUME(t.kw('false'))) },
    { ALT: () => this.numberOf(this.CONSUME(t.Int), false) },
    { ALT: () => this.numberOf(this.CONSUME(t.Decimal), true) },
    {
      ALT: () => {
        const token = this.CONSUME(t.StringToken);
        return { kind: 'string', value: this.text(token), span: this.spanOf(token) };
      },
    },
    {
      ALT: () => {
        const token = this.CONSUME(t.Regex);
        return { kind: 'regex', value: regexValue(token.image), span: this.spanOf(token) };
      },
    },
    {
      ALT: () => {
        const token = this.CONSUME(t.DurationToken);
        const { ms, text, span } = this.durationOf(token);
        return { kind: 'duration', ms, text, span };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        const items: Expr[] = [];
        this.CONSUME(t.OpenBracket);
        this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.expr)) });
        this.CONSUME(t.CloseBracket);
        return { kind: 'list', items, span: this.from(start) };
      },
    },
    {
      ALT: () => {
        this.CONSUME(t.OpenParen);
        const inner = this.SUBRULE2(this.expr);
        this.CONSUME(t.CloseParen);
        return inner;
      },
    },
    {
      ALT: () => {
        const pattern = this.SUBRULE(this.principalPattern);
        return { kind: 'principal', pattern, span: pattern.span };
      },
    },
    { ALT: () => this.SUBRULE(this.quantifier) },
    { ALT: () => this.SUBRULE(this.nameExpr) },
  ];
  private primary: Rule<Expr> = this.RULE('value', (): Expr => this.OR(this.primaries));

  private literal(word: 'null' | 'true' | 'false', token: Token): Expr {
    const span = this.spanOf(token);
    return word === 'null' ? { kind: 'null', span } : { kind: 'bool', value: word === 'true', span };
  }
  private numberOf(token: Token, decimal: boolean): Expr {
    this.plainNumber(token);
    return { kind: 'number', text: token.image, decimal, span: this.spanOf(token) };
  }

  private quantifier: Rule<Expr> = this.RULE('quantifier', (): Expr => {
    const start = this.start();
    const mode = this.OR([
      { ALT: () => this.CONSUME(t.kw('all')) },
      { ALT: () => this.CONSUME(t.kw('any')) },
    ]);
    this.CONSUME(t.OpenParen);
    const list = this.SUBRULE(this.expr);
    this.CONSUME(t.Comma);
    const param = this.SUBRULE(this.id);
    this.CONSUME(t.FatArrow);
    const body = this.SUBRULE2(this.expr);
    this.CONSUME(t.CloseParen);
    return {
      kind: 'quantifier',
      mode: mode.image as 'all' | 'any',
      list,
      param,
      body,
      span: this.from(start),
    };
  });

  /** Names of policies, and the reserved words that are operands. */
  private readonly nameWords: readonly Alternative<Token>[] = [
    { ALT: () => this.CONSUME(t.NameWord) },
    { ALT: () => this.CONSUME(t.kw('args')) },
    { ALT: () => this.CONSUME(t.kw('principal')) },
    { ALT: () => this.CONSUME(t.kw('user')) },
    { ALT: () => this.CONSUME(t.kw('session')) },
    { ALT: () => this.CONSUME(t.kw('tool')) },
    { ALT: () => this.CONSUME(t.kw('now')) },
    { ALT: () => this.CONSUME(t.kw('result')) },
    { ALT: () => this.CONSUME(t.kw('self')) },
  ];
  private nameExpr: Rule<Expr> = this.RULE('name in a condition', (): Expr => {
    const token = this.OR(this.nameWords);
    const name = this.nameOf(token);
    return { kind: 'name', name, span: name.span };
  });
}

type Tail =
  | { readonly kind: 'compare'; readonly op: tree.CompareOp; readonly opSpan: Span; readonly right: Expr }
  | { readonly kind: 'test'; readonly op: tree.TestOp; readonly opSpan: Span; readonly right: Expr }
  | { readonly kind: 'hasRole'; readonly role: tree.Name };

/** Member by member: a literal that begins with a spread gets a hidden class of its own each time, and keeps it. */
function joined(left: Expr, tail: Tail, span: Span): Expr {
  switch (tail.kind) {
    case 'compare':
      return { kind: 'compare', op: tail.op, opSpan: tail.opSpan, right: tail.right, left, span };
    case 'test':
      return { kind: 'test', op: tail.op, opSpan: tail.opSpan, right: tail.right, left, span };
    case 'hasRole':
      return { kind: 'hasRole', role: tail.role, subject: left, span };
    default:
      // Made up by recovery, which drops the statement.
      return left;
  }
}
