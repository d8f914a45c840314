// SPDX-License-Identifier: Apache-2.0
/**
 * How a compiled policy answers: units in scope are found by action class and principal, kept in a bounded memo, and combined as
 * docs/language.md says. The common path allocates nothing; anything that an unknown touches goes to `weigh` (explain.ts).
 */
import type {
  ActionKind,
  Decision,
  Explanation,
  Facts,
  Phase,
  PolicyModule,
  Request,
  Subject,
} from './abi.js';
import { type Asker, DEFAULT_DENY, explainUnits, reviewOf, weigh } from './explain.js';
import { matchesWhat, matchesWho, readsRoles, type What, type Who } from './sets.js';
import type { Block, Pin, Rule, Tables, Unit } from './tables.js';
import { type Args, type Kleene, UNKNOWN_ARGS } from './values.js';

/** Everything about one action that does not depend on who calls. */
interface ActionClass {
  readonly units: readonly Unit[];
  readonly pin: Pin | undefined;
  readonly scopes: Map<string, Scope>;
}
/** The units of one action and one principal, by name within each list. */
export interface Scope {
  readonly denies: readonly Rule[];
  readonly asks: readonly Rule[];
  readonly allows: readonly Rule[];
  readonly blocks: readonly Block[];
  readonly all: readonly Unit[];
  /** Some unit may grant at all. */
  readonly grants: boolean;
}

const MAX_ACTIONS = 4096;
const MAX_SCOPES = 1024;

/** The module of a policy from its tables (compiler/emit.ts writes them down). */
export function policy(tables: Tables): PolicyModule {
  const units = tables.units;
  const whos = [...new Set(units.map((unit) => unit.who))];
  const keyed = whos.some(readsRoles);
  const pins = new Map(tables.tools.map((pin) => [`${pin.server}/${pin.name}`, pin]));
  const answers = new Map(units.map((unit) => [unit, ruleAnswer(unit, tables.steps)]));
  const phases = { call: new Map(), list: new Map(), result: new Map() } as Record<
    Phase,
    Map<string, ActionClass>
  >;
  const patterns = new Set(units.map((unit) => unit.what));

  const classify = (phase: Phase, kind: ActionKind, server: string, name: string): ActionClass => {
    const classes = phases[phase];
    const key = kind === 'tool' ? `${server}/${name}` : `${kind} ${server}/${name}`;
    const known = classes.get(key);
    if (known !== undefined) return known;
    const matching = new Set<What>();
    for (const pattern of patterns) if (matchesWhat(pattern, kind, server, name)) matching.add(pattern);
    const made: ActionClass = {
      units: units.filter((unit) => unit.phase === phase && matching.has(unit.what)),
      pin: kind === 'tool' ? pins.get(key) : undefined,
      scopes: new Map(),
    };
    if (classes.size >= MAX_ACTIONS) classes.clear();
    classes.set(key, made);
    return made;
  };

  const scopeOf = (action: ActionClass, id: string, roles: readonly string[]): Scope => {
    const key = keyed ? `${id}\n${roles.join('\n')}` : id;
    const known = action.scopes.get(key);
    if (known !== undefined) return known;
    const made = narrow(action.units, id, roles);
    if (action.scopes.size >= MAX_SCOPES) action.scopes.clear();
    action.scopes.set(key, made);
    return made;
  };

  const find = (request: Request, phase: Phase): readonly [Scope, Pin | undefined] => {
    const { kind, server, name } = request.intent;
    const action = classify(phase, kind, server, name);
    return [scopeOf(action, request.principal, request.roles), action.pin];
  };

  const collect = (request: Request, from: (unit: Unit) => readonly string[]): readonly string[] => {
    const found = new Set<string>();
    for (const phase of ['call', 'list', 'result'] as const) {
      for (const unit of find(request, phase)[0].all) for (const name of from(unit)) found.add(name);
    }
    return [...found].sort();
  };

  return {
    name: tables.name,
    version: tables.version,
    needs: (request) => collect(request, (unit) => unit.facts),
    reads: (request) => collect(request, (unit) => unit.reads),
    decide: (request: Request, facts: Facts, phase: Phase): Decision => {
      const { kind, server, name, args } = request.intent;
      const action = classify(phase, kind, server, name);
      const scope = scopeOf(action, request.principal, request.roles);
      return (
        quick(scope, args as Args, request, facts, action.pin, phase, answers, tables.steps) ??
        weigh(scope.all, { args: args as Args, request, facts, pin: action.pin }, phase, tables.steps)
      );
    },
    visible: (subject: Subject, action): boolean => {
      const { units: inScope, pin } = classify('call', action.kind, action.server, action.name);
      const scope = narrow(inScope, subject.principal, subject.roles);
      const request: Request = { ...subject, intent: { ...action, args: {} } };
      return mayGrant(scope, { args: UNKNOWN_ARGS, request, facts: {}, pin });
    },
    explain: (request: Request, facts: Facts, phase: Phase): Explanation => {
      const [scope, pin] = find(request, phase);
      return explainUnits(
        scope.all,
        { args: request.intent.args as Args, request, facts, pin },
        phase,
        tables.steps,
      );
    },
  };
}

function narrow(units: readonly Unit[], id: string, roles: readonly string[]): Scope {
  const matches = new Map<Who, boolean>();
  const inScope = (who: Who): boolean => {
    const known = matches.get(who);
    if (known !== undefined) return known;
    const made = matchesWho(who, id, roles);
    matches.set(who, made);
    return made;
  };
  const all = units.filter((unit) => inScope(unit.who));
  const rules = all.filter((unit): unit is Rule => unit.kind === 'rule');
  const blocks = all.filter((unit): unit is Block => unit.kind === 'block');
  return {
    denies: untilSure(rules.filter((rule) => rule.effect === 'deny')),
    asks: rules.filter((rule) => rule.effect === 'review' || rule.effect === 'escalate'),
    allows: untilSure(rules.filter((rule) => rule.effect === 'allow')),
    blocks,
    all,
    grants: all.some(canGrant),
  };
}

/** Nothing after a rule without a condition can be the first that holds. */
function untilSure(rules: readonly Rule[]): readonly Rule[] {
  const sure = rules.findIndex((rule) => rule.when === null);
  return sure < 0 ? rules : rules.slice(0, sure + 1);
}

function canGrant(unit: Unit): boolean {
  const grant = (effect: string): boolean => effect === 'allow' || effect === 'review';
  if (unit.kind === 'rule') return grant(unit.effect);
  return [...unit.cases.map((c) => c.outcome), unit.otherwise].some((o) => o !== null && grant(o.effect));
}

export interface World {
  readonly args: Args;
  readonly request: Request;
  readonly facts: Facts;
  readonly pin: Pin | undefined;
}

/** The answer where no unknown has a say, or null. */
function quick(
  scope: Scope,
  args: Args,
  request: Request,
  facts: Facts,
  pin: Pin | undefined,
  phase: Phase,
  answers: ReadonlyMap<Unit, Decision>,
  steps: number,
): Decision | null {
  if (scope.blocks.length > 0 || phase !== 'call') return null;
  const { denies, asks, allows } = scope;
  for (let i = 0; i < denies.length; i++) {
    const rule = denies[i] as Rule;
    const value: Kleene = rule.when === null ? 2 : rule.when(args, request, facts, pin);
    if (value === 1) return null;
    if (value === 2) return answers.get(rule) as Decision;
  }
  let askers: Asker[] | null = null;
  let granted = false;
  for (let i = 0; i < asks.length; i++) {
    const rule = asks[i] as Rule;
    const value: Kleene = rule.when === null ? 2 : rule.when(args, request, facts, pin);
    if (value === 1) return null;
    if (value === 0) continue;
    if (rule.effect === 'review') granted = true;
    askers ??= [];
    askers.push({ name: rule.name, approval: rule.approval, because: rule.because });
  }
  if (askers !== null && granted) return reviewOf(askers, steps, []);
  let possible = false;
  for (let i = 0; i < allows.length; i++) {
    const rule = allows[i] as Rule;
    const value: Kleene = rule.when === null ? 2 : rule.when(args, request, facts, pin);
    if (value === 2) return askers === null ? (answers.get(rule) as Decision) : reviewOf(askers, steps, []);
    if (value === 1) possible = true;
  }
  return possible ? null : DEFAULT_DENY(steps);
}

/** The frozen answer of a rule that decides alone. */
function ruleAnswer(unit: Unit, steps: number): Decision {
  const effect = unit.kind === 'rule' && unit.effect === 'allow' ? 'allow' : 'deny';
  const because = unit.kind === 'rule' ? unit.because : null;
  return Object.freeze({
    effect,
    rules: Object.freeze([unit.name]),
    default: false,
    reason: because,
    unknowns: NONE,
    approvals: NONE,
    timeout: null,
    shadow: NONE,
    steps,
  });
}
const NONE: readonly never[] = Object.freeze([]);

/** Optimistic: some unit may grant, and no deny is sure. */
function mayGrant(scope: Scope, world: World): boolean {
  if (!scope.grants) return false;
  const value = (when: Rule['when']): Kleene =>
    when === null ? 2 : when(world.args, world.request, world.facts, world.pin);
  let grant = false;
  for (const unit of scope.all) {
    if (unit.kind === 'rule') {
      const v = value(unit.when);
      if (unit.effect === 'deny' && v === 2) return false;
      if ((unit.effect === 'allow' || unit.effect === 'review') && v > 0) grant = true;
      continue;
    }
    const outcomes = possibleEffects(unit, value);
    if (outcomes.length === 1 && outcomes[0] === 'deny') return false;
    if (outcomes.includes('allow') || outcomes.includes('review')) grant = true;
  }
  return grant;
}

function possibleEffects(block: Block, value: (when: Rule['when']) => Kleene): readonly string[] {
  const effects: string[] = [];
  for (const { when, outcome } of block.cases) {
    const v = value(when);
    if (v > 0) effects.push(outcome.effect);
    if (v === 2) return effects;
  }
  return [...effects, block.otherwise?.effect ?? 'nothing'];
}
