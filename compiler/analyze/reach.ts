// SPDX-License-Identifier: Apache-2.0
/** Everything that one principal can ever be allowed, by action, effect and condition. */
import { actionClasses, type Subject } from './actions.js';
import { conditionsIn, decisionOf, decisionOps, DENY, EFFECTS, yields } from './decision.js';
import { type CellWords, describeCell } from './describe.js';
import { TooLarge } from './diagram.js';
import type { Condition, Shared } from './space.js';
import { answerOf, sharedBy, Space, worldOf } from './space.js';
import { callText } from './witness.js';

export interface Reached {
  readonly actions: readonly string[];
  readonly effect: 'allow' | 'review';
  /** Each is one way to it; none without a condition. */
  readonly when: readonly CellWords[];
  /** There are more ways than are listed. */
  readonly more: boolean;
}
export interface Reach {
  readonly reached: readonly Reached[];
  /** Actions of which nothing can be said, and why. */
  readonly open: readonly string[];
}

const MOST_WAYS = 5;

/** `roles`: exactly these; null: any that are declared. */
export function reach(subject: Subject, principal: string, roles: readonly string[] | null): Reach {
  const { ir } = subject;
  const everyone = conditionsIn(ir.units, ir);
  const shared = sharedBy([...everyone, isPrincipal(principal, subject)]);
  const reached: Reached[] = [];
  const open: string[] = [];
  for (const one of actionClasses([subject], [])) {
    try {
      reached.push(...reachOne(one, subject, principal, roles, shared));
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      open.push(`${one.all.map(callText).join(', ')}: too many conditions at once`);
    }
  }
  const stood = ir.facts.flatMap(({ name, review }) => (review === undefined ? [] : [name]));
  if (stood.length > 0)
    open.push(`where ${stood.join(', ')} cannot be had, people may be asked for what it could allow`);
  return { reached: together(reached), open };
}

/** So that the principal is an atom of its own. */
const isPrincipal = (id: string, { ir }: Subject): Condition => ({
  policy: ir,
  expr: {
    op: 'like',
    left: { op: 'subject', field: 'principal.id' },
    glob: { text: id, parts: [id], gaps: [] },
  },
});

function reachOne(
  one: ReturnType<typeof actionClasses>[number],
  subject: Subject,
  principal: string,
  roles: readonly string[] | null,
  shared: Shared,
): readonly Reached[] {
  const { ir } = subject;
  const units = one.live[0]?.units ?? [];
  const self = isPrincipal(principal, subject);
  const space = new Space(one.action, [ir], [...conditionsIn(units, ir), self], shared);
  const ops = decisionOps();
  const all = decisionOf(
    space,
    ops,
    units.map((unit) => yields(space, ops, unit, ir)),
  );
  const known = new Map<number, number>();
  const level = space.level('principal');
  const atoms = space.dimensions[level]?.atoms ?? [];
  const mine = atoms.findIndex(({ values }) =>
    values.some(
      (value) => answerOf(self.expr, worldOf(one.action, new Map([['principal', value]])), ir) === 2,
    ),
  );
  if (mine >= 0) known.set(level, mine);
  for (const [i, { key }] of space.dimensions.entries()) {
    if (roles !== null && key.startsWith('role:')) known.set(i, roles.includes(key.slice(5)) ? 1 : 0);
  }
  const decision = space.diagrams.fix(all, known);
  const actions = one.all.map(callText);
  return [...space.diagrams.answers(decision)]
    .filter((answer) => answer !== DENY)
    .map((answer): Reached => {
      const when: CellWords[] = [];
      let more = false;
      for (const cell of space.diagrams.cells(decision, (v) => v === answer)) {
        if (when.length === MOST_WAYS) {
          more = true;
          break;
        }
        when.push(describeCell(space, cell));
      }
      return { actions, effect: EFFECTS[answer] === 'allow' ? 'allow' : 'review', when, more };
    });
}

/** Actions that are reached in the same way stand in one row. */
function together(rows: readonly Reached[]): readonly Reached[] {
  const found = new Map<string, Reached>();
  for (const row of rows) {
    const key = JSON.stringify([row.effect, row.when, row.more]);
    const before = found.get(key);
    found.set(
      key,
      before === undefined ? row : { ...before, actions: [...before.actions, ...row.actions].sort() },
    );
  }
  return [...found.values()].toSorted(
    (a, b) =>
      (a.effect < b.effect ? -1 : a.effect > b.effect ? 1 : 0) ||
      (a.actions.join() < b.actions.join() ? -1 : 1),
  );
}
