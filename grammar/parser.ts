// SPDX-License-Identifier: Apache-2.0
/** The statements of a policy (grammar/sepal.ebnf), with error recovery at the next statement. */
import { Cascades, Sequence } from './cascades.js';
import { type Alternative, type Host, Mismatch, type Rule, type SyntaxFault } from './engine.js';
import { type Budget, TooManyErrors } from './expectations.js';
import { MAX_FAULTS, TooLarge } from './guards.js';
import { CheckParser } from './parser-checks.js';
import type { Token } from './token.js';
import * as t from './tokens.js';
import type * as tree from './tree.js';

type Statement = tree.Statement;
type Method<T> = Rule<T>;

type FileParts = Omit<tree.File, 'comments' | 'span'>;
type Header = Omit<FileParts, 'statements'>;
const NO_HEADER: Header = { edition: null, name: null, version: null, tighten: false, header: null };

export interface Reading {
  readonly file: tree.File;
  readonly faults: readonly tree.Fault[];
  /** Syntax errors, without those that only follow from others. */
  readonly errors: readonly SyntaxFault[];
}

export class SepalParser extends CheckParser {
  /** How many more syntax errors are told. */
  private readonly budget: Budget | null;

  /** Without a host it reads correct text only. */
  constructor(host: Host | null, budget: Budget | null) {
    super(host);
    this.budget = budget;
  }

  /** Parses the tokens of a source; null where there is a syntax error and nothing to explain it. */
  run(tokens: Token[], source: string): Reading | null {
    this.cascades = new Cascades(source);
    this.sequence = new Sequence(0);
    this.open.length = 0;
    this.found = [];
    this.read = { ...NO_HEADER, statements: [] };
    if (this.budget !== null) this.budget.left = MAX_FAULTS;
    this.resetLevels();
    try {
      this.readAll(tokens, this.file);
    } catch (error) {
      if (error instanceof Mismatch) return null;
      this.ended(error);
    }
    this.close();
    const file = { ...this.read, comments: [], span: { start: 0, end: source.length } };
    return { file, faults: this.found, errors: this.cascades.told(this.errors) };
  }
  private cascades = new Cascades('');
  private sequence = new Sequence(0);
  /** The statements that are being read, outermost first. */
  private readonly open: { readonly sequence: Sequence; readonly leftover: boolean }[] = [];

  /** Judges the errors of statements that ended the reading. */
  private close(): void {
    for (let last = this.open.pop(); last !== undefined; last = this.open.pop()) {
      this.cascades.within(last.sequence, this.errors, last.leftover);
      this.sequence = last.sequence;
    }
    this.cascades.between(this.sequence, this.errors.length);
  }

  /** The reading ended before the file did: that is always a fault, and never an exception. */
  private ended(error: unknown): void {
    if (error instanceof TooManyErrors) return;
    const span = error instanceof TooLarge ? error.span : this.spanOf(this.LA(1));
    if (error instanceof TooLarge) this.found.push({ code: 'SEP1009', args: { what: error.message }, span });
    else if (error instanceof RangeError) {
      this.found.push({
        code: 'SEP1009',
        args: { what: 'nesting too deep for the stack of this process' },
        span,
      });
    } else if (this.errors.length + this.found.length === 0) {
      // Without a syntax error before it this is a defect of ours; the file is refused all the same.
      const what = `the parser failed here, please report it: ${error instanceof Error ? error.message : ''}`;
      this.found.push({ code: 'SEP1009', args: { what }, span });
    }
  }

  /** What was read so far; it outlives a syntax error that ends the whole rule. */
  private read: FileParts = { ...NO_HEADER, statements: [] };

  private file: Method<void> = this.RULE('file', (): void => {
    const statements: Statement[] = [];
    this.ACTION(() => {
      this.read = { ...NO_HEADER, statements };
    });
    const header = this.SUBRULE(this.header);
    this.ACTION(() => {
      this.read = { ...(header ?? NO_HEADER), statements };
    });
    this.ACTION(() => this.cascades.between(this.sequence, this.errors.length));
    this.MANY(() => this.collect(statements, () => this.SUBRULE(this.statement)));
  });

  private header: Method<Header> = this.RULE('header', (): Header => {
    const start = this.start();
    let tighten = false;
    this.CONSUME(t.kw('sep'));
    const edition = this.SUBRULE(this.int);
    this.CONSUME(t.kw('policy'));
    const name = this.SUBRULE(this.dotted);
    const token = this.CONSUME(t.Version);
    const version = this.nameOf(token);
    this.OPTION(() => {
      this.CONSUME(t.kw('tighten'));
      tighten = true;
    });
    return { edition, name, version, tighten, header: this.from(start) };
  });

  /** Keeps a statement only if it was read without a fault. */
  private collect(statements: Statement[], read: () => Statement): void {
    if (this.host === null) {
      const faults = this.found.length;
      const statement = read();
      if (this.found.length === faults) statements.push(statement);
      return;
    }
    const { sequence } = this;
    const [errors, faults] = [this.errors.length, this.found.length];
    this.ACTION(() => {
      this.cascades.between(sequence, errors);
      this.open.push({ sequence, leftover: this.cascades.leftover(sequence, this.LA(1)) });
    });
    const statement = read();
    this.ACTION(() => {
      const all = this.errors;
      if (all.length + this.found.length === errors + faults) statements.push(statement);
      this.cascades.within(sequence, all, this.open.pop()?.leftover ?? false);
      this.sequence = sequence;
    });
  }

  private readonly statementForms: readonly Alternative<Statement>[] = [
    { ALT: () => this.SUBRULE(this.importStatement) },
    { ALT: () => this.SUBRULE(this.toolsStatement) },
    { ALT: () => this.SUBRULE(this.roleStatement) },
    { ALT: () => this.SUBRULE(this.delegation) },
    { ALT: () => this.SUBRULE(this.principals) },
    { ALT: () => this.SUBRULE(this.actions) },
    { ALT: () => this.SUBRULE(this.letStatement) },
    { ALT: () => this.SUBRULE(this.fact) },
    { ALT: () => this.SUBRULE(this.schedule) },
    { ALT: () => this.SUBRULE(this.measure) },
    { ALT: () => this.SUBRULE(this.score) },
    { ALT: () => this.SUBRULE(this.rule) },
    { ALT: () => this.SUBRULE(this.redact) },
    { ALT: () => this.SUBRULE(this.decide) },
    { ALT: () => this.SUBRULE(this.template) },
    { ALT: () => this.SUBRULE(this.instance) },
    { ALT: () => this.SUBRULE(this.test) },
    { ALT: () => this.SUBRULE(this.example) },
    { ALT: () => this.SUBRULE(this.assume) },
    { ALT: () => this.SUBRULE(this.prove) },
  ];
  private statement: Method<Statement> = this.RULE(
    'statement',
    (): Statement => this.OR(this.statementForms),
  );

  private importStatement: Method<Statement> = this.RULE('import', (): Statement => {
    const start = this.start();
    let alias: tree.Name | null = null;
    this.CONSUME(t.kw('import'));
    const policy = this.SUBRULE(this.dotted);
    this.OPTION(() => {
      this.CONSUME(t.kw('as'));
      alias = this.SUBRULE(this.id);
    });
    return { kind: 'import', policy, alias, span: this.from(start) };
  });

  private toolsStatement: Method<Statement> = this.RULE('tools', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('tools'));
    return { kind: 'tools', path: this.SUBRULE(this.str), span: this.from(start) };
  });

  private roleStatement: Method<Statement> = this.RULE('roles', (): Statement => {
    const start = this.start();
    const roles: { name: tree.Name; value: tree.Str | null }[] = [];
    this.CONSUME(t.kw('role'));
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.anyWord);
        let value: tree.Str | null = null;
        this.OPTION(() => {
          this.CONSUME(t.Equals);
          value = this.SUBRULE(this.str);
        });
        roles.push({ name, value });
      },
    });
    return { kind: 'role', roles, span: this.from(start) };
  });

  private delegation: Method<Statement> = this.RULE('delegation', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('delegation'));
    this.CONSUME(t.kw('strict'));
    return { kind: 'delegation', span: this.from(start) };
  });

  private principals: Method<Statement> = this.RULE('principals', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('principals'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Equals);
    return { kind: 'principals', name, who: this.SUBRULE(this.who), span: this.from(start) };
  });

  private actions: Method<Statement> = this.RULE('actions', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('actions'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Equals);
    return { kind: 'actions', name, what: this.SUBRULE(this.what), span: this.from(start) };
  });

  private params: Method<readonly tree.Param[]> = this.RULE('parameters', (): readonly tree.Param[] => {
    const params: tree.Param[] = [];
    this.CONSUME(t.OpenParen);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const start = this.start();
        const name = this.SUBRULE(this.id);
        this.CONSUME(t.Colon);
        const type = this.SUBRULE(this.typeRef);
        this.ACTION(() => {
          if (type?.name !== 'enum') return;
          const expected =
            'a type that is not an `enum`, whose commas could not be told from those between parameters';
          this.fault('SEP1002', type.span, { expected, found: '`enum`' });
        });
        params.push({ name, type, span: this.from(start) });
      },
    });
    this.CONSUME(t.CloseParen);
    return params;
  });

  private letStatement: Method<Statement> = this.RULE('let', (): Statement => {
    const start = this.start();
    let params: readonly tree.Param[] = [];
    this.CONSUME(t.kw('let'));
    const name = this.SUBRULE(this.id);
    this.OPTION(() => {
      params = this.SUBRULE(this.params);
    });
    this.CONSUME(t.Equals);
    return { kind: 'let', name, params, body: this.SUBRULE(this.expr), span: this.from(start) };
  });

  private fact: Method<Statement> = this.RULE('fact', (): Statement => {
    const start = this.start();
    const path: tree.Name[] = [];
    let fresh: tree.Duration | null = null;
    let onUnknownReview: tree.Approval | null = null;
    this.CONSUME(t.kw('fact'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.typeRef);
    this.CONSUME(t.kw('from'));
    const source = this.OR([
      { ALT: () => this.CONSUME(t.kw('claim')) },
      { ALT: () => this.CONSUME(t.kw('config')) },
      { ALT: () => this.CONSUME(t.kw('http')) },
    ]);
    this.MANY(() => {
      this.CONSUME(t.Dot);
      path.push(this.SUBRULE(this.wordOrString));
    });
    this.OPTION(() => {
      this.CONSUME(t.kw('fresh'));
      fresh = this.SUBRULE(this.duration);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('on'));
      this.CONSUME(t.kw('unknown'));
      this.CONSUME(t.kw('review'));
      onUnknownReview = this.SUBRULE(this.approval);
    });
    const span = this.from(start);
    return {
      kind: 'fact',
      name,
      type,
      source: source.image as 'claim' | 'config' | 'http',
      path,
      fresh,
      onUnknownReview,
      span,
    };
  });

  private schedule: Method<Statement> = this.RULE('schedule', (): Statement => {
    const start = this.start();
    const windows: tree.ScheduleStatement['windows'][number][] = [];
    const except: tree.DateLit[] = [];
    this.CONSUME(t.kw('schedule'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.kw('in'));
    const zone = this.SUBRULE(this.str);
    this.CONSUME(t.OpenBrace);
    this.MANY(() => windows.push(this.SUBRULE(this.window)));
    this.OPTION(() => {
      this.CONSUME(t.kw('except'));
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => except.push(this.SUBRULE(this.date)) });
    });
    this.CONSUME(t.CloseBrace);
    return { kind: 'schedule', name, zone, windows, except, span: this.from(start) };
  });

  private window: Method<tree.ScheduleStatement['windows'][number]> = this.RULE('window', () => {
    const start = this.start();
    const days: { from: tree.Name; to: tree.Name | null }[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const from = this.SUBRULE(this.day);
        let to: tree.Name | null = null;
        this.OPTION(() => {
          this.CONSUME(t.DotDot);
          to = this.SUBRULE2(this.day);
        });
        days.push({ from, to });
      },
    });
    const from = this.time(this.CONSUME(t.Time), false);
    this.CONSUME2(t.DotDot);
    const to = this.time(this.CONSUME2(t.Time), true);
    return { days, from, to, span: this.from(start) };
  });
  private day: Method<tree.Name> = this.RULE('day', (): tree.Name => {
    const name = this.nameOf(this.CONSUME(t.Word));
    this.ACTION(() => {
      if (!DAYS.has(name.text)) {
        const found = `\`${name.text}\``;
        this.fault('SEP1002', name.span, { expected: 'a day: `mon` to `sun`', found });
      }
    });
    return name;
  });
  private time(token: Token, end: boolean): tree.Name {
    const name = this.nameOf(token);
    this.ACTION(() => {
      const [hours, minutes] = [Number(token.image.slice(0, 2)), Number(token.image.slice(3))];
      const fits = (hours < 24 && minutes < 60) || (end && token.image === '24:00');
      if (!fits) this.fault('SEP1005', name.span, { found: token.image, expected: 'a time of the day' });
    });
    return name;
  }

  private per: Method<tree.Duration | null> = this.RULE('window length', (): tree.Duration | null => {
    this.CONSUME(t.kw('per'));
    return this.OR<tree.Duration | null>([
      { ALT: () => this.SUBRULE(this.duration) },
      {
        ALT: () => {
          this.CONSUME(t.kw('session'));
          return null;
        },
      },
    ]);
  });

  private keys: Method<readonly tree.Name[]> = this.RULE('keys', (): readonly tree.Name[] => {
    const keys: tree.Name[] = [];
    this.CONSUME(t.kw('by'));
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => keys.push(this.SUBRULE(this.key)) });
    return keys;
  });
  private key: Method<tree.Name> = this.RULE(
    'key',
    (): tree.Name =>
      this.nameOf(
        this.OR([
          { ALT: () => this.CONSUME(t.kw('principal')) },
          { ALT: () => this.CONSUME(t.kw('user')) },
          { ALT: () => this.CONSUME(t.kw('session')) },
          { ALT: () => this.CONSUME(t.kw('server')) },
          { ALT: () => this.CONSUME(t.kw('tool')) },
          { ALT: () => this.CONSUME(t.kw('all')) },
        ]),
      ),
  );

  private measure: Method<Statement> = this.RULE('measure', (): Statement => {
    const start = this.start();
    let amount: tree.Num | null = null;
    const head = this.OR<{ kind: 'limit' | 'counter'; name: tree.Name }>([
      {
        ALT: () => {
          this.CONSUME(t.kw('limit'));
          const name = this.SUBRULE(this.id);
          this.CONSUME(t.Colon);
          amount = this.SUBRULE(this.int);
          return { kind: 'limit', name };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.kw('counter'));
          const name = this.SUBRULE2(this.id);
          this.CONSUME2(t.Colon);
          return { kind: 'counter', name };
        },
      },
    ]);
    const window = this.SUBRULE(this.per);
    const clauses: tree.MeasureClause[] = [];
    this.MANY(() => {
      const clause = this.SUBRULE(this.measureClause);
      this.once(clauses, clause);
    });
    const { kind, name } = head;
    return { kind, name, amount, window, clauses, span: this.from(start) };
  });

  private measureClause: Method<tree.MeasureClause> = this.RULE(
    'clause of a measure',
    (): tree.MeasureClause => {
      const start = this.start();
      return this.OR<tree.MeasureClause>([
        { ALT: () => ({ kind: 'by', keys: this.SUBRULE(this.keys), span: this.from(start) }) },
        {
          ALT: () => {
            this.CONSUME(t.kw('on'));
            return { kind: 'on', what: this.SUBRULE(this.what), span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('for'));
            return { kind: 'for', who: this.SUBRULE(this.who), span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('count'));
            const mode = this.OR2([
              { ALT: () => this.CONSUME(t.kw('admitted')) },
              { ALT: () => this.CONSUME(t.kw('attempts')) },
            ]);
            return { kind: 'count', mode: mode.image as 'admitted' | 'attempts', span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('sum'));
            return { kind: 'sum', expr: this.SUBRULE(this.expr), span: this.from(start) };
          },
        },
        {
          ALT: () => {
            const mode = this.OR3([
              { ALT: () => this.CONSUME(t.kw('sliding')) },
              { ALT: () => this.CONSUME(t.kw('fixed')) },
            ]);
            return { kind: 'window', mode: mode.image as 'sliding' | 'fixed', span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('else'));
            this.CONSUME(t.kw('escalate'));
            return { kind: 'else', approval: this.SUBRULE(this.approval), span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('because'));
            return { kind: 'because', text: this.SUBRULE(this.str), span: this.from(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('tell'));
            return { kind: 'tell', span: this.from(start) };
          },
        },
      ]);
    },
  );

  private score: Method<Statement> = this.RULE('score', (): Statement => {
    const start = this.start();
    const adds: tree.ScoreStatement['adds'][number][] = [];
    let keys: readonly tree.Name[] = [];
    let decay: tree.ScoreStatement['decay'] = null;
    let cap: tree.Num | null = null;
    this.CONSUME(t.kw('score'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Colon);
    const window = this.SUBRULE(this.per);
    this.OPTION(() => {
      keys = this.SUBRULE(this.keys);
    });
    this.CONSUME(t.OpenBrace);
    this.MANY(() => adds.push(this.SUBRULE(this.scoreAdd)));
    this.OPTION2(() => {
      this.CONSUME(t.kw('decay'));
      const amount = this.SUBRULE(this.int);
      this.CONSUME(t.kw('per'));
      decay = { amount, per: this.SUBRULE(this.duration) };
    });
    this.OPTION3(() => {
      this.CONSUME(t.kw('cap'));
      cap = this.SUBRULE2(this.int);
    });
    this.CONSUME(t.CloseBrace);
    return { kind: 'score', name, window, keys, adds, decay, cap, span: this.from(start) };
  });
  private scoreAdd: Method<tree.ScoreStatement['adds'][number]> = this.RULE('score line', () => {
    const start = this.start();
    let when: tree.Expr | null = null;
    let whenSpan: tree.Span | null = null;
    this.CONSUME(t.kw('add'));
    const amount = this.SUBRULE(this.int);
    this.CONSUME(t.kw('on'));
    const what = this.SUBRULE(this.what);
    this.OPTION(() => {
      const at = this.start();
      this.CONSUME(t.kw('when'));
      when = this.SUBRULE(this.block);
      whenSpan = this.from(at);
    });
    return { amount, what, when, whenSpan, span: this.from(start) };
  });

  private template: Method<Statement> = this.RULE('template', (): Statement => {
    const start = this.start();
    const body: Statement[] = [];
    this.CONSUME(t.kw('template'));
    const name = this.SUBRULE(this.id);
    const params = this.SUBRULE(this.params);
    this.CONSUME(t.OpenBrace);
    this.ACTION(() => {
      this.sequence = new Sequence(this.errors.length);
    });
    this.MANY(() => this.collect(body, () => this.deeper(() => this.SUBRULE(this.statement))));
    this.CONSUME(t.CloseBrace);
    return { kind: 'template', name, params, body, span: this.from(start) };
  });

  private instance: Method<Statement> = this.RULE('instance', (): Statement => {
    const start = this.start();
    const args: tree.TemplateArg[] = [];
    this.CONSUME(t.kw('instance'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Equals);
    const template = this.SUBRULE(this.dotted);
    this.CONSUME(t.OpenParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.templateArg)) });
    this.CONSUME(t.CloseParen);
    return { kind: 'instance', name, template, args, span: this.from(start) };
  });
  private templateArg: Method<tree.TemplateArg> = this.RULE('argument', (): tree.TemplateArg => {
    const start = this.start();
    return this.OR<tree.TemplateArg>([
      {
        GATE: () => this.LA(2).tokenType !== t.OpenParen,
        IGNORE_AMBIGUITIES: true,
        ALT: () => {
          this.CONSUME(t.kw('any'));
          const span = this.from(start);
          return { kind: 'who', term: { kind: 'any', span }, span };
        },
      },
      {
        ALT: () => {
          const role = this.SUBRULE(this.roleRef);
          const span = this.from(start);
          return { kind: 'who', term: { kind: 'role', role, span }, span };
        },
      },
      { ALT: () => ({ kind: 'expr', expr: this.SUBRULE(this.expr), span: this.from(start) }) },
    ]);
  });
}

const DAYS = new Set(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
