// SPDX-License-Identifier: Apache-2.0
// The memo of the engine: nothing that a request says can make two questions share an answer, and it stays bounded.
import { describe, expect, it } from 'vitest';
import type { ActionKind, PolicyModule, Request } from '../../../stdlib/abi.js';
import { type Pin, running, type Test } from '../../../stdlib/ask.js';
import { policy } from '../../../stdlib/compose.js';
import { listed, pinned } from '../../../stdlib/listed.js';
import { std } from '../../../stdlib/std.js';
import { every, matchesWho, type What, type Who } from '../../../stdlib/sets.js';
import type { Unit } from '../../../stdlib/tables.js';

const { glob, who, anyone, principal, role } = std;
const exact = (text: string) => glob([text], '');
const everyone = who([anyone], []);
const everything: What = { include: [every], except: [] };
const tool = (server: string, name: string): What => ({
  include: [{ kind: 'act', act: 'tool', server: exact(server), name: exact(name) }],
  except: [],
});
const unit = (
  name: string,
  effect: 'allow' | 'deny',
  w: Who,
  x: What,
  tests: readonly Test[] = [],
): Unit => ({
  kind: 'rule',
  name,
  phase: 'call',
  outcome: { effect, approval: null, because: null },
  who: w,
  what: x,
  tests,
  words: '',
});
const made = (units: readonly Unit[], tools: readonly Pin[] = []): PolicyModule =>
  policy({ name: 'p', version: '1.0.0', tools: pinned(tools), units: listed(units), steps: 1 });
const ask = (kind: ActionKind, server: string, name: string, subject: Partial<Request> = {}): Request => ({
  principal: 'agent:a',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  ...subject,
  intent: { kind, server, name, args: {} },
});
const effect = (p: PolicyModule, q: Request): string => p.decide(q, {}, 'call').effect;

describe('the memo', () => {
  it('keeps servers and names apart, wherever a slash stands', () => {
    const p = made([unit('a', 'allow', everyone, tool('a', 'b/c'))]);
    expect(effect(p, ask('tool', 'a', 'b/c'))).toBe('allow');
    expect(effect(p, ask('tool', 'a/b', 'c'))).toBe('deny');
    expect(effect(p, ask('tool', 'a', 'b/c'))).toBe('allow');
  });

  it('keeps names apart that differ where a hash does not look', () => {
    const name = 'agent:one-two-three-four-five-six';
    const p = made([unit('a', 'allow', who([principal(exact(name))], []), tool('s', name))]);
    for (let at = 0; at < name.length; at++) {
      const other = `${name.slice(0, at)}X${name.slice(at + 1)}`;
      expect(effect(p, ask('tool', 's', name, { principal: name }))).toBe('allow');
      expect(effect(p, ask('tool', 's', name, { principal: other }))).toBe('deny');
      expect(effect(p, ask('tool', 's', other, { principal: name }))).toBe('deny');
      expect(effect(p, ask('tool', 's', name, { principal: name }))).toBe('allow');
    }
  });

  it('keeps kinds apart from servers that are named like one', () => {
    const p = made([unit('a', 'allow', everyone, tool('resource fs', 'x'))]);
    expect(effect(p, ask('tool', 'resource fs', 'x'))).toBe('allow');
    expect(effect(p, ask('resource', 'fs', 'x'))).toBe('deny');
  });

  it('keeps roles apart, whatever they hold', () => {
    const p = made([
      unit('a', 'allow', who([role('lead')], []), everything),
      unit('b', 'deny', who([role('banned')], []), everything),
    ]);
    const q = (principalId: string, roles: readonly string[]) =>
      effect(p, ask('tool', 'a', 'b', { principal: principalId, roles }));
    expect(q('agent:a', ['lead'])).toBe('allow');
    expect(q('agent:a\nlead', [])).toBe('deny');
    expect(q('agent:a', ['x\nlead'])).toBe('deny');
    expect(q('agent:a', ['x', 'lead'])).toBe('allow');
    expect(q('agent:a', ['lead', 'banned'])).toBe('deny');
    expect(q('agent:a', ['lead\nbanned'])).toBe('deny');
    expect(q('agent:a', ['lead,banned', 'lead'])).toBe('allow');
    expect(q('agent:a', ['lead', 'lead'])).toBe('allow');
    expect(q('agent:a', ['constructor', '__proto__'])).toBe('deny');
  });

  it('keeps the pins of one tool from another', () => {
    const hinted = unit('a', 'allow', everyone, everything, [
      running((_a, _r, _f, t) => std.hint(t, 'readOnly')),
    ]);
    const p = made(
      [hinted],
      [{ server: 'a', name: 'b/c', readOnly: true, destructive: false, idempotent: false, openWorld: false }],
    );
    expect(effect(p, ask('tool', 'a', 'b/c'))).toBe('allow');
    expect(effect(p, ask('tool', 'a/b', 'c'))).toBe('deny');
    expect(effect(p, ask('resource', 'a', 'b/c'))).toBe('deny');
  });

  it('stays bounded when every call names another tool and another principal', () => {
    const units = Array.from({ length: 300 }, (_, i) => unit(`u${i}`, 'allow', everyone, everything));
    const p = made(units);
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 20_000; i++) {
      expect(effect(p, ask('tool', 's', `t${i}`, { principal: `agent:${i}` }))).toBe('allow');
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200e6);
    expect(effect(p, ask('tool', 's', 't1'))).toBe('allow');
  });
});

describe('what is kept', () => {
  const heapAfter = (ask1: (i: number) => void): number => {
    for (let i = 0; i < 5000; i++) ask1(i);
    const before = process.memoryUsage().heapUsed;
    for (let i = 5000; i < 25_000; i++) ask1(i);
    return process.memoryUsage().heapUsed - before;
  };

  it('does not grow with callers, whatever patterns the policy has', () => {
    const all = [
      unit('a', 'allow', who([principal(glob(['agent:', ''], 'a'))], []), everything),
      unit('b', 'deny', who([anyone], [principal(glob(['agent:', '-ok'], 'a')), role('lead')]), everything),
      ...Array.from({ length: 8 }, (_, i) =>
        unit(`c${i}`, 'deny', who([principal(glob(['', `-bad${i}`], 'a'))], []), everything),
      ),
    ];
    const p = made(all);
    const long = 'x'.repeat(500);
    const seen = new Set<string>();
    const grown = heapAfter((i) => {
      const principalId = `agent:${i}`;
      seen.add(`ok ${effect(p, ask('tool', 's', 't', { principal: `${principalId}-ok` }))}`);
      seen.add(`bad ${effect(p, ask('tool', 's', 't', { principal: `${long}${i}-bad${i % 8}` }))}`);
      seen.add(
        `lead ${effect(p, ask('tool', 's', 't', { principal: principalId, roles: ['lead', `x${i}`] }))}`,
      );
      seen.add(`file ${effect(p, ask('resource', 's', `file:///${i}`, { principal: `${principalId}-ok` }))}`);
    });
    expect([...seen].sort()).toEqual(['bad deny', 'file allow', 'lead allow', 'ok allow']);
    expect(grown).toBeLessThan(60e6);
  });

  it('tells the names of the policy from thousands of others', () => {
    const names = Array.from({ length: 60 }, (_, i) => `agent:${i}-of-ours`);
    const p = made(names.map((name) => unit(name, 'allow', who([principal(exact(name))], []), everything)));
    for (let i = 0; i < 3000; i++)
      expect(effect(p, ask('tool', 's', 't', { principal: `agent:${i + 60}-of-ours` }))).toBe('deny');
    for (const name of names) expect(effect(p, ask('tool', 's', 't', { principal: name }))).toBe('allow');
  });

  it('finds each set, however callers, beginnings and roles overlap', () => {
    const starts = [
      '',
      'agent:',
      'agent:a',
      'agent:ab',
      'agent:abc',
      'agent:b',
      'user:',
      'user:ab',
      '\ud83d',
      'é',
    ];
    const sets = [
      ...starts.map((start) => who([principal(glob([start, ''], 'a'))], [])),
      ...starts.map((start) => who([principal(exact(start)), role('r')], [])),
      who([anyone], [principal(glob(['agent:a', ''], 'a'))]),
      who([anyone], [role('r')]),
      who([role('r'), role('s')], [principal(exact('agent:ab'))]),
      who([std.members(who([anyone], [role('s')])), principal(glob(['', 'c'], 'a'))], []),
      who([principal(glob(['agent:', 'b', ''], 'aa'))], []),
      who([principal(glob(['agent:', ''], 's'))], []),
    ];
    const ids = [...starts, 'agent:abcd', 'agent:ac', 'agent:x/y', 'user:c', '\ud83d\ude00', 'éa', 'x'];
    const roles = [[], ['r'], ['s'], ['r', 's'], ['s', 'r', 's'], ['t']];
    for (const [i, set] of sets.entries()) {
      const p = made(
        sets.map((one, n) =>
          unit(`u${n}`, n === i ? 'allow' : 'deny', n === i ? one : who([], []), everything),
        ),
      );
      for (const id of ids)
        for (const list of roles) {
          const expected = matchesWho(set, id, list) ? 'allow' : 'deny';
          expect(effect(p, ask('tool', 's', 't', { principal: id, roles: list }))).toBe(expected);
        }
    }
    const all = made(sets.map((one, n) => unit(`u${n}`, 'allow', one, everything)));
    for (const id of ids)
      for (const list of roles) {
        const { matched } = all.explain(ask('tool', 's', 't', { principal: id, roles: list }), {}, 'call');
        const expected = sets.flatMap((one, n) => (matchesWho(one, id, list) ? [`u${n}`] : []));
        expect(matched.map(({ name }) => name).sort()).toEqual(expected.sort());
      }
  });
});

describe('what is forgotten', () => {
  it('is found again, whatever stood in its place', () => {
    const names = Array.from({ length: 10 }, (_, i) => `r${i}`);
    const tools = Array.from({ length: 5 }, (_, i) => `t${i}`);
    // Each role may use all tools but one; each pair of a role and a tool has many rules, so that little is kept at a time.
    const callers = names.map((name) => who([role(name)], []));
    const actions = tools.map((to) => tool('s', to));
    const units = callers.flatMap((caller, i) =>
      actions
        .filter((_, k) => k !== i % 5)
        .flatMap((action, k) =>
          Array.from({ length: 25 }, (_, n) => unit(`r${i} ${k} ${n}`, 'allow', caller, action)),
        ),
    );
    const p = made(units);
    const wrong: string[] = [];
    for (let round = 0; round < 2; round++)
      for (let set = 0; set < 1024; set++) {
        const roles = names.filter((_, i) => ((set >> i) & 1) === 1);
        for (const [k, to] of tools.entries()) {
          const expected = roles.some((name) => Number(name.slice(1)) % 5 !== k) ? 'allow' : 'deny';
          if (effect(p, ask('tool', 's', to, { roles })) !== expected) wrong.push(`${to} ${roles.join(' ')}`);
        }
      }
    expect(wrong).toEqual([]);
  });
});

describe('visible', () => {
  const yields = (effect: 'allow' | 'deny') => ({ effect, approval: null, because: null });
  const otherwise = (...effects: readonly ('allow' | 'deny')[]): Unit => ({
    kind: 'block',
    name: 'b',
    phase: 'call',
    who: everyone,
    what: everything,
    cases: effects
      .slice(1)
      .map((e) => ({ test: running((a) => std.has(a, 'x')), outcome: yields(e), words: '' })),
    otherwise: yields(effects[0] ?? 'deny'),
  });
  const visible = (units: readonly Unit[]) =>
    made(units).visible(ask('tool', 'a', 'b'), ask('tool', 'a', 'b').intent);
  const allow = unit('a', 'allow', everyone, everything);

  it('asks about the action alone, though the subject is a whole request', () => {
    const seen: unknown[] = [];
    const looks = running((_, request) => {
      seen.push(request.intent);
      return 2;
    });
    const own = {
      ...ask('tool', 'other', 'one'),
      intent: { kind: 'tool', server: 'x', name: 'y', args: { x: 1 } },
    } as const;
    made([unit('a', 'allow', everyone, everything, [looks])]).visible(own, ask('tool', 'a', 'b').intent);
    expect(seen).toEqual([ask('tool', 'a', 'b').intent]);
  });

  it('is false where a block denies in every case, true where one case may grant', () => {
    expect(visible([allow])).toBe(true);
    expect(visible([])).toBe(false);
    expect(visible([allow, otherwise('deny', 'deny')])).toBe(false);
    expect(visible([allow, otherwise('deny', 'allow')])).toBe(true);
    expect(visible([otherwise('deny', 'allow')])).toBe(true);
    expect(visible([otherwise('deny')])).toBe(false);
    expect(visible([allow, unit('d', 'deny', who([principal(exact('agent:a'))], []), everything)])).toBe(
      false,
    );
  });
});

describe('explanations', () => {
  const flagged = (flag: string, of: string): Test =>
    running(
      ({ [flag]: held }) => (held === true ? 2 : held === undefined ? 1 : 0),
      undefined,
      () => of,
    );
  const rule = (name: string, effect: 'allow' | 'deny', ...tests: readonly Test[]): Unit => {
    const made = unit(name, effect, everyone, everything, tests);
    return made.kind === 'rule' ? { ...made, words: `${name} holds` } : made;
  };
  const p = made([
    rule('a', 'allow', flagged('x', 'x')),
    rule('b', 'deny', flagged('x', 'x'), flagged('y', 'y')),
    rule('c', 'allow'),
  ]);
  const asked = (args: Request['intent']['args']) => {
    const question = ask('tool', 's', 't');
    return p.explain({ ...question, intent: { ...question.intent, args } }, {}, 'call');
  };

  it('say of each question what matched of it, whatever matched before', () => {
    const sure = { x: true, y: true };
    expect(asked(sure).matched.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(asked({ x: true, y: false }).matched.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(asked({ x: true }).matched).toEqual([
      { name: 'a', effect: 'allow' },
      { name: 'b', effect: 'deny', unknown: true },
      { name: 'c', effect: 'allow' },
    ]);
    expect(asked(sure).matched).toEqual([
      { name: 'a', effect: 'allow' },
      { name: 'b', effect: 'deny' },
      { name: 'c', effect: 'allow' },
    ]);
    expect(asked({ x: false, y: true }).matched.map(({ name }) => name)).toEqual(['c']);
  });

  it('name near misses when they are read, and as JSON', () => {
    const explained = asked({ x: true, y: false });
    const near = [{ name: 'b', effect: 'deny', condition: 'b holds' }];
    expect(explained.near).toEqual(near);
    expect(JSON.parse(JSON.stringify(explained))).toMatchObject({ decision: { effect: 'allow' }, near });
  });
});
