// SPDX-License-Identifier: Apache-2.0
/** Authensor's JSON policies: conditions over the envelope of a call, in which tools are action types `mcp.<tool>`. */
import { argPath, denyByDefault, type Effect, effectOf, readTest, type Subject } from './conditions.js';
import type { Value } from './document.js';
import type { Fields, Reader } from './fields.js';
import { ALWAYS, type Condition, type FirstMatch, type Limit, type Rule } from './model.js';

const POLICY = [
  'id',
  'name',
  'description',
  'version',
  'enabled',
  'priority',
  'scope',
  'rules',
  'defaultEffect',
  'metadata',
];

export function readAuthensor(reader: Reader, file: Value): FirstMatch | null {
  const top = reader.table(file, 'the policy', POLICY);
  const list = top?.need('rules') ?? null;
  const rules = list === null ? null : reader.list(list, '`rules`');
  if (top === null || rules === null) return null;
  denyByDefault(reader, top, 'defaultEffect');
  if (top.read('enabled', (value, what) => reader.bool(value, what)) === false) {
    reader.fault(
      top.place('enabled'),
      'the policy is not enabled: it decides nothing',
      'enable it, then import it',
    );
  }
  for (const key of ['priority', 'metadata']) {
    if (top.get(key) !== undefined)
      reader.note(top.place(key), `\`${key}\` is left out: one policy decides here`);
  }
  const scope = readScope(reader, top);
  const read = rules.items.flatMap((item) => readRule(reader, item, scope) ?? []);
  return { name: top.text('id') ?? top.text('name'), version: top.text('version'), rules: read };
}

interface Scope {
  readonly tools: readonly string[];
  readonly who: readonly string[] | null;
}

function readScope(reader: Reader, top: Fields): Scope {
  const scope = reader.table(top.get('scope'), '`scope`', ['actionTypes', 'principalTypes', 'environments']);
  if (scope === null) return { tools: ['*'], who: null };
  if (scope.get('environments') !== undefined) {
    const help = 'make one policy for each environment, and name it in that gateway’s sepal.json';
    reader.fault(scope.place('environments'), 'a call has no environment here', help);
  }
  const types = scope.read('principalTypes', (value, what) => reader.texts(value, what)) ?? [];
  for (const type of types) {
    if (['agent', 'user', 'service'].includes(type)) continue;
    const help = 'known are agent, user and service';
    reader.fault(
      scope.place('principalTypes'),
      `there is no principal of the type \`${type.slice(0, 60)}\` here`,
      help,
    );
  }
  const actions = scope.read('actionTypes', (value, what) => reader.texts(value, what)) ?? ['**'];
  const tools = actions.map((glob) => toolPattern(reader, glob, scope.place('actionTypes')));
  return { tools, who: types.length === 0 ? null : types.map((type) => `${type}:*`) };
}

/** `mcp.read_*` as a pattern of tools. */
function toolPattern(reader: Reader, glob: string, at: number): string {
  if (glob === '*' || glob === '**') return '*';
  if (!glob.startsWith('mcp.')) {
    reader.fault(at, `\`${glob.slice(0, 60)}\` is not the action type of a tool`, 'tools are `mcp.<tool>`');
    return '*';
  }
  const name = glob.slice('mcp.'.length);
  if (name.replaceAll('**', '').includes('*')) {
    reader.note(
      at,
      `\`${glob}\` of the original stops at a dot; here \`*\` is any run of characters in the name of a tool`,
    );
  }
  return name.replaceAll('**', '*');
}

const RULE = [
  'id',
  'name',
  'description',
  'effect',
  'condition',
  'rateLimit',
  'approvalConfig',
  'constraints',
  'costBudget',
];

function readRule(reader: Reader, item: Value, scope: Scope): Rule | null {
  const fields = reader.table(item, 'the rule', RULE);
  if (fields === null) return null;
  for (const [key, help] of UNENFORCED) {
    if (fields.get(key) !== undefined) reader.fault(fields.place(key), `\`${key}\` has no one meaning`, help);
  }
  const word = fields.read('effect', (value, what) =>
    reader.choice(value, what, ['allow', 'deny', 'require_approval'] as const),
  );
  if (fields.need('effect') === null || word === null) return null;
  const effect = effectOf(word);
  const condition = fields.get('condition');
  const when = condition === undefined ? ALWAYS : readCondition(reader, condition, effect, 0);
  if (when === null) return null;
  const found = toolsOf(when);
  const tools = found === null || scope.tools.some((tool) => tool !== '*') ? scope.tools : found.tools;
  return {
    title: fields.text('name') ?? fields.text('id') ?? 'rule',
    at: fields.at,
    comment: fields.comment,
    tools,
    who: scope.who,
    when: found === null || tools !== found.tools ? when : found.rest,
    unmet: 'next',
    effect,
    because: fields.text('description'),
    approval: readApproval(reader, fields),
    limit: readRate(reader, fields),
  };
}

const UNENFORCED = [
  ['constraints', 'write conditions over the arguments instead, as `field: action.parameters.amount`'],
  ['costBudget', 'write a `limit … sum args.amount` in the result'],
] as const;

/** The tools that a condition speaks of, when it says so at its top, and what is left of it. */
function toolsOf(when: Condition): { readonly tools: readonly string[]; readonly rest: Condition } | null {
  const parts = when.kind === 'all' ? when.of : [when];
  const at = parts.findIndex(
    (part) => part.kind === 'tool' && (part.test.op === 'in' || part.test.op === 'startsWith'),
  );
  const part = parts[at];
  if (part?.kind !== 'tool') return null;
  const rest: Condition = { kind: 'all', of: parts.filter((_, i) => i !== at) };
  if (part.test.op === 'in') return { tools: part.test.values, rest };
  return part.test.op === 'startsWith' ? { tools: [`${part.test.value}*`], rest } : null;
}

function readCondition(reader: Reader, value: Value, effect: Effect, depth: number): Condition | null {
  const fields = reader.table(value, 'the condition', ['all', 'any', 'not', 'field', 'operator', 'value']);
  if (fields === null) return null;
  const forms = (['all', 'any', 'not', 'field'] as const).filter((key) => fields.get(key) !== undefined);
  const [form] = forms;
  if (form === undefined || forms.length > 1) {
    const help = 'a condition is `field`, `operator`, `value`, or one of `all`, `any`, `not`';
    return reader.fault(fields.at, 'the condition has no one form', help);
  }
  if (form === 'field') return readField(reader, fields, effect);
  const inner = fields.get(form);
  if (inner === undefined) return null;
  if (form === 'not') {
    // What is narrower inside is wider outside: nothing is rewritten that is not exact.
    const of = readCondition(reader, inner, 'review', depth + 1);
    return of === null ? null : { kind: 'not', of };
  }
  const items = reader.list(inner, `\`${form}\``)?.items ?? [];
  const of = items.map((item) => readCondition(reader, item, effect, depth + 1));
  return of.some((one) => one === null) ? null : { kind: form, of: of.flatMap((one) => one ?? []) };
}

function readField(reader: Reader, fields: Fields, effect: Effect): Condition | null {
  const field = fields.text('field') ?? '';
  const subject = subjectOf(field);
  if (subject === null) {
    const help =
      'known are action.type, action.operation, action.parameters.…, principal.id and principal.type';
    return reader.fault(
      fields.place('field'),
      `\`${field.slice(0, 60)}\` is nothing that is decided on here`,
      help,
    );
  }
  if (subject.kind !== 'tool') return readTest(reader, fields, subject, effect);
  return namesOfTools(reader, fields, readTest(reader, fields, subject, effect));
}

function subjectOf(field: string): Subject | null {
  const path = argPath(field, ['action.parameters.', 'args.']);
  if (path !== null) return { kind: 'arg', path };
  switch (field) {
    case 'action.type':
      return { kind: 'tool' };
    case 'action.operation':
      return { kind: 'fixed', value: 'execute' };
    case 'principal.id':
      return { kind: 'principalId' };
    case 'principal.type':
      return { kind: 'principalType' };
    default:
      return null;
  }
}

/** `mcp.` off the texts that an action type is compared with. */
function namesOfTools(reader: Reader, fields: Fields, read: Condition | null): Condition | null {
  if (read === null) return null;
  if (read.kind === 'not') {
    const of = namesOfTools(reader, fields, read.of);
    return of === null ? null : { kind: 'not', of };
  }
  if (read.kind !== 'tool') return read;
  const { test } = read;
  const at = fields.place('value');
  const bare = (text: string): string | null => {
    if (text.startsWith('mcp.') && text.length > 4 && !text.includes('*')) return text.slice(4);
    return reader.fault(
      at,
      `\`${text.slice(0, 60)}\` is not the action type of a tool`,
      'tools are `mcp.<tool>`',
    );
  };
  if (test.op === 'in')
    return { kind: 'tool', test: { op: 'in', values: test.values.flatMap((one) => bare(one) ?? []) } };
  if (test.op === 'startsWith') {
    if (test.value === 'mcp.') return ALWAYS;
    const value = bare(test.value);
    return value === null ? null : { kind: 'tool', test: { op: 'startsWith', value } };
  }
  if (test.op === 'endsWith' && !test.value.includes('.')) return read;
  return reader.fault(
    at,
    'this test of an action type is not read',
    'use `eq`, `in`, `startsWith` or `endsWith`',
  );
}

function readApproval(reader: Reader, fields: Fields): Rule['approval'] {
  const config = reader.table(fields.get('approvalConfig'), '`approvalConfig`', [
    'approvers',
    'expiresIn',
    'requiredApprovals',
  ]);
  if (config === null) return { roles: [], quorum: 1, timeout: null };
  const approvers = config.read('approvers', (value, what) => reader.list(value, what))?.items ?? [];
  return {
    roles: approvers.flatMap((item) => approverRole(reader, item) ?? []),
    quorum: config.read('requiredApprovals', (value, what) => reader.count(value, what)) ?? 1,
    timeout: config.read('expiresIn', (value, what) => reader.duration(value, what)),
  };
}

function approverRole(reader: Reader, item: Value): string | null {
  const approver = reader.table(item, 'the approver', ['type', 'id']);
  const type = approver?.text('type') ?? null;
  const id = approver?.text('id') ?? null;
  if (approver === null || type === null || id === null) return null;
  if (type === 'role') return id;
  const help = 'give the person a role in `approvers` of sepal.json, and name that role';
  return reader.fault(approver.at, 'a policy names roles, not people', help);
}

function readRate(reader: Reader, fields: Fields): Limit | null {
  const rate = reader.table(fields.get('rateLimit'), '`rateLimit`', ['requests', 'window', 'scope']);
  if (rate === null) return null;
  const count = rate.read('requests', (value, what) => reader.count(value, what));
  const per = rate.read('window', (value, what) => reader.duration(value, what));
  const scope = rate.read('scope', (value, what) =>
    reader.choice(value, what, ['principal', 'action', 'global']),
  );
  if (rate.need('requests') === null || rate.need('window') === null || count === null || per === null)
    return null;
  const by = scope === 'global' ? 'all' : scope === 'action' ? 'tool' : 'principal';
  return { count, per, by, at: fields.place('rateLimit') };
}
