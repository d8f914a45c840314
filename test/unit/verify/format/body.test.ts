// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkBody, type JsonValue } from '../../../../runtime/verify/format/index.js';
import { example } from '../../../arbitraries/example.js';
import { hashOf, idOf } from '../../../arbitraries/log.js';

const common = {
  v: 1,
  log: 'a/log',
  seq: 3,
  prev: hashOf('p'),
  time: '2026-03-09T13:00:00.000Z',
  boot: idOf('b'),
};
const call = idOf('c');
const principal = { id: 'agent:a', roles: [], auth: { method: 'stdio' }, session: hashOf('s') };
const intent = {
  kind: 'tool',
  method: 'tools/call',
  server: 'fs',
  name: 'n',
  args_root: hashOf('a'),
  args_count: 0,
  digest: hashOf('d'),
};
const policy = {
  name: 'p',
  version: '1.0.0',
  source: hashOf('1'),
  module: hashOf('2'),
  compiler: hashOf('3'),
};
const decision = { effect: 'deny', rules: [], default: true, steps: 0 };
const key = { purpose: 'epoch', key: 'k', fingerprint: hashOf('f') };

/** Each type with all its optional members. */
const FULL: { readonly [type: string]: object } = {
  key: { key: { ...key, root: 'r', certificate: 'c' } },
  revoke: { revoke: { key: 'k', from: 3, reason: 'lost' } },
  policy: {
    policy: { ...policy, versions: { node: '20', icu: '76', unicode: '16', tz: '2026a', ada: '2' } },
  },
  propose: { call, principal, intent, refs: { parent: { log: 'b/log', leaf: hashOf('l') } } },
  decide: {
    call,
    principal: {
      ...principal,
      on_behalf_of: { id: 'user:u', roles: ['r'] },
      auth: { method: 'token', credential: 't' },
    },
    intent: { ...intent, definition: hashOf('def'), trace: 't' },
    policy: { ...policy, activation: hashOf('act') },
    phase: 'call',
    refs: { propose: hashOf('x'), decide: hashOf('y'), approve: [hashOf('z')] },
    facts: ['region'],
    facts_root: hashOf('fr'),
    reads: ['/path'],
    unknowns: [{ name: 'args.path', why: 'absent', otherwise: 'allow' }],
    counts: [
      { name: 'daily', key: ['agent:a'], add: 1 },
      { name: 'spend', key: [], add: '12.5' },
    ],
    decision: {
      ...decision,
      reason: 'no rule grants it',
      shadow: [{ name: 's', effect: 'deny', unknown: true }],
      approvals: [
        { rule: 'r', roles: ['lead'], quorum: 2, timeout: 1000 },
        { rule: 'r', self: true, quorum: 1, timeout: 1000 },
      ],
      expires: '2026-03-09T14:00:00.000Z',
      masked: [{ kind: 'secret', count: 1 }],
    },
  },
  approve: {
    call,
    principal,
    refs: { decide: hashOf('y') },
    approval: {
      verdict: 'approve',
      approver: { id: 'user:e', roles: ['lead'] },
      nonce: idOf('n'),
      expires: '2026-03-09T14:00:00.000Z',
      proof: { session: hashOf('s'), method: 'console' },
    },
  },
  outcome: {
    call,
    refs: { decide: hashOf('y') },
    outcome: { status: 'ok', result_root: hashOf('r'), bytes: 1, ms: 2 },
  },
  ack: { call, refs: {} },
  anchor: { anchor: { checkpoint: 'c' } },
  seal: { seal: { key: 'k', size: 9 } },
  snapshot: { snapshot: { hash: hashOf('h'), size: 9 } },
  recovery: { recovery: { cut: 5, unknown: 1 } },
  event: {
    event: { kind: 'refused_input', source: 's', detail: 'd', count: 3, minute: '2026-03-09T13:00:00Z' },
  },
};

const check = (body: unknown): unknown => checkBody(body as JsonValue);
const bodies = Object.entries(FULL).map(
  ([type, members]) => [type, { ...common, type, ...members }] as const,
);

/** Every object inside a body, with its path. */
function* objects(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<readonly (string | number)[]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield path;
  for (const [name, inner] of Object.entries(value)) yield* objects(inner, [...path, name]);
}

function changed(
  body: object,
  path: readonly (string | number)[],
  change: (target: Record<string, unknown>) => void,
): object {
  const copy = structuredClone(body);
  let target: unknown = copy;
  for (const name of path) target = (target as Record<string, unknown>)[name];
  change(target as Record<string, unknown>);
  return copy;
}

describe('the schema of bodies', () => {
  it.each(bodies)('%s: accepts every member of version 1, with and without `clock`', (_, body) => {
    expect(check(body)).toBe(body);
    expect(typeof check({ ...body, clock: 'held' })).toBe('object');
  });

  it.each(bodies)('%s: refuses an unknown member in any object', (_, body) => {
    for (const path of objects(body)) {
      const wrong = check(changed(body, path, (target) => void (target['extra'] = 1)));
      expect(typeof wrong, path.join('.')).toBe('string');
    }
  });

  it.each(bodies)('%s: refuses a value of another type in any member', (_, body) => {
    for (const path of objects(body)) {
      let target: unknown = body;
      for (const name of path) target = (target as Record<string, unknown>)[name];
      for (const name of Object.keys(target as object)) {
        for (const value of [null, 1.5, -1, { a: 1 }, [1], '']) {
          const free = typeof (target as Record<string, unknown>)[name] === 'string';
          if (value === '' && free) continue;
          // -1 may be added to a counter.
          if (name === 'add' && value === -1) continue;
          const wrong = check(changed(body, path, (t) => void (t[name] = value)));
          expect(typeof wrong, `${[...path, name].join('.')} = ${JSON.stringify(value)}`).toBe('string');
        }
      }
    }
  });

  it('says where the fault is', () => {
    const [, decide] = bodies.find(([type]) => type === 'decide') as (typeof bodies)[number];
    const at = (path: readonly (string | number)[], name: string, value: unknown): unknown =>
      check(changed(decide, path, (target) => void (target[name] = value)));
    expect(at(['principal'], 'session', 'x')).toBe('body.principal.session is not a sha256 hash');
    expect(at(['decision', 'approvals', 1], 'quorum', -1)).toBe(
      'body.decision.approvals[1].quorum is not a natural number',
    );
    expect(at(['counts', 1], 'add', '1.50')).toBe('body.counts[1].add is not a canonical decimal');
    expect(at([], 'time', '2026-02-30T00:00:00.000Z')).toBe(
      'body.time is not a time (RFC 3339, UTC, milliseconds)',
    );
    expect(at([], 'boot', `${'A'.repeat(21)}B==`)).toBe('body.boot is not 16 bytes in base64');
    expect(check({ ...decide, type: 'decree' })).toBe('body.type is not a known type');
    expect(check({ ...decide, v: 2 })).toBe('body.v is none of 1');
    const { prev: _, ...orphan } = decide as { prev?: string };
    expect(check(orphan)).toBe('body.prev is missing');
  });

  it('lets only listed extensions in, with plain data only', () => {
    const [, event] = bodies.find(([type]) => type === 'event') as (typeof bodies)[number];
    const ext = (value: unknown): unknown => checkBody({ ...event, ext: value } as JsonValue, ['x']);
    expect(typeof ext({ x: { deep: [1, 'a', null, true] } })).toBe('object');
    expect(ext({ y: 1 })).toContain('does not list');
    expect(ext({ x: 1.5 })).toContain('not an integer');
    expect(ext({ x: { '1': 2 } })).toContain('a key that is not allowed');
    expect(ext({ x: { é: 2 } })).toContain('a key that is not allowed');
  });
});

describe('docs/receipt-format.md', () => {
  it('shows the example that the code gives (node scripts/receipt-example.mjs writes it)', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../../../docs/receipt-format.md'), 'utf8');
    expect(page).toContain(example());
  });
});
