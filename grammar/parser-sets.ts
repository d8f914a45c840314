// SPDX-License-Identifier: Apache-2.0
/** Who, what, approvals, types and JSON: the parts that statements share. */
import type { Alternative, Rule } from './engine.js';
import { TYPE } from './expectations.js';
import { visible } from './literals.js';
import { ExpressionParser, RECOVERED } from './parser-base.js';
import { partEnd } from './parts.js';
import type { Token } from './token.js';
import * as t from './tokens.js';
import type * as tree from './tree.js';

export abstract class SetParser extends ExpressionParser {
  protected who: Rule<tree.Who> = this.RULE('who', (): tree.Who => {
    const start = this.start();
    const include: tree.WhoTerm[] = [];
    const except: tree.WhoTerm[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => include.push(this.SUBRULE(this.whoTerm)) });
    this.OPTION(() => {
      this.CONSUME(t.kw('except'));
      this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => except.push(this.SUBRULE2(this.whoTerm)) });
    });
    return { include, except, span: this.from(start) };
  });

  private readonly whoTerms: readonly Alternative<tree.WhoTerm>[] = [
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('any'));
        return { kind: 'any', span: this.from(start) };
      },
    },
    { ALT: () => this.SUBRULE(this.principalPattern) },
    {
      ALT: () => {
        const start = this.start();
        return { kind: 'role', role: this.SUBRULE(this.roleRef), span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const name = this.SUBRULE(this.dotted);
        return { kind: 'name', name, span: name.span };
      },
    },
  ];
  protected whoTerm: Rule<tree.WhoTerm> = this.RULE('who term', (): tree.WhoTerm => this.OR(this.whoTerms));

  /** `role:x` */
  protected roleRef: Rule<tree.Name> = this.RULE('role', (): tree.Name => {
    this.CONSUME(t.kw('role'));
    this.CONSUME(t.Colon);
    return this.SUBRULE(this.anyWord);
  });

  protected what: Rule<tree.What> = this.RULE('what', (): tree.What => {
    const start = this.start();
    const include: tree.WhatTerm[] = [];
    const except: tree.WhatTerm[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => include.push(this.SUBRULE(this.whatTerm)) });
    this.OPTION(() => {
      this.CONSUME(t.kw('except'));
      this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => except.push(this.SUBRULE2(this.whatTerm)) });
    });
    return { include, except, span: this.from(start) };
  });

  private readonly whatTerms: readonly Alternative<tree.WhatTerm>[] = [
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.Star);
        return { kind: 'every', span: this.from(start) };
      },
    },
    { ALT: () => this.SUBRULE(this.act) },
    {
      ALT: () => {
        const name = this.SUBRULE(this.dotted);
        return { kind: 'name', name, span: name.span };
      },
    },
  ];
  protected whatTerm: Rule<tree.WhatTerm> = this.RULE(
    'what term',
    (): tree.WhatTerm => this.OR(this.whatTerms),
  );

  protected act: Rule<tree.Act> = this.RULE('action', (): tree.Act => {
    const start = this.start();
    return this.OR<tree.Act>([
      {
        ALT: () => {
          let kind: Token | undefined;
          this.OPTION(() => {
            kind = this.OR2([
              { ALT: () => this.CONSUME(t.kw('tool')) },
              { ALT: () => this.CONSUME(t.kw('resource')) },
              { ALT: () => this.CONSUME(t.kw('prompt')) },
              { ALT: () => this.CONSUME(t.kw('completion')) },
            ]);
          });
          const token = this.CONSUME(t.Action);
          const span = this.from(start);
          return this.ACTION(() => this.actOf(kind, token, span));
        },
      },
      {
        ALT: () => {
          const kind = this.OR3([
            { ALT: () => this.CONSUME(t.kw('sampling')) },
            { ALT: () => this.CONSUME(t.kw('elicitation')) },
            { ALT: () => this.CONSUME(t.kw('roots')) },
          ]);
          this.CONSUME(t.kw('from'));
          const part = this.OR4([
            { ALT: () => this.CONSUME(t.FromPart) },
            { ALT: () => this.CONSUME(t.StringToken) },
          ]);
          const server = this.ACTION(() => this.globOf(part.image, part.startOffset));
          const act = kind.image as tree.ActKind;
          return { kind: 'act', act, explicit: true, server, name: null, span: this.from(start) };
        },
      },
    ]);
  });

  private actOf(kind: Token | undefined, token: Token, span: tree.Span): tree.Act {
    const slash = partEnd(token.image, 0);
    const server = this.globOf(token.image.slice(0, slash), token.startOffset);
    const name = this.globOf(token.image.slice(slash + 1), token.startOffset + slash + 1);
    const act = (kind?.image ?? 'tool') as tree.ActKind;
    return { kind: 'act', act, explicit: kind !== undefined, server, name, span };
  }

  protected approval: Rule<tree.Approval> = this.RULE('approval', (): tree.Approval => {
    const start = this.start();
    const roles: tree.Name[] = [];
    let self = false;
    let quorum: tree.Num | null = null;
    this.CONSUME(t.kw('by'));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.kw('self'));
          self = true;
        },
      },
      {
        ALT: () => {
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => roles.push(this.SUBRULE(this.roleRef)) });
          this.OPTION(() => {
            this.CONSUME(t.kw('quorum'));
            quorum = this.SUBRULE(this.int);
          });
        },
      },
    ]);
    this.CONSUME(t.kw('timeout'));
    const timeout = this.SUBRULE(this.duration);
    return { self, roles, quorum, timeout, span: this.from(start) };
  });

  protected date: Rule<tree.DateLit> = this.RULE('date', (): tree.DateLit => {
    const token = this.CONSUME(t.DateToken);
    const span = this.spanOf(token);
    this.ACTION(() => {
      const at = new Date(`${token.image}T00:00:00Z`);
      if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== token.image) {
        this.fault('SEP1005', span, { found: token.image, expected: 'a date of the calendar' });
      }
    });
    return { text: token.image, span };
  });

  protected block: Rule<tree.Expr> = this.RULE('block', (): tree.Expr => {
    this.CONSUME(t.OpenBrace);
    const expr = this.SUBRULE(this.expr);
    this.CONSUME(t.CloseBrace);
    return expr;
  });

  protected typeRef: Rule<tree.TypeRef> = this.RULE('type', (): tree.TypeRef => {
    const start = this.start();
    const word = this.OR([
      { ALT: () => this.CONSUME(t.Word) },
      { ALT: () => this.CONSUME(t.kw('principals')) },
    ]);
    const members: tree.Name[] = [];
    let element: tree.TypeRef | null = null;
    this.OPTION(() => {
      this.CONSUME(t.Less);
      element = this.deeper(() => this.SUBRULE(this.typeRef));
      this.CONSUME(t.Greater);
    });
    this.OPTION2({
      GATE: () => word.image === 'enum',
      DEF: () =>
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => members.push(this.SUBRULE(this.wordOrString)) }),
    });
    const span = this.from(start);
    const wrong =
      !TYPES.has(word.image) ||
      (word.image === 'list') !== (element !== null) ||
      (word.image === 'enum') !== members.length > 0;
    if (wrong) this.fault('SEP1002', span, { expected: TYPE, found: `\`${word.image}\`` });
    return { name: word.image as tree.TypeRef['name'], members, element, span };
  });

  protected jsonObject: Rule<tree.JsonObject> = this.RULE('arguments object', (): tree.JsonObject => {
    const start = this.start();
    const members: { key: tree.Name; value: tree.JsonValue }[] = [];
    const keys = new Set<string>();
    this.CONSUME(t.OpenBrace);
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const member = this.SUBRULE(this.jsonMember);
        this.ACTION(() => {
          if (keys.has(member.key.text)) {
            this.fault('SEP1006', member.key.span, { key: visible(member.key.text, 40) });
          }
          keys.add(member.key.text);
          members.push(member);
        });
      },
    });
    this.CONSUME(t.CloseBrace);
    return { kind: 'object', members, span: this.from(start) };
  });

  private readonly jsonMembers: readonly Alternative<{ key: tree.Name; value: tree.JsonValue }>[] = [
    {
      ALT: () => {
        const key = this.SUBRULE(this.wordOrString);
        this.CONSUME(t.Colon);
        return { key, value: this.SUBRULE(this.json) };
      },
    },
    {
      ALT: () => {
        const token = this.CONSUME(t.KindPart);
        return this.ACTION(() => this.gluedMember(token));
      },
    },
  ];
  private jsonMember = this.RULE(
    'key and value',
    (): { key: tree.Name; value: tree.JsonValue } => this.OR(this.jsonMembers),
    RECOVERED,
  );

  /** `user:"x"` without white space reads as a principal; as a key and value it means the same as with a space. */
  private gluedMember(token: Token): { key: tree.Name; value: tree.JsonValue } {
    const { type, glob, span } = this.principalOf(token);
    const key = { text: type, quoted: false, span: { start: span.start, end: span.start + type.length } };
    const text = token.image.slice(type.length + 1);
    const words = new Map<string, boolean | null>([
      ['true', true],
      ['false', false],
      ['null', null],
    ]);
    const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE]-?\d+)?$/.test(text);
    const value = glob.quoted ? glob.text : number ? this.jsonNumber(text, glob.span) : words.get(text);
    if (value === undefined) {
      this.fault('SEP1002', glob.span, { expected: 'a JSON value', found: `\`${visible(text, 40)}\`` });
    }
    return { key, value: { kind: 'scalar', value: value ?? null, text, span: glob.span } };
  }

  private readonly jsonValues: readonly Alternative<tree.JsonValue>[] = [
    { ALT: () => this.deeper(() => this.SUBRULE(this.jsonObject)) },
    {
      ALT: () => {
        const start = this.start();
        const items: tree.JsonValue[] = [];
        this.CONSUME(t.OpenBracket);
        this.MANY_SEP({
          SEP: t.Comma,
          DEF: () => items.push(this.deeper(() => this.SUBRULE(this.json))),
        });
        this.CONSUME(t.CloseBracket);
        return { kind: 'array', items, span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        const token = this.CONSUME(t.StringToken);
        return this.scalar(this.text(token), token.image, start);
      },
    },
    { ALT: () => this.wordScalar(true, this.CONSUME(t.kw('true'))) },
    { ALT: () => this.wordScalar(false, this.CONSUME(t.kw('false'))) },
    { ALT: () => this.wordScalar(null, this.CONSUME(t.kw('null'))) },
    {
      ALT: () => {
        const start = this.start();
        let minus = '';
        this.OPTION(() => {
          minus = this.CONSUME(t.Minus).image;
        });
        const token = this.OR2([
          { ALT: () => this.CONSUME(t.Int) },
          { ALT: () => this.CONSUME(t.Decimal) },
          { ALT: () => this.CONSUME(t.Exponent) },
        ]);
        this.plainNumber(token);
        const text = minus + token.image;
        return this.scalar(this.jsonNumber(text, this.from(start)), text, start);
      },
    },
  ];
  protected json: Rule<tree.JsonValue> = this.RULE('json', (): tree.JsonValue => this.OR(this.jsonValues));
  private jsonNumber(text: string, span: tree.Span): number {
    const value = Number(text);
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      this.fault('SEP1005', span, { found: visible(text, 40), expected: 'a number that JSON can carry' });
    }
    return value;
  }
  private wordScalar(value: boolean | null, token: Token): tree.JsonScalar {
    return { kind: 'scalar', value, text: token.image, span: this.spanOf(token) };
  }
  private scalar(value: string | number, text: string, start: number): tree.JsonScalar {
    return { kind: 'scalar', value, text, span: this.from(start) };
  }
}

const TYPES = new Set([
  'bool',
  'int',
  'decimal',
  'string',
  'path',
  'url',
  'instant',
  'duration',
  'principals',
  'enum',
  'list',
]);
