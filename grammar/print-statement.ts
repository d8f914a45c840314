// SPDX-License-Identifier: Apache-2.0
/** Statements in their canonical form: a head and its clauses, or a head and a braced body of items. */
import { quote } from './literals.js';
import {
  printAct,
  printApproval,
  printDotted,
  printExpr,
  printJson,
  printName,
  printPrincipal,
  printType,
  printWhat,
  printWho,
  operands,
  whatLines,
  whoLines,
  printWhoTerm,
} from './print-expr.js';
import type * as tree from './tree.js';

/**
 * A statement is one line of pieces, or, where that is too wide or comments stand between, its head and each clause on a line of
 * its own. `body` is null without braces.
 */
export interface Printed {
  readonly pieces: readonly Piece[];
  readonly body: readonly Item[] | null;
}
export type Item = { readonly span: tree.Span; readonly print: () => Printed };
/** `span` is where it stands in the source, as near as the tree tells. */
export interface Line {
  readonly text: string;
  readonly span: tree.Span;
}
export interface Piece extends Line {
  /** Lines that it may be broken into. */
  readonly parts: Parts | null;
}
export interface Parts {
  readonly open: Line;
  readonly lines: readonly Line[];
  readonly close: Line | null;
}

const piece = (span: tree.Span, text: string): Piece => ({ span, text, parts: null });
const line = (span: tree.Span, text: string, clauses: readonly Piece[] = []): Printed => ({
  pieces: [piece(span, text), ...clauses],
  body: null,
});
/** A head that ends where `last` does, before a body in braces. */
const braced = (s: tree.Node, last: tree.Span, text: string, body: readonly Item[]): Printed => ({
  pieces: [piece(until(s, last), text)],
  body,
});
/** `head` is where the text before the clauses ends. */
const item = (span: tree.Span, text: string, head = span.end, clauses: readonly Piece[] = []): Item => ({
  span,
  print: () => line({ start: span.start, end: head }, text, clauses),
});
const until = (node: tree.Node, last: tree.Span): tree.Span => ({ start: node.span.start, end: last.end });

/** `open` before lines without a bracket after them. */
function spread(s: tree.Node, open: string, openEnd: number, lines: readonly Line[]): Printed {
  const parts = { open: { text: open, span: { start: s.span.start, end: openEnd } }, lines, close: null };
  const text = [open, ...lines.map((part) => part.text)].join(' ');
  return { pieces: [{ span: s.span, text, parts }], body: null };
}

/** `word { condition }`, a line for each operand where it is long. */
function block(word: string, expr: tree.Expr, span: tree.Span): Piece {
  const open = { text: `${word} {`, span: { start: span.start, end: span.start + word.length } };
  const close = { text: '}', span: { start: span.end - 1, end: span.end } };
  return { span, text: `${word} { ${printExpr(expr)} }`, parts: { open, lines: operands(expr), close } };
}

export function printStatement(s: tree.Statement): Printed {
  switch (s.kind) {
    case 'import':
      return line(s.span, `import ${printDotted(s.policy)}${s.alias === null ? '' : ` as ${s.alias.text}`}`);
    case 'tools':
      return line(s.span, `tools ${quote(s.path.value)}`);
    case 'role': {
      const roles = s.roles.map((r) => r.name.text + (r.value === null ? '' : ` = ${quote(r.value.value)}`));
      return line(s.span, `role ${roles.join(', ')}`);
    }
    case 'delegation':
      return line(s.span, 'delegation strict');
    case 'principals':
      return spread(s, `principals ${s.name.text} =`, s.name.span.end, whoLines(s.who));
    case 'actions':
      return spread(s, `actions ${s.name.text} =`, s.name.span.end, whatLines(s.what));
    case 'let':
      return printLet(s);
    case 'fact':
      return printFact(s);
    case 'schedule':
      return printSchedule(s);
    case 'limit':
    case 'counter':
      return printMeasure(s);
    case 'score':
      return printScore(s);
    case 'rule': {
      const phase = s.phase === null ? '' : ` on ${s.phase.value}`;
      const head = `${s.effect} ${s.name.text}: ${printWho(s.who)} -> ${printWhat(s.what)}${phase}`;
      return line(until(s, s.phase?.span ?? s.what.span), head, s.clauses.map(printClause));
    }
    case 'redact': {
      const masks = s.masks.map((m) => (s.phase === 'call' ? `args.${printName(m)}` : m.text)).join(', ');
      const head = `redact ${s.name.text}: ${printWho(s.who)} -> ${printWhat(s.what)} on ${s.phase} mask ${masks}`;
      return line(until(s, s.masks.at(-1)?.span ?? s.what.span), head, s.clauses.map(printClause));
    }
    case 'decide':
      return printDecide(s);
    case 'template': {
      const head = `template ${s.name.text}${printParams(s.params)}`;
      const body = s.body.map((inner) => ({ span: inner.span, print: () => printStatement(inner) }));
      return braced(s, s.params.at(-1)?.span ?? s.name.span, head, body);
    }
    case 'instance': {
      const args = s.args.map((arg) => (arg.kind === 'expr' ? printExpr(arg.expr) : printWhoTerm(arg.term)));
      return line(s.span, `instance ${s.name.text} = ${printDotted(s.template)}(${args.join(', ')})`);
    }
    case 'test':
      return braced(s, s.title.span, `test ${quote(s.title.value)}`, s.steps.map(printStep));
    case 'example':
      return braced(s, s.rule.span, `example ${printDotted(s.rule)}`, s.steps.map(printStep));
    case 'assume':
      return line(s.span, `assume ${printExpr(s.expr)}`);
    case 'prove':
      return line(s.span, `prove ${printClaim(s.claim)}`);
  }
}

function printLet(s: tree.LetStatement): Printed {
  const last = s.params.at(-1)?.span ?? s.name.span;
  return spread(s, `let ${s.name.text}${printParams(s.params)} =`, last.end, operands(s.body));
}

function printParams(params: readonly tree.Param[]): string {
  return params.length === 0
    ? ''
    : `(${params.map((p) => `${p.name.text}: ${printType(p.type)}`).join(', ')})`;
}

function printFact(s: tree.FactStatement): Printed {
  const source = [s.source, ...s.path.map(printName)].join('.');
  const clauses = [
    ...(s.fresh === null ? [] : [piece(s.fresh.span, `fresh ${s.fresh.text}`)]),
    ...(s.onUnknownReview === null
      ? []
      : [piece(s.onUnknownReview.span, `on unknown review ${printApproval(s.onUnknownReview)}`)]),
  ];
  const end = s.path.at(-1)?.span.end ?? s.type.span.end;
  return line(
    { start: s.span.start, end },
    `fact ${s.name.text}: ${printType(s.type)} from ${source}`,
    clauses,
  );
}

function printSchedule(s: tree.ScheduleStatement): Printed {
  const windows = s.windows.map((w) => {
    const days = w.days.map((d) => d.from.text + (d.to === null ? '' : `..${d.to.text}`)).join(', ');
    return item(w.span, `${days} ${w.from.text}..${w.to.text}`);
  });
  const [first] = s.except;
  const except = `except ${s.except.map((d) => d.text).join(', ')}`;
  const last = s.except.at(-1)?.span.end ?? 0;
  const dates = first === undefined ? [] : [item({ start: first.span.start, end: last }, except)];
  const head = `schedule ${s.name.text} in ${quote(s.zone.value)}`;
  return braced(s, s.zone.span, head, [...windows, ...dates]);
}

function printMeasure(s: tree.MeasureStatement): Printed {
  const amount = s.amount === null ? '' : ` ${s.amount.text}`;
  const per = s.window === null ? 'session' : s.window.text;
  const last = s.window?.span ?? s.amount?.span ?? s.name.span;
  const head = `${s.kind} ${s.name.text}:${amount} per ${per}`;
  return line(
    until(s, last),
    head,
    s.clauses.map((c) => piece(c.span, printMeasureClause(c))),
  );
}

function printScore(s: tree.ScoreStatement): Printed {
  const per = s.window === null ? 'session' : s.window.text;
  const keys = s.keys.length === 0 ? '' : ` by ${s.keys.map((k) => k.text).join(', ')}`;
  const adds = s.adds.map(({ amount, what, when, whenSpan, span }) => {
    const clauses = when === null || whenSpan === null ? [] : [block('when', when, whenSpan)];
    return item(span, `add ${amount.text} on ${printWhat(what)}`, what.span.end, clauses);
  });
  const decay = s.decay;
  const body = [
    ...adds,
    ...(decay === null
      ? []
      : [
          item(
            { start: decay.amount.span.start, end: decay.per.span.end },
            `decay ${decay.amount.text} per ${decay.per.text}`,
          ),
        ]),
    ...(s.cap === null ? [] : [item(s.cap.span, `cap ${s.cap.text}`)]),
  ];
  const last = s.keys.at(-1)?.span ?? s.window?.span ?? s.name.span;
  return braced(s, last, `score ${s.name.text}: per ${per}${keys}`, body);
}

function printMeasureClause(c: tree.MeasureClause): string {
  switch (c.kind) {
    case 'by':
      return `by ${c.keys.map((k) => k.text).join(', ')}`;
    case 'on':
      return `on ${printWhat(c.what)}`;
    case 'for':
      return `for ${printWho(c.who)}`;
    case 'count':
      return `count ${c.mode}`;
    case 'sum':
      return `sum ${printExpr(c.expr)}`;
    case 'window':
      return c.mode;
    case 'else':
      return `else escalate ${printApproval(c.approval)}`;
    case 'because':
      return `because ${quote(c.text.value)}`;
    case 'tell':
      return 'tell';
  }
}

function printClause(c: tree.Clause): Piece {
  switch (c.kind) {
    case 'when':
    case 'unless':
      return block(c.kind, c.expr, c.span);
    case 'approval':
      return piece(c.span, printApproval(c.approval));
    case 'because':
      return piece(c.span, `because ${quote(c.text.value)}`);
    case 'tell':
      return piece(c.span, 'tell');
    case 'shadow':
      return piece(c.span, `shadow until ${c.until.text}`);
  }
}

function printDecide(s: tree.DecideStatement): Printed {
  const who = s.who === null ? '' : ` for ${printWho(s.who)}`;
  const cases = s.cases.map((c) => {
    const outcome = piece(c.outcome.span, `=> ${printOutcome(c.outcome)}`);
    return item(c.span, `case ${printExpr(c.when)}`, c.when.span.end, [outcome]);
  });
  const otherwise = s.otherwise;
  const head = `decide ${s.name.text}${who} on ${printWhat(s.what)}${s.partial ? ' partial' : ''}`;
  return braced(s, s.what.span, head, [
    ...cases,
    ...(otherwise === null ? [] : [item(otherwise.span, `otherwise => ${printOutcome(otherwise)}`)]),
  ]);
}

function printOutcome(o: tree.Outcome): string {
  const approval = o.approval === null ? '' : ` ${printApproval(o.approval)}`;
  return `${o.effect}${approval}${o.because === null ? '' : ` because ${quote(o.because.value)}`}`;
}

function printStep(step: tree.TestStep): Item {
  if (step.kind === 'question') {
    const args = step.args === null ? '' : ` ${printJson(step.args)}`;
    const list = step.onList ? ' on list' : '';
    const answer = piece(step.expect.span, `=> ${printExpect(step.expect)}`);
    const { end } = (step.args ?? step.action).span;
    return item(step.span, `${printAct(step.action)}${args}${list}`, end, [answer]);
  }
  const user = step.for === null ? '' : ` for ${printPrincipal(step.for.user)}${printWiths(step.for.with)}`;
  const session = step.session === null ? '' : ` in session ${quote(step.session.value)}`;
  const at = step.at === null ? '' : ` at ${quote(step.at.value)}`;
  return item(step.span, `as ${printPrincipal(step.as)}${printWiths(step.with)}${user}${session}${at}`);
}

function printWiths(items: readonly tree.WithItem[]): string {
  if (items.length === 0) return '';
  const texts = items.map((w) => {
    switch (w.kind) {
      case 'roles':
        return `roles [${w.roles.map(printName).join(', ')}]`;
      case 'result':
        return `result ${quote(w.text.value)}`;
      case 'value': {
        const argument = w.argument === null ? '' : `(${printExpr(w.argument)})`;
        return `${printDotted(w.target)}${argument} ${w.value === null ? 'unavailable' : printExpr(w.value, 7)}`;
      }
    }
  });
  return ` with ${texts.join(', ')}`;
}

function printExpect(e: tree.Expect): string {
  return [
    e.effects.map((effect) => effect.value).join(' or '),
    e.by === null ? '' : ` by ${printDotted(e.by)}`,
    e.because === null ? '' : ` because ${quote(e.because.value)}`,
    e.masked.length === 0 ? '' : ` masked ${e.masked.map((m) => m.text).join(', ')}`,
    e.repeat === null ? '' : ` repeat ${e.repeat.text}`,
    e.afterApproval === null ? '' : ' then approved',
    e.afterApproval?.at ? ` at ${quote(e.afterApproval.at.value)}` : '',
    e.afterApproval === null ? '' : ` => ${printExpect(e.afterApproval.expect)}`,
  ].join('');
}

function printClaim(c: tree.Claim): string {
  const effects = (list: tree.Expect['effects']): string => list.map((e) => e.value).join(' or ');
  const scope = (who: tree.Who | null, what: tree.What | null): string =>
    (who === null ? '' : ` for ${printWho(who)}`) + (what === null ? '' : ` on ${printWhat(what)}`);
  switch (c.kind) {
    case 'never': {
      const condition = c.when === null ? '' : ` when ${printExpr(c.when)}`;
      const unless = c.unless === null ? '' : ` unless ${printExpr(c.unless)}`;
      return `never ${effects(c.effects)}${scope(c.who, c.what)}${condition}${unless}`;
    }
    case 'implies':
      return `${effects(c.effects)}${scope(c.who, c.what)} implies ${printExpr(c.expr)}`;
    case 'noRuleDead':
      return 'no rule dead';
    case 'notWider':
      return `not wider than ${quote(c.than.value)}`;
    case 'cost':
      return `cost <= ${c.steps.text} steps`;
  }
}
