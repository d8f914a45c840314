// SPDX-License-Identifier: Apache-2.0
// No text of a policy, of its lock or of a request runs, wherever it stands, and the emitted module still decides as the
// reference does: 4,000 texts through the whole compiler, 8,000 straight into the emitter, some again in a process that cannot
// generate code from strings.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../compiler/compile.js';
import { emit } from '../../compiler/emit.js';
import type { PolicyIr } from '../../compiler/ir.js';
import { decide as reference } from '../../compiler/reference.js';
import { quote } from '../../grammar/literals.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import { moduleFault } from '../../runtime/decide/module-text.js';
import type { Facts, JsonRecord, Request } from '../../stdlib/abi.js';
import { CANARY, hostile } from '../arbitraries/hostile.js';
import { facts, policy as policyIr, request } from '../arbitraries/policy.js';
import { load, meaning } from '../helpers/emitted.js';
import { host, lockText, tool } from '../helpers/policy.js';

const COMPILER = { version: '0', hash: host.hash('compiler'), tz: '0', unicode: '0' };
const canary = (): unknown => (globalThis as Record<string, unknown>)[CANARY];
const untouched = (): void => {
  expect(canary()).toBeUndefined();
  expect(({} as Record<string, unknown>)[CANARY]).toBeUndefined();
};

/** A policy with a text in every place that takes one. Each slot has a harmless text that always compiles. */
const SLOTS = {
  server: 'fs',
  tool: 'read',
  key: 'path',
  nested: 'deep',
  member: 'big',
  role: 'lead',
  principal: 'editor',
  user: 'dana',
  constant: 'x',
  item: 'y',
  like: 'a*b',
  root: '/data',
  because: 'no',
  session: 's1',
  config: 'region',
  uri: 'file:///x',
  prompt: 'greet',
  description: 'Reads',
  title: 'Read',
  hint: 'yes',
  schemaText: 'A path',
  testName: 'works',
  testKey: 'extra',
  testText: 'z',
  testSession: 's',
  testReason: 'no',
} as const;
type Slot = keyof typeof SLOTS;
type Texts = { readonly [slot in Slot]: string };

/** Half characters are refused everywhere; texts without them get further. */
const whole = (text: string): string => text.replaceAll(/\p{Cs}/gu, '\ufffd');

function lockOf(t: Texts): string {
  const path = { type: 'string', description: t.schemaText };
  const properties = {
    [t.key]: path,
    [`${t.nested}?`]: { type: 'object', properties: { [t.key]: path } },
    'size?': { enum: ['small', t.member] },
    'rest?': {},
  };
  const definition = { ...tool(t.tool, properties), description: t.description, title: t.title };
  const annotations = { readOnlyHint: t.hint, destructiveHint: false, [t.hint]: true };
  const text = lockText({ [t.server]: [{ ...definition, annotations } as never], zz: [] });
  const lock = JSON.parse(text) as { servers: Record<string, object> };
  lock.servers = Object.fromEntries(
    Object.entries(lock.servers).map(([name, pins]) => [name, { ...pins, prompts: { [t.prompt]: {} } }]),
  );
  return JSON.stringify(lock);
}

function sourceOf(t: Texts): string {
  const q = quote;
  const on = `${q(t.server)}/${q(t.tool)}`;
  return `sep 1
policy acme.case 1.0.0
tools "sepal.lock"
role odd = ${q(t.role)}
principals who = agent:${q(t.principal)}, user:${q(t.user)}
actions things = ${on}, resource ${q(t.server)}/${q(t.uri)}
fact region: string from config.${q(t.config)}
let is(x: string) = x == ${q(t.constant)} or x in [${q(t.item)}, "other"]
allow a: any -> things because ${q(t.because)}
deny d: any -> ${on} when { is(args.${q(t.key)}) or args.${q(t.key)} like ${q(t.like)} } because ${q(t.because)}
review r: who, role:odd -> ${on} by role:odd timeout 15m when { args.${q(t.key)} under ${q(t.root)} }
deny e: any -> ${on} when { has(args.size) and args.size == ${q(t.member)} and session.id == ${q(t.session)} }
deny f: any -> ${on} when { has(args.rest) and args.rest in [${q(t.item)}, ${q(t.constant)}] }
deny g: any -> ${on} when { principal has role odd and region contains ${q(t.constant)} and principal in agent:${q(t.principal)} }
deny h: any -> ${on} when { has(args.${q(t.nested)}.${q(t.key)}) and args.${q(t.nested)}.${q(t.key)} ends with ${q(t.item)} }
escalate s: any -> ${on} when { tool.hints.readOnly } by role:odd timeout 1m
deny p: any -> prompt ${q(t.server)}/${q(t.prompt)}, sampling from ${q(t.server)}
test ${q(t.testName)} {
  as agent:${q(t.principal)} with roles [${q(t.role)}], region ${q(t.testText)} in session ${q(t.testSession)}
  ${on} { ${q(t.key)}: ${q(t.testText)}, ${q(t.testKey)}: { ${q(t.testKey)}: [${q(t.testText)}] } } => deny because ${q(t.testReason)}
}
`;
}

function compiled(t: Texts): Compiled | null {
  const lock = lockOf(t);
  const source = { path: 'p.sep', text: sourceOf(t) };
  return compile({ source, readLock: (path) => ({ path, text: lock }) }, host, COMPILER).output;
}

function questionsOf(t: Texts): readonly (readonly [Request, Facts])[] {
  const values = [t.constant, t.item, t.like.replaceAll('*', ''), '/data/a', t.key, 'plain'];
  return values.flatMap((value, i) =>
    [t.principal, 'other'].map((principal): readonly [Request, Facts] => {
      const args = Object.fromEntries([
        [t.key, value],
        [t.nested, Object.fromEntries([[t.key, `${value}${t.item}`]])],
        ...(i % 2 === 0 ? [['size', t.member]] : [['rest', value]]),
      ]) as JsonRecord;
      const asked: Request = {
        principal: `agent:${principal}`,
        roles: i % 3 === 0 ? [t.role] : [],
        user: null,
        userRoles: [],
        session: t.session,
        intent: { kind: 'tool', server: t.server, name: t.tool, args },
      };
      return [asked, { region: t.constant }];
    }),
  );
}

/** The texts that the compiler takes: together, or else in parts, down to each slot alone. */
function accepted(t: Texts, slots: readonly Slot[] = Object.keys(SLOTS) as Slot[]): readonly Compiled[] {
  const some = Object.fromEntries(slots.map((slot) => [slot, t[slot]]));
  const together = compiled({ ...SLOTS, ...some });
  if (together !== null) return [together];
  if (slots.length === 1) return [];
  const picky = slots.filter((slot) => PICKY.includes(slot));
  const parts =
    picky.length > 0 && picky.length < slots.length ? [picky, slots.filter((s) => !picky.includes(s))] : null;
  return parts === null
    ? slots.flatMap((slot) => accepted(t, [slot]))
    : parts.flatMap((part) => accepted(t, part));
}
/** Where the compiler refuses most of such texts. */
const PICKY: readonly Slot[] = ['root', 'server', 'principal', 'user'];

const texts: fc.Arbitrary<Texts> = fc.record(
  Object.fromEntries(Object.keys(SLOTS).map((slot) => [slot, hostile.map(whole)])) as {
    [slot in Slot]: fc.Arbitrary<string>;
  },
);
const SLOT_COUNT = Object.keys(SLOTS).length;

/** Every text of the IR replaced: names, globs, constants, paths, facts, roles, reasons, tools. */
function withTexts(ir: PolicyIr, next: () => string): PolicyIr {
  const KEEP = new Set([
    'op',
    'kind',
    'effect',
    'phase',
    'act',
    'hint',
    'subject',
    'field',
    'cmp',
    'part',
    'on',
    'fn',
    'mode',
    // Its table would have to be worked out anew.
    'pattern',
  ]);
  const names = new Map<string, string>();
  const text = (value: string): string => {
    const known = names.get(value) ?? next();
    names.set(value, known);
    return known;
  };
  const walk = (value: unknown, key: string, parent: unknown): unknown => {
    if (typeof value === 'string') {
      const number = key === 'text' && (parent as { kind?: string }).kind === 'number';
      return KEEP.has(key) || number || key === 'gaps' ? value : text(value);
    }
    if (Array.isArray(value)) return value.map((item) => walk(item, key, value));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v, k, value)]));
  };
  const changed = walk(ir, '', null) as PolicyIr;
  const units = [...new Map(changed.units.map((unit) => [unit.name, unit])).values()];
  return { ...changed, units };
}

describe('hostile text', () => {
  it('starts from a policy that compiles', () => {
    const source = { path: 'p.sep', text: sourceOf(SLOTS) };
    const { diagnostics } = compile(
      { source, readLock: (path) => ({ path, text: lockOf(SLOTS) }) },
      host,
      COMPILER,
    );
    expect(diagnostics.filter((d) => d.severity === 'error').map((d) => `${d.code} ${d.message}`)).toEqual(
      [],
    );
  });

  it('in every position of a policy and its lock executes nothing, and decides as the reference does', async () => {
    let modules = 0;
    await fc.assert(
      fc.asyncProperty(texts, async (t) => {
        for (const { js, ir } of accepted(t)) {
          expect(moduleFault(js)).toBeNull();
          const module = await load(js);
          modules++;
          for (const [q, f] of questionsOf(t)) {
            expect(meaning(module.decide(q, f, 'call'))).toEqual(meaning(reference(ir, q, f, 'call')));
            module.explain(q, f, 'call');
            module.visible(q, q.intent);
            module.needs(q);
            module.reads(q);
          }
        }
        untouched();
      }),
      { numRuns: Math.ceil(4000 / SLOT_COUNT) },
    );
    expect(modules).toBeGreaterThan(200);
  });

  it('without quotes in a policy is refused or harmless', () => {
    fc.assert(
      fc.property(hostile, fc.nat(), (text, at) => {
        const source = sourceOf(SLOTS);
        const place = at % source.length;
        const input = {
          source: { path: 'p.sep', text: source.slice(0, place) + text + source.slice(place) },
          readLock: (path: string) => ({ path, text: lockOf(SLOTS) }),
        };
        const { output } = compile(input, host, COMPILER);
        if (output !== null) expect(moduleFault(output.js)).toBeNull();
        untouched();
      }),
      { numRuns: 1500 },
    );
  });

  it('in every text of the IR executes nothing, and decides as the reference does', async () => {
    let used = 0;
    const texts8 = fc.array(hostile, { minLength: 16, maxLength: 16 });
    const asked = fc.array(fc.tuple(request, facts), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(policyIr, texts8, asked, async (ir, pool, questions) => {
        let turn = 0;
        const odd = withTexts(ir, () => `${pool[turn++ % pool.length] ?? ''}${turn}`);
        used += Math.min(turn, pool.length);
        const { js, ts } = emit(odd);
        expect(moduleFault(js)).toBeNull();
        expect(/[^\n\x20-\x7e]/.test(ts)).toBe(false);
        const module = await load(js);
        for (const [q, f] of questions) {
          expect(meaning(module.decide(q, f, 'call'))).toEqual(meaning(reference(odd, q, f, 'call')));
        }
        untouched();
      }),
      { numRuns: 900 },
    );
    expect(used).toBeGreaterThan(8000);
  });
});

describe('in a process that cannot generate code from strings', () => {
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sepal-hostile-'));
    await build({
      stdin: {
        contents: `
          import { readFileSync } from 'node:fs';
          import { loadPolicy } from './runtime/decide/load.ts';
          let refused = false;
          try { (0, eval)('1'); } catch { refused = true; }
          let decisions = 0;
          for (const { js, manifest, questions } of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
            const { module } = await loadPolicy(js, manifest);
            for (const [q, f, expected] of questions) {
              const { steps, ...meaning } = module.decide(q, f, 'call');
              if (JSON.stringify(meaning) !== expected) throw new Error(JSON.stringify([meaning, expected]));
              decisions++;
            }
          }
          console.log(JSON.stringify({ refused, decisions, canary: globalThis.${CANARY} ?? null }));`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      format: 'esm',
      platform: 'node',
      // A library below it asks for `crypto` in the older way.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      outfile: join(folder, 'child.mjs'),
      logLevel: 'silent',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('modules load and decide as the reference does', async () => {
    const samples = fc.sample(texts, 60).flatMap((t) => accepted(t).map((c) => [t, c] as const));
    const cases = samples.map(([t, { js, ir, manifest }]) => ({
      js,
      manifest,
      questions: questionsOf(t).map(([q, f]) => {
        const { steps: _, unknowns, ...rest } = reference(ir, q, f, 'call');
        const { effect, rules, default: isDefault, reason, approvals, timeout, shadow } = rest;
        const inOrder = { effect, rules, default: isDefault, reason, unknowns, approvals, timeout, shadow };
        return [q, f, JSON.stringify(inOrder)];
      }),
    }));
    await loadPolicy(cases[0]?.js ?? '', cases[0]?.manifest);
    const file = join(folder, 'cases.json');
    writeFileSync(file, JSON.stringify(cases));
    const child = join(folder, 'child.mjs');
    const out = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', child, file], {
      encoding: 'utf8',
    });
    const count = cases.reduce((sum, c) => sum + c.questions.length, 0);
    expect(JSON.parse(out)).toEqual({ refused: true, decisions: count, canary: null });
    expect(count).toBeGreaterThan(500);
  });
});
