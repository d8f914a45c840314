// SPDX-License-Identifier: Apache-2.0
/** Rules and blocks, and the checks that live with a policy: tests, examples, proofs. */
import type { Alternative, Rule } from './engine.js';
import { RECOVERED } from './parser-base.js';
import { SetParser } from './parser-sets.js';
import type { Token } from './token.js';
import * as t from './tokens.js';
import type * as tree from './tree.js';

type Statement = tree.Statement;
type Method<T> = Rule<T>;

/** Clauses whose kind is not the word that they start with. */
const CLAUSE_WORDS = new Map([
  ['approval', 'by'],
  ['window', 'sliding` or `fixed'],
]);

export abstract class CheckParser extends SetParser {
  /** Adds a clause, at most one of each kind. */
  protected once<C extends { readonly kind: string; readonly span: tree.Span }>(
    clauses: C[],
    clause: C,
  ): void {
    this.ACTION(() => {
      if (clause === undefined) return;
      if (clauses.some((c) => c.kind === clause.kind)) {
        this.fault('SEP1011', clause.span, { clause: CLAUSE_WORDS.get(clause.kind) ?? clause.kind });
      } else clauses.push(clause);
    });
  }

  protected rule: Method<Statement> = this.RULE('rule', (): Statement => {
    const start = this.start();
    const effect = this.SUBRULE(this.effectWord).value;
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Colon);
    const who = this.SUBRULE(this.who);
    this.CONSUME(t.Arrow);
    const what = this.SUBRULE(this.what);
    let phase: tree.RuleStatement['phase'] = null;
    this.OPTION(() => {
      this.CONSUME(t.kw('on'));
      phase = this.SUBRULE(this.phase);
    });
    const clauses = this.SUBRULE(this.clauses);
    return { kind: 'rule', effect, name, who, what, phase, clauses, span: this.from(start) };
  });

  private phase: Method<{ value: tree.Phase; span: tree.Span }> = this.RULE('phase', () => {
    const name = this.SUBRULE(this.anyWord);
    this.ACTION(() => {
      if (name.text !== 'call' && name.text !== 'list' && name.text !== 'result') {
        const found = `\`${name.text}\``;
        this.fault('SEP1002', name.span, { expected: 'a phase: `call`, `list` or `result`', found });
      }
    });
    return { value: name.text as tree.Phase, span: name.span };
  });

  private clauses: Method<readonly tree.Clause[]> = this.RULE('clauses', (): readonly tree.Clause[] => {
    const clauses: tree.Clause[] = [];
    this.MANY(() => this.once(clauses, this.SUBRULE(this.clause)));
    return clauses;
  });

  private readonly clauseForms: readonly Alternative<tree.Clause>[] = [
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('when'));
        return { kind: 'when', expr: this.SUBRULE(this.block), span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('unless'));
        return { kind: 'unless', expr: this.SUBRULE2(this.block), span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        return { kind: 'approval', approval: this.SUBRULE(this.approval), span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('because'));
        return { kind: 'because', text: this.SUBRULE(this.str), span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('tell'));
        return { kind: 'tell', span: this.from(start) };
      },
    },
    {
      ALT: () => {
        const start = this.start();
        this.CONSUME(t.kw('shadow'));
        this.CONSUME(t.kw('until'));
        const until = this.SUBRULE(this.date);
        return { kind: 'shadow', until, span: this.from(start) };
      },
    },
  ];
  private clause: Method<tree.Clause> = this.RULE('clause', (): tree.Clause => this.OR(this.clauseForms));

  /** `args.pin` where no value is read: the argument itself is meant. */
  private maskedArgument: Method<tree.Name> = this.RULE('masked argument', (): tree.Name => {
    this.CONSUME(t.kw('args'));
    this.CONSUME(t.Dot);
    return this.SUBRULE(this.wordOrString);
  });

  protected redact: Method<Statement> = this.RULE('redact', (): Statement => {
    const start = this.start();
    const masks: tree.Name[] = [];
    this.CONSUME(t.kw('redact'));
    const name = this.SUBRULE(this.id);
    this.CONSUME(t.Colon);
    const who = this.SUBRULE(this.who);
    this.CONSUME(t.Arrow);
    const what = this.SUBRULE(this.what);
    this.CONSUME(t.kw('on'));
    const phase = this.OR<'call' | 'result'>([
      {
        ALT: () => {
          this.CONSUME(t.kw('result'));
          this.CONSUME(t.kw('mask'));
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => masks.push(this.SUBRULE(this.anyWord)) });
          return 'result';
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.kw('call'));
          this.CONSUME2(t.kw('mask'));
          this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => masks.push(this.SUBRULE(this.maskedArgument)) });
          return 'call';
        },
      },
    ]);
    const clauses = this.SUBRULE(this.clauses);
    return { kind: 'redact', name, who, what, phase, masks, clauses, span: this.from(start) };
  });

  protected decide: Method<Statement> = this.RULE('decide', (): Statement => {
    const start = this.start();
    let who: tree.Who | null = null;
    let partial = false;
    let otherwise: tree.Outcome | null = null;
    const cases: { when: tree.Expr; outcome: tree.Outcome; span: tree.Span }[] = [];
    this.CONSUME(t.kw('decide'));
    const name = this.SUBRULE(this.id);
    this.OPTION(() => {
      this.CONSUME(t.kw('for'));
      who = this.SUBRULE(this.who);
    });
    this.CONSUME(t.kw('on'));
    const what = this.SUBRULE(this.what);
    this.OPTION2(() => {
      this.CONSUME(t.kw('partial'));
      partial = true;
    });
    this.CONSUME(t.OpenBrace);
    this.MANY(() => cases.push(this.SUBRULE(this.case)));
    this.OPTION3(() => {
      this.CONSUME(t.kw('otherwise'));
      this.CONSUME(t.FatArrow);
      otherwise = this.SUBRULE(this.outcome);
    });
    this.CONSUME(t.CloseBrace);
    return { kind: 'decide', name, who, what, partial, cases, otherwise, span: this.from(start) };
  });

  private case: Method<{ when: tree.Expr; outcome: tree.Outcome; span: tree.Span }> = this.RULE(
    'case',
    () => {
      const start = this.start();
      this.CONSUME(t.kw('case'));
      const when = this.SUBRULE(this.expr);
      this.CONSUME(t.FatArrow);
      const outcome = this.SUBRULE(this.outcome);
      return { when, outcome, span: this.from(start) };
    },
  );

  private outcome: Method<tree.Outcome> = this.RULE('outcome', (): tree.Outcome => {
    const start = this.start();
    let approval: tree.Approval | null = null;
    let because: tree.Str | null = null;
    const effect = this.SUBRULE(this.effectWord).value;
    this.OPTION(() => {
      approval = this.SUBRULE(this.approval);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('because'));
      because = this.SUBRULE(this.str);
    });
    return { effect, approval, because, span: this.from(start) };
  });

  private readonly effectWords: readonly Alternative<Token>[] = [
    { ALT: () => this.CONSUME(t.kw('allow')) },
    { ALT: () => this.CONSUME(t.kw('review')) },
    { ALT: () => this.CONSUME(t.kw('deny')) },
    { ALT: () => this.CONSUME(t.kw('escalate')) },
  ];
  protected effectWord: Method<{ value: tree.Effect; span: tree.Span }> = this.RULE(
    'effect word',
    () => {
      const token = this.OR(this.effectWords);
      return { value: token.image as tree.Effect, span: this.spanOf(token) };
    },
    RECOVERED,
  );

  protected test: Method<Statement> = this.RULE('test', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('test'));
    const title = this.SUBRULE(this.str);
    const steps = this.SUBRULE(this.steps);
    return { kind: 'test', title, steps, span: this.from(start) };
  });

  protected example: Method<Statement> = this.RULE('example', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('example'));
    const rule = this.SUBRULE(this.dotted);
    const steps = this.SUBRULE(this.steps);
    return { kind: 'example', rule, steps, span: this.from(start) };
  });

  private readonly stepForms: readonly Alternative<tree.TestStep>[] = [
    { ALT: () => this.SUBRULE(this.given) },
    { ALT: () => this.SUBRULE(this.question) },
  ];
  private steps: Method<readonly tree.TestStep[]> = this.RULE('steps', (): readonly tree.TestStep[] => {
    const steps: tree.TestStep[] = [];
    this.CONSUME(t.OpenBrace);
    this.MANY(() => {
      const step = this.OR(this.stepForms);
      steps.push(step);
    });
    this.CONSUME(t.CloseBrace);
    return steps;
  });

  private given: Method<tree.Given> = this.RULE('given', (): tree.Given => {
    const start = this.start();
    let withs: readonly tree.WithItem[] = [];
    let user: tree.Given['for'] = null;
    let session: tree.Str | null = null;
    let at: tree.Str | null = null;
    this.CONSUME(t.kw('as'));
    const as = this.SUBRULE(this.principalPattern);
    this.OPTION(() => {
      withs = this.SUBRULE(this.withs);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('for'));
      const who = this.SUBRULE2(this.principalPattern);
      let its: readonly tree.WithItem[] = [];
      this.OPTION3(() => {
        its = this.SUBRULE2(this.withs);
      });
      user = { user: who, with: its };
    });
    this.OPTION4(() => {
      this.CONSUME(t.kw('in'));
      this.CONSUME(t.kw('session'));
      session = this.SUBRULE(this.str);
    });
    this.OPTION5(() => {
      this.CONSUME(t.kw('at'));
      at = this.SUBRULE2(this.str);
    });
    return { kind: 'given', as, with: withs, for: user, session, at, span: this.from(start) };
  });

  private withs: Method<readonly tree.WithItem[]> = this.RULE('with', (): readonly tree.WithItem[] => {
    const items: tree.WithItem[] = [];
    this.CONSUME(t.kw('with'));
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.withItem)) });
    return items;
  });

  private withItem: Method<tree.WithItem> = this.RULE('given value', (): tree.WithItem => {
    const start = this.start();
    return this.OR<tree.WithItem>([
      {
        ALT: () => {
          const roles: tree.Name[] = [];
          this.CONSUME(t.kw('roles'));
          this.CONSUME(t.OpenBracket);
          this.MANY_SEP({ SEP: t.Comma, DEF: () => roles.push(this.SUBRULE(this.wordOrString)) });
          this.CONSUME(t.CloseBracket);
          return { kind: 'roles', roles, span: this.from(start) };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.kw('result'));
          return { kind: 'result', text: this.SUBRULE(this.str), span: this.from(start) };
        },
      },
      {
        ALT: () => {
          const target = this.SUBRULE(this.dotted);
          let argument: tree.Expr | null = null;
          this.OPTION(() => {
            this.CONSUME(t.OpenParen);
            argument = this.SUBRULE(this.expr);
            this.CONSUME(t.CloseParen);
          });
          const value = this.SUBRULE(this.givenValue);
          return { kind: 'value', target, argument, value, span: this.from(start) };
        },
      },
    ]);
  });

  private givenValue: Method<tree.Expr | null> = this.RULE('value of a fact', (): tree.Expr | null =>
    this.OR<tree.Expr | null>([
      {
        ALT: () => {
          this.CONSUME(t.kw('unavailable'));
          return null;
        },
      },
      { ALT: () => this.inCondition(() => this.SUBRULE(this.operand)) },
    ]),
  );

  private question: Method<tree.Question> = this.RULE('question', (): tree.Question => {
    const start = this.start();
    let args: tree.JsonObject | null = null;
    let onList = false;
    const action = this.SUBRULE(this.act);
    this.OPTION(() => {
      args = this.SUBRULE(this.jsonObject);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('on'));
      const word = this.CONSUME(t.Word);
      this.ACTION(() => this.expectWord(word, 'list'));
      onList = true;
    });
    this.CONSUME(t.FatArrow);
    const expect = this.SUBRULE(this.expect);
    return { kind: 'question', action, args, onList, expect, span: this.from(start) };
  });

  private expectWord(token: Token, word: string): void {
    if (token.image !== word) {
      this.fault('SEP1002', this.spanOf(token), { expected: `\`${word}\``, found: `\`${token.image}\`` });
    }
  }

  private expect: Method<tree.Expect> = this.RULE('expected answer', (): tree.Expect => {
    const start = this.start();
    let by: tree.Dotted | null = null;
    let because: tree.Str | null = null;
    let repeat: tree.Num | null = null;
    let afterApproval: tree.Expect['afterApproval'] = null;
    const masked: tree.Name[] = [];
    const effects = [this.SUBRULE(this.effectWord)];
    this.OPTION(() => {
      this.CONSUME(t.kw('by'));
      by = this.OR<tree.Dotted>([
        { ALT: () => this.SUBRULE(this.dotted) },
        {
          ALT: () => {
            const name = this.nameOf(this.CONSUME(t.kw('default')));
            return this.dottedOf([name], name.span);
          },
        },
      ]);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('because'));
      because = this.SUBRULE(this.str);
    });
    this.OPTION3(() => {
      this.CONSUME(t.kw('masked'));
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => masked.push(this.SUBRULE(this.anyWord)) });
    });
    this.OPTION4(() => {
      this.CONSUME(t.kw('repeat'));
      repeat = this.SUBRULE(this.int);
    });
    this.OPTION5(() => {
      let at: tree.Str | null = null;
      this.CONSUME(t.kw('then'));
      this.CONSUME(t.kw('approved'));
      this.OPTION6(() => {
        this.CONSUME(t.kw('at'));
        at = this.SUBRULE2(this.str);
      });
      this.CONSUME(t.FatArrow);
      afterApproval = { at, expect: this.deeper(() => this.SUBRULE(this.expect)) };
    });
    return { effects, by, because, masked, repeat, afterApproval, span: this.from(start) };
  });

  protected assume: Method<Statement> = this.RULE('assume', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('assume'));
    return { kind: 'assume', expr: this.SUBRULE(this.expr), span: this.from(start) };
  });

  protected prove: Method<Statement> = this.RULE('prove', (): Statement => {
    const start = this.start();
    this.CONSUME(t.kw('prove'));
    return { kind: 'prove', claim: this.SUBRULE(this.claim), span: this.from(start) };
  });

  private effects: Method<tree.Expect['effects']> = this.RULE('effects', (): tree.Expect['effects'] => {
    const effects: { value: tree.Effect; span: tree.Span }[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: t.kw('or'), DEF: () => effects.push(this.SUBRULE(this.effectWord)) });
    return effects;
  });

  private claim: Method<tree.Claim> = this.RULE(
    'claim',
    (): tree.Claim =>
      this.OR<tree.Claim>([
        { ALT: () => this.SUBRULE(this.never) },
        {
          ALT: () => {
            const effects = this.SUBRULE2(this.effects);
            let who: tree.Who | null = null;
            this.OPTION(() => {
              this.CONSUME(t.kw('for'));
              who = this.SUBRULE2(this.who);
            });
            this.CONSUME(t.kw('on'));
            const what = this.SUBRULE2(this.what);
            this.CONSUME(t.kw('implies'));
            return { kind: 'implies', effects, who, what, expr: this.SUBRULE2(this.expr) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('no'));
            this.CONSUME(t.kw('rule'));
            this.CONSUME(t.kw('dead'));
            return { kind: 'noRuleDead' };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('not'));
            this.CONSUME(t.kw('wider'));
            this.CONSUME(t.kw('than'));
            return { kind: 'notWider', than: this.SUBRULE(this.str) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('cost'));
            this.CONSUME(t.LessEqual);
            const steps = this.SUBRULE(this.int);
            this.CONSUME(t.kw('steps'));
            return { kind: 'cost', steps };
          },
        },
      ]),
  );

  private never: Method<tree.Claim> = this.RULE('never', (): tree.Claim => {
    let who: tree.Who | null = null;
    let what: tree.What | null = null;
    let when: tree.Expr | null = null;
    let unless: tree.Expr | null = null;
    this.CONSUME(t.kw('never'));
    const effects = this.SUBRULE(this.effects);
    this.OPTION(() => {
      this.CONSUME(t.kw('for'));
      who = this.SUBRULE(this.who);
    });
    this.OPTION2(() => {
      this.CONSUME(t.kw('on'));
      what = this.SUBRULE(this.what);
    });
    this.OPTION3(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.kw('when'));
            when = this.SUBRULE(this.expr);
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.kw('unless'));
            unless = this.SUBRULE2(this.expr);
          },
        },
      ]),
    );
    return { kind: 'never', effects, who, what, when, unless };
  });
}
