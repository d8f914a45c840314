// SPDX-License-Identifier: Apache-2.0
// The memo of the engine: nothing that a request says can make two questions share an answer, and it stays bounded.
import { describe, expect, it } from 'vitest';
import type { ActionKind, PolicyModule, Request } from '../../../stdlib/abi.js';
import { std } from '../../../stdlib/std.js';
import type { What, Who } from '../../../stdlib/sets.js';
import type { Pin, Unit } from '../../../stdlib/tables.js';

const { glob, who, what, anyone, principal, role, act, outcome, rule, policy, pin, block, when } = std;
const exact = (text: string) => glob([text], '');
const everyone = who([anyone], []);
const everything = what([std.every], []);
const tool = (server: string, name: string): What => what([act('tool', exact(server), exact(name))], []);
const unit = (name: string, effect: 'allow' | 'deny', w: Who, x: What): Unit =>
  rule(name, 'call', outcome(effect, null, null), w, x, null, [], [], [], '');
const made = (units: readonly Unit[], tools: readonly Pin[] = []): PolicyModule =>
  policy({ name: 'p', version: '1.0.0', tools, units, steps: 1 });
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
    const hinted = rule(
      'a',
      'call',
      outcome('allow', null, null),
      everyone,
      everything,
      [(_a, _r, _f, t) => std.hint(t, 'readOnly')],
      [],
      [],
      [],
      '',
    );
    const p = made([hinted], [pin('a', 'b/c', true, false, false, false)]);
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

describe('visible', () => {
  const otherwise = (...effects: readonly ('allow' | 'deny')[]): Unit =>
    block(
      'b',
      everyone,
      everything,
      effects.slice(1).map((e) => when((a) => std.has(a, 'x'), [], outcome(e, null, null), '')),
      outcome(effects[0] ?? 'deny', null, null),
      [],
      [],
    );
  const visible = (units: readonly Unit[]) =>
    made(units).visible(ask('tool', 'a', 'b'), ask('tool', 'a', 'b').intent);
  const allow = unit('a', 'allow', everyone, everything);

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
