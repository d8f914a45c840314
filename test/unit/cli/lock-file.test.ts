// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { compareServer, type LockedServer, pinAll, printLock } from '../../../cli/lock-file.js';
import { readPins } from '../../../runtime/gateway/pins.js';

const tool = (name: string, more: object = {}): object => ({
  name,
  inputSchema: { type: 'object' },
  ...more,
});
const serverOf = (tools: readonly unknown[], prompts: readonly unknown[] = []): LockedServer => ({
  info: {},
  protocol: '2025-11-25',
  capabilities: { tools: {} },
  instructions: null,
  tools: pinAll('s', 'tool', tools),
  prompts: pinAll('s', 'prompt', prompts),
});
const compare = (before: readonly unknown[], after: readonly unknown[]) =>
  compareServer('s', serverOf(before), serverOf(after)).map(({ tool: name, change, members }) => [
    name,
    change,
    ...members,
  ]);

describe('comparing tools', () => {
  it('sees every difference, and none where only the order of keys is another', () => {
    expect(
      compare([tool('a'), tool('b')], [{ inputSchema: { type: 'object' }, name: 'b' }, tool('a')]),
    ).toEqual([]);
    expect(compare([tool('a')], [tool('b')])).toEqual([
      ['a', 'removed'],
      ['b', 'added'],
    ]);
    expect(compare([tool('a', { description: 'x' })], [tool('a', { description: 'x\u200b' })])).toEqual([
      ['a', 'changed', '/description'],
    ]);
    expect(
      compare([tool('a', { x: { 'k/~': [1, 2] } })], [tool('a', { x: { 'k/~': [2, 1] }, y: null })]),
    ).toEqual([['a', 'changed', '/x/k~1~0', '/y']]);
  });

  it('names at most fifty members of one tool', () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`k${i}`, i]));
    expect(compare([tool('a')], [tool('a', many)])[0]).toHaveLength(52);
  });
});

describe('comparing the rest', () => {
  it('sees prompts and capabilities, where the lock says anything of them', () => {
    const able = { ...serverOf([], [{ name: 'p' }]), capabilities: { tools: {}, logging: {} } };
    expect(compareServer('s', serverOf([]), able)).toMatchObject([
      { kind: 'prompt', tool: 'p', change: 'added' },
      { kind: 'capabilities', change: 'changed', members: ['/logging'] },
    ]);
    expect(compareServer('s', { ...serverOf([]), capabilities: null }, able)).toEqual([]);
    expect(compareServer('s', undefined, serverOf([tool('a')]))).toMatchObject([
      { tool: 'a', change: 'added' },
    ]);
  });
});

describe('pinning', () => {
  it.each([
    ['no object', [null], 'it is not an object'],
    ['no name', [{ inputSchema: {} }], 'it has no name'],
    ['a name twice', [tool('a'), tool('a')], 'stands twice'],
    ['a lone surrogate', [tool('a', { description: '\ud800' })], 'cannot be pinned'],
    ['a number that JSON does not know', [tool('a', { x: Number.NaN })], 'cannot be pinned'],
  ])('refuses %s', (_what, definitions, message) => {
    expect(() => pinAll('s', 'tool', definitions)).toThrow(message);
  });

  it('writes what the gateway reads back, keys sorted at every depth', () => {
    const servers = new Map([
      ['s', serverOf([tool('b', { z: { y: 1, a: 2 } }), tool('a')], [{ name: 'p' }])],
    ]);
    const text = printLock({ modules: {}, servers });
    expect(readPins(Buffer.from(text), 'l')).toMatchObject({ ok: true });
    expect(text.indexOf('"a": {')).toBeLessThan(text.indexOf('"b": {'));
    expect(text).toMatch(/"a": 2,\s+"y": 1/);
    expect(text.endsWith('}\n')).toBe(true);
  });
});
