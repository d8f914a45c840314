// SPDX-License-Identifier: Apache-2.0
// What `sepal import` makes of a file decides as the file does, read by an interpreter that shares nothing with the importer: it
// walks the parsed YAML with JavaScript's own patterns. Where a path is not plain, the policy is at least as strict.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { compile } from '../../compiler/compile.js';
import { importPolicy } from '../../compiler/import/index.js';
import { readLock } from '../../compiler/lock.js';
import { parse as parseSep } from '../../grammar/parse.js';
import { loadPolicy } from '../../runtime/decide/load.js';
import type { JsonRecord, Request } from '../../stdlib/abi.js';
import { host, lockText, tool } from '../helpers/policy.js';

const RUNS = process.env['SEPAL_LONG'] === '1' ? 3000 : 100;
const COMPILER = { version: '0', hash: 'x', tz: 'x', unicode: 'x' };
const STRICTNESS = { allow: 0, review: 1, deny: 2 } as const;
type Effect = keyof typeof STRICTNESS;

const NAMES = ['read_file', 'read_dir', 'write_file', 'delete_file', 'admin_reset', 'ping'];
const ARGS = {
  'path?': { type: 'string' },
  'mode?': { type: 'string' },
  'count?': { type: 'number' },
  'force?': { type: 'boolean' },
};
const LOCK = lockText({ fs: NAMES.map((name) => tool(name, ARGS)) });
const PINS = readLock({ path: 'sepal.lock', text: LOCK }, host);

interface Call {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly tool: string;
  readonly args: { readonly [name: string]: string | number | boolean };
}
/** As the parsed file has them: nobody promises what it is. */
type Raw = { readonly [key: string]: unknown };

const glob = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^]*')}$`,
  ).test(text);

function operator(name: string, actual: unknown, value: unknown): boolean {
  const text = typeof actual === 'string' ? actual : null;
  switch (name) {
    case 'eq':
      return actual === value;
    case 'neq':
      return actual !== value;
    case 'in':
      return (value as unknown[]).includes(actual);
    case 'notIn':
      return !(value as unknown[]).includes(actual);
    case 'gt':
      return typeof actual === 'number' && actual > (value as number);
    case 'gte':
      return typeof actual === 'number' && actual >= (value as number);
    case 'lt':
      return typeof actual === 'number' && actual < (value as number);
    case 'lte':
      return typeof actual === 'number' && actual <= (value as number);
    case 'contains':
      return text?.includes(value as string) === true;
    case 'startsWith':
      return text?.startsWith(value as string) === true;
    case 'endsWith':
      return text?.endsWith(value as string) === true;
    case 'matches':
      return text !== null && new RegExp(value as string, 'u').test(text);
    case 'exists':
      return (actual !== undefined) === value;
    default:
      throw new Error(name);
  }
}

function effect(word: unknown): Effect {
  return word === 'allow' || word === 'deny' ? word : 'review';
}

/** First match, dialect by dialect. */
function original(file: Raw, call: Call): Effect {
  for (const rule of file['rules'] as readonly Raw[]) {
    if ('effect' in rule && 'action' in rule) {
      if (!glob(rule['action'] as string, call.tool) || !glob(rule['principal'] as string, call.principal))
        continue;
      const tests = (rule['conditions'] ?? []) as readonly Raw[];
      const field = (test: Raw): unknown => call.args[(test['field'] as string).slice('args.'.length)];
      if (tests.every((test) => operator(test['operator'] as string, field(test), test['value'])))
        return effect(rule['effect']);
      continue;
    }
    if (!glob(rule['tool'] as string, call.tool)) continue;
    if ('action' in rule) {
      const paths = (rule['constraints'] as { readonly allowedPaths: readonly string[] } | undefined)
        ?.allowedPaths;
      const path = call.args['path'];
      const met =
        paths === undefined || (typeof path === 'string' && paths.some((folder) => path.startsWith(folder)));
      return met ? effect(rule['action']) : 'deny';
    }
    const roles = rule['allowed_roles'] as readonly string[] | undefined;
    const constraints = Object.entries(
      (rule['parameter_constraints'] ?? {}) as { readonly [arg: string]: Raw },
    );
    const met = constraints.every(([arg, one]) => {
      const actual = call.args[arg];
      return (
        (one['pattern'] === undefined || operator('matches', actual, one['pattern'])) &&
        (one['enum'] === undefined || operator('in', actual, one['enum'])) &&
        (one['min'] === undefined || operator('gte', actual, one['min'])) &&
        (one['max'] === undefined || operator('lte', actual, one['max']))
      );
    });
    if (!met || (roles !== undefined && !roles.some((role) => call.roles.includes(role)))) return 'deny';
    return rule['require_approval'] === true ? 'review' : 'allow';
  }
  return 'deny';
}

const FOLDERS = ['/data/', '/data/public/', '/tmp/', '/w.x/a-b/'];
const folder = fc.constantFrom(...FOLDERS);
const escaped = (text: string): string => text.replaceAll('.', '\\.');
const pattern = fc.oneof(
  folder.map((one) => `^${escaped(one)}`),
  folder.map((one) => `^${escaped(one.slice(0, -1))}`),
  folder.map((one) => `^${escaped(one)}.*\\.md$`),
  folder.map((one) => `^${escaped(one.slice(0, -1))}(/|$)`),
  fc.constantFrom(
    '^(draft|final)$',
    '^draft$',
    'raf',
    '^d|l$',
    '\\.md$',
    '^[a-z]+$',
    '(a|b)/c',
    '^/data/|^/tmp/',
    'x.y',
    '[.]md',
    '^.{5}$',
  ),
);
const pattern_ = fc.tuple(fc.constant('matches'), pattern);
const test = fc
  .oneof(
    fc.tuple(
      fc.constant('path'),
      fc.oneof(
        pattern_,
        fc.tuple(fc.constantFrom('startsWith', 'eq', 'neq', 'endsWith', 'contains'), folder),
      ),
    ),
    fc.tuple(
      fc.constant('mode'),
      fc.oneof(
        pattern_,
        fc.tuple(fc.constantFrom('eq', 'neq', 'contains'), fc.constantFrom('draft', 'final')),
        fc.tuple(fc.constantFrom('in', 'notIn'), fc.constant(['draft', 'x'])),
      ),
    ),
    fc.tuple(
      fc.constant('count'),
      fc.tuple(fc.constantFrom('gt', 'gte', 'lt', 'lte', 'eq', 'neq'), fc.constantFrom<unknown>(1, 2.5, -1)),
    ),
    fc.tuple(
      fc.constant('force'),
      fc.oneof(
        fc.tuple(fc.constantFrom('eq', 'neq'), fc.boolean()),
        fc.tuple(fc.constant('exists'), fc.boolean()),
      ),
    ),
  )
  .map(([arg, [name, value]]) => ({ field: `args.${arg}`, operator: name, value: value as unknown }));

const actions = fc.constantFrom(
  '*',
  'read_*',
  '*_file',
  'read_file',
  'write_file',
  'delete_file',
  'admin_*',
  'ping',
  'w*f*',
);
const principals = fc.constantFrom('*', 'agent:*', 'agent:editor', 'agent:e*', 'user:dana', '*');
const principalRule = fc.record(
  {
    action: actions,
    principal: principals,
    effect: fc.constantFrom('allow', 'review', 'deny', 'escalate'),
    reason: fc.constantFrom('Because', 'It is "so"'),
    conditions: fc.array(test, { maxLength: 3 }),
  },
  { requiredKeys: ['action', 'principal', 'effect'] },
);
const toolRule = fc
  .record(
    {
      tool: actions,
      action: fc.constantFrom('allow', 'escalate', 'deny'),
      reason: fc.constant('So it is'),
      constraints: fc.record({ allowedPaths: fc.array(folder, { minLength: 1, maxLength: 2 }) }),
    },
    { requiredKeys: ['tool', 'action'] },
  )
  .map((rule) => (rule.action === 'deny' ? { tool: rule.tool, action: rule.action } : rule));
const constraints = fc.record(
  {
    path: fc.record({ pattern }),
    mode: fc.oneof(fc.record({ pattern }), fc.record({ enum: fc.constant(['draft', 'final']) })),
    count: fc.oneof(
      fc.record({ min: fc.constant(0), max: fc.constantFrom(2, 10) }),
      fc.record({ max: fc.constant(2) }),
    ),
  },
  { requiredKeys: [] },
);
const roleRule = fc.record(
  {
    tool: actions,
    require_approval: fc.boolean(),
    allowed_roles: fc.constantFrom(['admin'], ['admin', 'data-steward']),
    parameter_constraints: constraints,
  },
  { requiredKeys: ['tool'] },
);
const some = <T>(rule: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.array(rule, { minLength: 1, maxLength: 6 });
const file = fc
  .oneof(some(principalRule), some(toolRule), some(roleRule))
  .map((rules) => ({ version: '1', default: 'deny', rules }));

const path = fc.oneof(
  fc
    .tuple(
      folder,
      fc.constantFrom('a', 'b/c.md', 'x.md', '', '../../etc/passwd', './a', '/a', 'a/', '%2e%2e/a', 'a b'),
    )
    .map(([a, b]) => a + b),
  fc.constantFrom(
    '/data',
    '/database',
    '/data/public',
    '/data/publicity/a.md',
    '/w.x',
    '/w.x/a-bc',
    '/wzx/a-b/a',
    'data/a',
    'a/c',
    '',
    'x\ny',
    'xzy',
    '~/a',
  ),
);
const question = fc.record({
  principal: fc.constantFrom('agent:editor', 'agent:else', 'user:dana', 'service:ci'),
  roles: fc.constantFrom<readonly string[]>([], ['admin'], ['data-steward'], ['other']),
  tool: fc.constantFrom(...NAMES),
  args: fc.record(
    {
      path,
      mode: fc.oneof(fc.constantFrom('draft', 'final', 'drafty', 'x', 'xy', 'l', 'd', '/data/a'), path),
      count: fc.constantFrom(0, 1, 2, 2.5, 3, -1, -2),
      force: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
});

/** Texts that are a path of one reading, and none of the folders that the files name. */
function plain(call: Call, file: Raw, without: (value: unknown) => boolean = () => false): boolean {
  // Where a folder is tested, a text that is no path is refused like one that leads away.
  const folders = /"\^\/|allowedPaths|startsWith/.test(JSON.stringify(file));
  return [call.args['path'], call.args['mode']]
    .filter((value) => !without(value))
    .every((value) => {
      if (typeof value !== 'string') return true;
      if (!value.startsWith('/')) return !folders && /^\w*$/.test(value);
      const odd = /[%~\\]|[. ](\/|$)/.test(value) || value.includes('\n');
      return (
        !odd && posix.normalize(value) === value && !FOLDERS.includes(`${value}/`) && !FOLDERS.includes(value)
      );
    });
}

/** Patterns without a `/` at the end of their folder are narrowed by what the notes say: `/database` is not in `/data`. */
const open = (text: string): boolean => /no longer inside it/.test(text);

describe('an imported policy', () => {
  it('decides as the file does, and more strictly where a path is not plain', async () => {
    const met = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(file, fc.array(question, { minLength: 25, maxLength: 25 }), async (made, calls) => {
        const yaml = stringify(made, { aliasDuplicateObjects: false });
        if (!('tools' in PINS)) throw new Error('the lock');
        const imported = importPolicy(yaml, {
          file: 'p.yaml',
          name: null,
          lock: 'sepal.lock',
          server: 'fs',
          approver: 'lead',
          tools: PINS.tools,
        });
        if (!('policy' in imported)) throw new Error(JSON.stringify(imported));
        const input = {
          source: { path: 'p.sep', text: imported.text },
          readLock: (name: string) => ({ path: name, text: LOCK }),
        };
        const { output, diagnostics } = compile(input, host, COMPILER);
        expect(
          diagnostics.filter((d) => d.severity === 'error').map((d) => d.message),
          imported.text,
        ).toEqual([]);
        if (output === null) return;
        const { module } = await loadPolicy(output.js, output.manifest);
        const raw = parse(yaml) as Raw;
        const narrowed = imported.notes.some((note) => open(note.text));
        for (const call of calls) {
          const request: Request = {
            principal: call.principal,
            roles: call.roles,
            user: null,
            userRoles: [],
            session: 's',
            intent: {
              kind: 'tool',
              server: 'fs',
              name: call.tool,
              args: Object.assign(Object.create(null) as object, call.args) as JsonRecord,
            },
          };
          const ours = module.decide(request, {}, 'call').effect;
          const theirs = original(raw, call);
          const said = `${yaml}\n${imported.text}\n${JSON.stringify(call)}: ${theirs} there, ${ours} here`;
          const kind = plain(call, raw) ? 'plain' : 'odd';
          met.set(`${kind} ${theirs} ${ours}`, (met.get(`${kind} ${theirs} ${ours}`) ?? 0) + 1);
          if (plain(call, raw) && !narrowed) expect(ours, said).toBe(theirs);
          else if (plain(call, raw))
            expect(STRICTNESS[ours], said).toBeGreaterThanOrEqual(STRICTNESS[theirs]);
          else if (leadsAway(call) && plain(call, raw, away))
            expect(STRICTNESS[ours], said).toBeGreaterThanOrEqual(STRICTNESS[theirs]);
        }
      }),
      { numRuns: RUNS },
    );
    // Each answer was given often enough to mean something.
    for (const one of ['plain allow allow', 'plain review review', 'plain deny deny', 'odd allow deny'])
      expect(met.get(one) ?? 0, one).toBeGreaterThan(0);
  });
});

/** A path with `..` or one of its spellings: never a reason to allow more. */
const away = (value: unknown): boolean => typeof value === 'string' && /\.\.\/|%/.test(value);
const leadsAway = (call: Call): boolean => away(call.args['path']) || away(call.args['mode']);

it('any text is a policy that can be read, or faults with their places', () => {
  const seeds = ['files.yaml', 'server.yaml', 'records.yaml', 'envelope.json'].map((name) =>
    readFileSync(join(import.meta.dirname, '../../examples/from-yaml', name), 'utf8'),
  );
  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      '  ',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '*',
      '&a ',
      '!!str ',
      '|',
      '>',
      '#',
      '%',
      '---\n',
      '? ',
      '<<: ',
      '\t',
      '\u202e',
      '\\',
      '\u0000',
      '{ ',
      'null',
      '1e9',
      '-',
      '__proto__',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(12), piece), { minLength: 1, maxLength: 4 }),
    )
    .map(([text, edits]) =>
      edits.reduce(
        (now, [at, cut, by]) => now.slice(0, at % now.length) + by + now.slice((at % now.length) + cut),
        text,
      ),
    );
  let [read, refused] = [0, 0];
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ unit: 'grapheme', maxLength: 60 })), (text) => {
      const options = {
        file: 'p\n.yaml',
        name: null,
        lock: 'sepal.lock',
        server: null,
        approver: 'lead',
        tools: null,
      };
      const imported = importPolicy(text, options);
      if ('policy' in imported) {
        read++;
        expect(
          parseSep(imported.text).faults.filter((fault) => fault.code === 'SEP1001'),
          imported.text,
        ).toEqual([]);
      } else {
        refused++;
        expect(imported.length).toBeGreaterThan(0);
        for (const { at, message, help } of imported) {
          expect(at).toBeGreaterThanOrEqual(0);
          expect(at).toBeLessThanOrEqual(text.length);
          expect(`${message} ${help}`).not.toMatch(/undefined|\[object/);
        }
      }
    }),
    { numRuns: RUNS * 4 },
  );
  expect(read).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(60);
});
