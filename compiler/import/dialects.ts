// SPDX-License-Identifier: Apache-2.0
/** The three YAML dialects, and which one a file is in. */
import type { Table, Value } from './document.js';
import { readAuthensor } from './authensor.js';
import { argPath, denyByDefault, type Effect, effectOf, EFFECTS, numberOf, readTest } from './conditions.js';
import type { Fields, Reader } from './fields.js';
import { ALWAYS, type Condition, type FirstMatch, type Rule } from './model.js';
import { folderPath, patternTest } from './patterns.js';

export type Dialect = 'principals' | 'tools' | 'roles' | 'authensor';

/** By the keys of the file and of its first rule; null where they are of none. */
export function dialectOf(file: Value): Dialect | null {
  if (file.kind !== 'table') return null;
  const rules = file.entries.find((entry) => entry.key === 'rules')?.value;
  const first = rules?.kind === 'list' ? rules.items[0] : undefined;
  const has = (key: string, table: Table | undefined): boolean =>
    table?.entries.some((entry) => entry.key === key) === true;
  const rule = first?.kind === 'table' ? first : undefined;
  if (has('defaultEffect', file) || has('scope', file) || has('condition', rule)) return 'authensor';
  if (has('tool', rule)) return has('action', rule) ? 'tools' : 'roles';
  return has('action', rule) || has('principal', rule) || has('effect', rule) ? 'principals' : null;
}

export function readDialect(reader: Reader, file: Value, dialect: Dialect): FirstMatch | null {
  if (dialect === 'authensor') return readAuthensor(reader, file);
  const top = reader.table(file, 'the file', ['version', 'name', 'default', 'rules']);
  const list = top?.need('rules') ?? null;
  const rules = list === null ? null : reader.list(list, '`rules`');
  if (top === null || rules === null) return null;
  denyByDefault(reader, top, 'default');
  const read = { principals: principalRule, tools: toolRule, roles: roleRule }[dialect];
  return {
    name: top.text('name'),
    version: null,
    rules: rules.items.flatMap((item) => read(reader, item) ?? []),
  };
}

/** `action`, `principal`, `effect`, `conditions`, `approvalTimeout`. */
function principalRule(reader: Reader, item: Value): Rule | null {
  const known = ['name', 'action', 'principal', 'effect', 'reason', 'conditions', 'approvalTimeout'];
  const fields = reader.table(item, 'the rule', known);
  if (fields === null) return null;
  const tools = patternsOf(reader, fields, 'action');
  const word = fields.read('effect', (value, what) => reader.choice(value, what, EFFECTS));
  if (fields.need('effect') === null || word === null || tools === null) return null;
  const effect = effectOf(word);
  const tests = fields.read('conditions', (value, what) => reader.list(value, what))?.items ?? [];
  const conditions = tests.flatMap((test) => fieldTest(reader, test, effect) ?? []);
  const timeout = fields.read('approvalTimeout', (value, what) => reader.duration(value, what));
  if (timeout !== null && effect !== 'review') {
    reader.fault(fields.place('approvalTimeout'), 'nothing is approved in this rule', 'remove the key');
  }
  return {
    title: fields.text('name') ?? tools[0] ?? 'rule',
    at: fields.at,
    comment: fields.comment,
    tools,
    who: principalsOf(reader, fields),
    when: { kind: 'all', of: conditions },
    unmet: 'next',
    effect,
    because: fields.text('reason'),
    approval: { roles: [], quorum: 1, timeout },
    limit: null,
  };
}

function fieldTest(reader: Reader, item: Value, effect: Effect): Condition | null {
  const fields = reader.table(item, 'the condition', ['field', 'operator', 'value']);
  const field = fields?.text('field') ?? null;
  if (fields === null || fields.need('field') === null || field === null) return null;
  const path = argPath(field, ['args.', 'arguments.']);
  if (path !== null) return readTest(reader, fields, { kind: 'arg', path }, effect);
  const help = 'conditions read arguments, as `args.path`';
  return reader.fault(fields.place('field'), `\`${field.slice(0, 60)}\` is no argument`, help);
}

/** Patterns of tools, as `read_*`. */
function patternsOf(reader: Reader, fields: Fields, key: string): readonly string[] | null {
  const value = fields.need(key);
  if (value === null) return null;
  const patterns = reader.texts(value, `\`${key}\``);
  return patterns.length === 0 ? null : patterns;
}

const PRINCIPAL = /^(agent|user|service):./;

function principalsOf(reader: Reader, fields: Fields): readonly string[] | null {
  const value = fields.get('principal');
  const texts = value === undefined ? ['*'] : reader.texts(value, '`principal`');
  if (texts.includes('*')) return null;
  for (const text of texts) {
    if (PRINCIPAL.test(text)) continue;
    const help = 'write `agent:name`, `user:name` or `service:name`, `agent:*`, or `"*"` for anyone';
    reader.fault(fields.place('principal'), `\`${text.slice(0, 60)}\` says no kind of principal`, help);
  }
  return texts;
}

/** `tool`, `action: allow|escalate|deny`, `constraints.allowedPaths`. */
function toolRule(reader: Reader, item: Value): Rule | null {
  const fields = reader.table(item, 'the rule', [
    'name',
    'tool',
    'action',
    'reason',
    'constraints',
    'approvalTimeout',
  ]);
  if (fields === null) return null;
  const tools = patternsOf(reader, fields, 'tool');
  const word = fields.read('action', (value, what) => reader.choice(value, what, EFFECTS));
  if (fields.need('action') === null || tools === null || word === null) return null;
  const effect = effectOf(word);
  const constraints = reader.table(fields.get('constraints'), '`constraints`', ['allowedPaths']);
  if (constraints !== null && effect === 'deny') {
    reader.fault(fields.place('constraints'), 'a denied tool has nothing to constrain', 'remove the key');
  }
  const paths = constraints?.read('allowedPaths', (value, what) => reader.texts(value, what)) ?? null;
  return {
    title: fields.text('name') ?? tools[0] ?? 'rule',
    at: fields.at,
    comment: fields.comment,
    tools,
    who: null,
    when:
      paths === null ? ALWAYS : allowedPaths(reader, paths, constraints?.place('allowedPaths') ?? fields.at),
    unmet: 'deny',
    effect,
    because: fields.text('reason'),
    approval: {
      roles: [],
      quorum: 1,
      timeout: fields.read('approvalTimeout', (value, what) => reader.duration(value, what)),
    },
    limit: null,
  };
}

/** The argument `path` below one of the folders. */
function allowedPaths(reader: Reader, paths: readonly string[], at: number): Condition {
  const of = paths.flatMap((prefix): readonly Condition[] => {
    const what = `\`allowedPaths\` ${JSON.stringify(prefix)}`;
    const test = folderPath(reader, prefix, prefix.endsWith('/'), at, 'allow', what);
    if (test !== null) return [{ kind: 'arg', arg: ['path'], test }];
    reader.fault(
      at,
      `\`${prefix.slice(0, 60)}\` is no absolute path`,
      'write it from the root, without `..`',
    );
    return [];
  });
  return { kind: 'any', of };
}

/** `tool`, `require_approval`, `allowed_roles`, `max_calls_per_session`, `parameter_constraints`. */
function roleRule(reader: Reader, item: Value): Rule | null {
  const known = [
    'tool',
    'require_approval',
    'allowed_roles',
    'max_calls_per_session',
    'parameter_constraints',
  ];
  const fields = reader.table(item, 'the rule', known);
  if (fields === null) return null;
  const tools = patternsOf(reader, fields, 'tool');
  if (tools === null) return null;
  const asks = fields.read('require_approval', (value, what) => reader.bool(value, what)) === true;
  const effect: Effect = asks ? 'review' : 'allow';
  const roles = fields.read('allowed_roles', (value, what) => reader.texts(value, what));
  const parameters = parameterTests(reader, fields.get('parameter_constraints'), effect);
  const count = fields.read('max_calls_per_session', (value, what) => reader.count(value, what));
  const at = fields.place('max_calls_per_session');
  return {
    title: tools[0] ?? 'rule',
    at: fields.at,
    comment: fields.comment,
    tools,
    who: null,
    when: {
      kind: 'all',
      of: [...(roles === null ? [] : [{ kind: 'roles' as const, roles }]), ...parameters],
    },
    unmet: 'deny',
    effect,
    because: null,
    approval: { roles: [], quorum: 1, timeout: null },
    limit: count === null ? null : { count, per: 'session', by: 'session', at },
  };
}

function parameterTests(reader: Reader, value: Value | undefined, effect: Effect): readonly Condition[] {
  if (value === undefined) return [];
  if (value.kind !== 'table') {
    reader.fault(
      value.at,
      '`parameter_constraints` is not a table of arguments',
      'write `path: { pattern: "…" }`',
    );
    return [];
  }
  return value.entries.flatMap(({ key, at, value: one }) => parameterTest(reader, key, at, one, effect));
}

function parameterTest(
  reader: Reader,
  key: string,
  at: number,
  value: Value,
  effect: Effect,
): readonly Condition[] {
  const fields = reader.table(value, `the constraint of \`${key.slice(0, 60)}\``, [
    'pattern',
    'enum',
    'min',
    'max',
  ]);
  if (fields === null) return [];
  const arg = [key];
  const pattern = fields.text('pattern');
  const test = pattern === null ? null : patternTest(reader, pattern, fields.place('pattern'), effect);
  const values = fields.read('enum', (list, what) => reader.texts(list, what));
  const [min, max] = ['min', 'max'].map((name) => fields.read(name, (one) => numberOf(reader, one)));
  const conditions: readonly Condition[] = [
    ...(test === null ? [] : [{ kind: 'arg' as const, arg, test }]),
    ...(values === null ? [] : [{ kind: 'arg' as const, arg, test: { op: 'in' as const, values } }]),
    ...(min === null || min === undefined
      ? []
      : [{ kind: 'arg' as const, arg, test: { op: '>=' as const, text: min } }]),
    ...(max === null || max === undefined
      ? []
      : [{ kind: 'arg' as const, arg, test: { op: '<=' as const, text: max } }]),
  ];
  if (conditions.length === 0 && reader.faults.length === 0) {
    reader.fault(at, 'the constraint says nothing', 'write `pattern`, `enum`, `min` or `max`');
  }
  return conditions;
}
