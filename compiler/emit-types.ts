// SPDX-License-Identifier: Apache-2.0
/**
 * What a module takes from `std`, by name and type: the `.ts` shows its readers the types of what it uses, and checks against the
 * library itself (a test does that with `tsc`).
 */

const TEXT = 'string | undefined';
const NUM = 'Num | undefined';
const LIST = 'readonly unknown[] | undefined';

/** Every name of the library that an emitted module may use. */
const STD: { readonly [name: string]: string } = {
  get: '(object: unknown, key: string) => unknown',
  has: '(args: Args, ...path: readonly string[]) => Kleene',
  absent: '(args: Args, ...path: readonly string[]) => Kleene',
  text: `(value: unknown) => ${TEXT}`,
  bool: '(value: unknown) => Kleene',
  list: `(value: unknown) => ${LIST}`,
  json: '(value: unknown) => unknown',
  num: '(value: unknown) => number | undefined',
  int: '(value: unknown) => number | undefined',
  not: '(value: Kleene) => Kleene',
  and: '(...values: readonly Kleene[]) => Kleene',
  or: '(...values: readonly Kleene[]) => Kleene',
  truth: '(value: Kleene) => boolean | undefined',
  compareNum: `(op: Comparison, left: ${NUM}, right: ${NUM}) => Kleene`,
  compareText: `(op: Comparison, left: ${TEXT}, right: ${TEXT}) => Kleene`,
  equalText: `(left: ${TEXT}, right: ${TEXT}) => Kleene`,
  equalBool: '(left: Kleene, right: Kleene) => Kleene',
  equalJson: '(left: unknown, right: unknown) => Kleene',
  startsWith: `(left: ${TEXT}, right: ${TEXT}) => Kleene`,
  endsWith: `(left: ${TEXT}, right: ${TEXT}) => Kleene`,
  contains: `(left: ${TEXT}, right: ${TEXT}) => Kleene`,
  lower: `(value: ${TEXT}) => ${TEXT}`,
  size: `(value: string | ${LIST}) => number | undefined`,
  all: `(values: ${LIST}, body: (value: unknown) => Kleene) => Kleene`,
  any: `(values: ${LIST}, body: (value: unknown) => Kleene) => Kleene`,
  among: `(values: ${LIST}, equals: (value: unknown) => Kleene) => Kleene`,
  inTexts: `(value: ${TEXT}, set: ReadonlySet<string>) => Kleene`,
  texts: '(values: readonly string[]) => ReadonlySet<string>',
  decimal: '(text: string) => Decimal',
  arith: `(fn: "+" | "-" | "*", left: ${NUM}, right: ${NUM}) => ${NUM}`,
  amount: `(value: ${NUM}) => ${NUM}`,
  addition:
    '(who: number, what: number, when: number | null, amount: Amount | null, facts: readonly string[], reads: readonly string[]) => Addition',
  measure:
    '(name: string, kind: MeasureSpec["kind"], window: number | null, fixed: boolean, attempts: boolean, keys: readonly KeyPart[], decay: readonly [amount: number, per: number] | null, cap: number | null, additions: readonly Addition[]) => Measure',
  negate: `(value: ${NUM}) => ${NUM}`,
  glob: '(parts: readonly string[], gaps: string) => Glob',
  like: `(text: ${TEXT}, pattern: Glob) => Kleene`,
  hasIn: '(object: unknown, ...path: readonly string[]) => Kleene',
  moment: `(text: ${TEXT}) => ${NUM}`,
  span: `(text: ${TEXT}) => ${NUM}`,
  urlPart: `(part: "scheme" | "host" | "path", text: ${TEXT}) => ${TEXT}`,
  urlPort: `(text: ${TEXT}) => number | undefined`,
  ip: `(text: ${TEXT}) => ${TEXT}`,
  inDomain: `(text: ${TEXT}, domain: string) => Kleene`,
  range: '(bytes: readonly number[], bits: number) => Range',
  inCidr: `(text: ${TEXT}, range: Range) => Kleene`,
  within: `(instant: ${TEXT}, at: Schedule) => Kleene`,
  schedule:
    '(windows: readonly (readonly [number, number, number])[], except: readonly number[], at: readonly number[], offsets: readonly number[], until: number) => Schedule',
  dfa: '(starts: readonly number[], classes: readonly number[], width: number, first: number, next: readonly number[], accepts: readonly number[]) => Dfa',
  matches: `(text: ${TEXT}, pattern: Dfa) => Kleene`,
  under: `(path: ${TEXT}, root: ${TEXT}) => Kleene`,
  who: '(include: readonly WhoTerm[], except: readonly WhoTerm[]) => Who',
  anyone: 'WhoTerm',
  principal: '(glob: Glob) => WhoTerm',
  role: '(value: string) => WhoTerm',
  members: '(set: Who) => WhoTerm',
  inWho: '(subject: Subject, set: Who) => Kleene',
  userInWho: '(subject: Subject, set: Who) => Kleene',
  hasRole: '(subject: Subject, role: string) => Kleene',
  userHasRole: '(subject: Subject, role: string) => Kleene',
  hint: '(tool: Tool, name: "readOnly" | "destructive" | "idempotent" | "openWorld") => Kleene',
  known: '(value: Kleene) => Kleene | undefined',
  read: '(label: string, value: Read["value"]) => Read',
  approval: '(self: boolean, roles: readonly string[], quorum: number, timeout: number) => Approval',
  standIn: '(fact: string, asks: Approval, values: readonly Json[]) => StandIn',
  policy:
    '(tables: { readonly name: string; readonly version: string; readonly steps: number; readonly texts: readonly string[]; readonly words: () => readonly string[]; readonly tools: readonly string[]; readonly globs: readonly string[]; readonly whos: readonly string[]; readonly whats: readonly string[]; readonly outcomes: readonly string[]; readonly asks: readonly string[]; readonly runs: readonly Predicate[]; readonly below: readonly string[]; readonly reads: readonly Read[]; readonly units: readonly string[]; readonly shadows?: readonly string[]; readonly standIns?: readonly StandIn[]; readonly strict?: true; readonly measures?: readonly Measure[] }) => PolicyModule',
};

export const libraryNames: readonly string[] = Object.keys(STD);

/** The types behind them, as the library has them. */
const TYPES: { readonly [name: string]: string } = {
  Kleene: '0 | 1 | 2',
  Comparison: '"==" | "!=" | "<" | "<=" | ">" | ">="',
  Args: '{ readonly [key: string]: unknown }',
  Json: 'null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }',
  Facts: '{ readonly [name: string]: Json | undefined }',
  Subject:
    '{ readonly principal: string; readonly roles: readonly string[]; readonly user: string | null; readonly userRoles: readonly string[]; readonly session: string }',
  ActionKind: '"tool" | "resource" | "prompt" | "completion" | "sampling" | "elicitation" | "roots"',
  Action: '{ readonly kind: ActionKind; readonly server: string; readonly name: string }',
  Request: 'Subject & { readonly intent: Action & { readonly args: { readonly [key: string]: Json } } }',
  Phase: '"call" | "list" | "result"',
  RuleEffect: '"allow" | "review" | "deny" | "escalate" | "redact"',
  Decimal: '{ readonly c: bigint; readonly scale: number }',
  Num: 'number | Decimal',
  Pin: '{ readonly server: string; readonly name: string; readonly readOnly: boolean; readonly destructive: boolean; readonly idempotent: boolean; readonly openWorld: boolean }',
  Tool: 'Pin | undefined',
  Predicate: '(args: Args, request: Request, facts: Facts, tool: Tool) => Kleene',
  Read: '{ readonly label: string; readonly value: (args: Args, request: Request, facts: Facts, tool: Tool) => unknown }',
  Schedule:
    '{ readonly windows: readonly (readonly [number, number, number])[]; readonly except: ReadonlySet<number>; readonly at: readonly number[]; readonly offsets: readonly number[]; readonly until: number }',
  Range: '{ readonly bytes: readonly number[]; readonly bits: number }',
  Glob: '{ readonly parts: readonly string[]; readonly gaps: string; readonly matches: (text: string) => boolean }',
  Dfa: '{ readonly matches: (text: string) => boolean }',
  WhoTerm:
    '{ readonly kind: "any" } | { readonly kind: "principal"; readonly glob: Glob } | { readonly kind: "role"; readonly value: string } | { readonly kind: "set"; readonly who: Who }',
  Who: '{ readonly include: readonly WhoTerm[]; readonly except: readonly WhoTerm[] }',
  Approval:
    '{ readonly self: boolean; readonly roles: readonly string[]; readonly quorum: number; readonly timeout: number }',
  StandIn: '{ readonly fact: string; readonly approval: Approval; readonly values: readonly Json[] }',
  Amount: '(args: Args, request: Request, facts: Facts, tool: Tool) => Num | undefined',
  Addition:
    '{ readonly who: number; readonly what: number; readonly when: number | null; readonly amount: Amount | null; readonly facts: readonly string[]; readonly reads: readonly string[] }',
  KeyPart: '"principal" | "user" | "session" | "server" | "tool" | "all"',
  MeasureSpec:
    '{ readonly name: string; readonly kind: "limit" | "counter" | "score"; readonly window: number | null; readonly fixed: boolean; readonly attempts: boolean; readonly keys: readonly KeyPart[]; readonly decay: readonly [amount: number, per: number] | null; readonly cap: number | null }',
  Measure: 'MeasureSpec & { readonly additions: readonly Addition[] }',
  MeasureRead: '{ readonly fact: string; readonly name: string; readonly key: readonly string[] | null }',
  MeasureAdd:
    '{ readonly name: string; readonly key: readonly string[]; readonly add: number | string | null; readonly attempt: boolean }',
  ApprovalNeed: 'Approval & { readonly rule: string }',
  Unknown: '{ readonly name: string; readonly why: string; readonly otherwise: "allow" | "review" | "deny" }',
  Match: '{ readonly name: string; readonly effect: RuleEffect; readonly unknown?: true }',
  NearMiss: '{ readonly name: string; readonly effect: RuleEffect; readonly condition: string }',
  Decision:
    '{ readonly effect: "allow" | "review" | "deny"; readonly rules: readonly string[]; readonly default: boolean; readonly reason: string | null; readonly unknowns: readonly Unknown[]; readonly approvals: readonly ApprovalNeed[]; readonly timeout: number | null; readonly shadow: readonly Match[]; readonly tell?: true; readonly masks?: readonly string[]; readonly steps: number }',
  Explanation:
    '{ readonly decision: Decision; readonly matched: readonly Match[]; readonly near: readonly NearMiss[] }',
  PolicyModule:
    '{ readonly name: string; readonly version: string; readonly phases: readonly Phase[]; needs(request: Request, phase?: Phase): readonly string[]; reads(request: Request, phase?: Phase): readonly string[]; decide(request: Request, facts: Facts, phase: Phase): Decision; visible(subject: Subject, action: Action): boolean; explain(request: Request, facts: Facts, phase: Phase): Explanation; readonly measures?: readonly MeasureSpec[]; readonly usage?: (request: Request) => readonly MeasureRead[]; readonly counts?: (request: Request, facts: Facts) => readonly MeasureAdd[] }',
};

/** The names of the library that stand in `code`, in the order above. `code` holds no text of a policy. */
export function usedNames(code: string): readonly string[] {
  const words = new Set(code.match(/(?<![.\w"])[A-Za-z]+(?=[(,\]])/g));
  return libraryNames.filter((name) => words.has(name));
}

/** The type of `std` for those names, and every type that it needs. */
export function typesOf(names: readonly string[]): readonly string[] {
  const std = ['type Std = {', ...names.map((name) => `  readonly ${name}: ${STD[name] ?? 'never'};`), '};'];
  const needed = new Set<string>();
  const add = (text: string): void => {
    for (const [word] of text.matchAll(/[A-Z]\w+/g)) {
      const type = TYPES[word];
      if (type === undefined || needed.has(word)) continue;
      needed.add(word);
      add(type);
    }
  };
  add([...std, 'Args Request Facts Tool Kleene PolicyModule'].join('\n'));
  const types = Object.entries(TYPES).flatMap(([name, type]) =>
    needed.has(name) ? [`type ${name} = ${type};`] : [],
  );
  return ['// What the host hands over.', ...std, ...types];
}
