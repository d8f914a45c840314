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
  printWhoTerm,
} from './print-expr.js';
import type * as tree from './tree.js';

/** `clauses` go to lines of their own when the statement is too wide; `body` is null without braces. */
export interface Printed {
  readonly head: string;
  readonly clauses: readonly string[];
  readonly body: readonly Item[] | null;
}
export type Item = { readonly span: tree.Span; readonly print: () => Printed };

const line = (head: string, clauses: readonly string[] = []): Printed => ({ head, clauses, body: null });
const braced = (head: string, body: readonly Item[]): Printed => ({ head, clauses: [], body });
const item = (span: tree.Span, text: string, clauses: readonly string[] = []): Item => ({
  span,
  print: () => line(text, clauses),
});

export function printStatement(s: tree.Statement): Printed {
  switch (s.kind) {
    case 'import':
      return line(`import ${printDotted(s.policy)}${s.alias === null ? '' : ` as ${s.alias.text}`}`);
    case 'tools':
      return line(`tools ${quote(s.path.value)}`);
    case 'role': {
      const roles = s.roles.map((r) => r.name.text + (r.value === null ? '' : ` = ${quote(r.value.value)}`));
      return line(`role ${roles.join(', ')}`);
    }
    case 'delegation':
      return line('delegation strict');
    case 'principals':
      return line(`principals ${s.name.text} = ${printWho(s.who)}`);
    case 'actions':
      return line(`actions ${s.name.text} = ${printWhat(s.what)}`);
    case 'let':
      return line(`let ${s.name.text}${printParams(s.params)} = ${printExpr(s.body)}`);
    case 'fact':
      return printFact(s);
    case 'schedule':
      return printSchedule(s);
    case 'limit':
    case 'counter': {
      const amount = s.amount === null ? '' : ` ${s.amount.text}`;
      const per = s.window === null ? 'session' : s.window.text;
      return line(`${s.kind} ${s.name.text}:${amount} per ${per}`, s.clauses.map(printMeasureClause));
    }
    case 'score':
      return printScore(s);
    case 'rule': {
      const phase = s.phase === null ? '' : ` on ${s.phase.value}`;
      const head = `${s.effect} ${s.name.text}: ${printWho(s.who)} -> ${printWhat(s.what)}${phase}`;
      return line(head, s.clauses.map(printClause));
    }
    case 'redact': {
      const masks = s.masks.map((m) => m.text).join(', ');
      const head = `redact ${s.name.text}: ${printWho(s.who)} -> ${printWhat(s.what)} on result mask ${masks}`;
      return line(head, s.clauses.map(printClause));
    }
    case 'decide':
      return printDecide(s);
    case 'template':
      return braced(
        `template ${s.name.text}${printParams(s.params)}`,
        s.body.map((inner) => ({ span: inner.span, print: () => printStatement(inner) })),
      );
    case 'instance': {
      const args = s.args.map((arg) => (arg.kind === 'expr' ? printExpr(arg.expr) : printWhoTerm(arg.term)));
      return line(`instance ${s.name.text} = ${printDotted(s.template)}(${args.join(', ')})`);
    }
    case 'test':
      return braced(`test ${quote(s.title.value)}`, s.steps.map(printStep));
    case 'example':
      return braced(`example ${printDotted(s.rule)}`, s.steps.map(printStep));
    case 'assume':
      return line(`assume ${printExpr(s.expr)}`);
    case 'prove':
      return line(`prove ${printClaim(s.claim)}`);
  }
}

function printParams(params: readonly tree.Param[]): string {
  return params.length === 0
    ? ''
    : `(${params.map((p) => `${p.name.text}: ${printType(p.type)}`).join(', ')})`;
}

function printFact(s: tree.FactStatement): Printed {
  const source = [s.source, ...s.path.map(printName)].join('.');
  return line(`fact ${s.name.text}: ${printType(s.type)} from ${source}`, [
    ...(s.fresh === null ? [] : [`fresh ${s.fresh.text}`]),
    ...(s.onUnknownReview === null ? [] : [`on unknown review ${printApproval(s.onUnknownReview)}`]),
  ]);
}

function printSchedule(s: tree.ScheduleStatement): Printed {
  const windows = s.windows.map((w) => {
    const days = w.days.map((d) => d.from.text + (d.to === null ? '' : `..${d.to.text}`)).join(', ');
    return item(w.span, `${days} ${w.from.text}..${w.to.text}`);
  });
  const [first] = s.except;
  const except = `except ${s.except.map((d) => d.text).join(', ')}`;
  const last = first === undefined ? [] : [item({ start: first.span.start, end: s.span.end }, except)];
  return braced(`schedule ${s.name.text} in ${quote(s.zone.value)}`, [...windows, ...last]);
}

function printScore(s: tree.ScoreStatement): Printed {
  const per = s.window === null ? 'session' : s.window.text;
  const keys = s.keys.length === 0 ? '' : ` by ${s.keys.map((k) => k.text).join(', ')}`;
  const adds = s.adds.map((add) =>
    item(
      add.span,
      `add ${add.amount.text} on ${printWhat(add.what)}`,
      add.when === null ? [] : [`when { ${printExpr(add.when)} }`],
    ),
  );
  const decay = s.decay;
  return braced(`score ${s.name.text}: per ${per}${keys}`, [
    ...adds,
    ...(decay === null ? [] : [item(decay.amount.span, `decay ${decay.amount.text} per ${decay.per.text}`)]),
    ...(s.cap === null ? [] : [item(s.cap.span, `cap ${s.cap.text}`)]),
  ]);
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
  }
}

function printClause(c: tree.Clause): string {
  switch (c.kind) {
    case 'when':
    case 'unless':
      return `${c.kind} { ${printExpr(c.expr)} }`;
    case 'approval':
      return printApproval(c.approval);
    case 'because':
      return `because ${quote(c.text.value)}`;
    case 'tell':
      return 'tell';
    case 'shadow':
      return `shadow until ${c.until.text}`;
  }
}

function printDecide(s: tree.DecideStatement): Printed {
  const who = s.who === null ? '' : ` for ${printWho(s.who)}`;
  const cases = s.cases.map((c) => item(c.span, `case ${printExpr(c.when)} => ${printOutcome(c.outcome)}`));
  const otherwise = s.otherwise;
  return braced(`decide ${s.name.text}${who} on ${printWhat(s.what)}${s.partial ? ' partial' : ''}`, [
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
    return item(step.span, `${printAct(step.action)}${args}${list} => ${printExpect(step.expect)}`);
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
