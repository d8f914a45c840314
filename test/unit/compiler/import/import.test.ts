// SPDX-License-Identifier: Apache-2.0
// What is read, what is refused and where, and that no file is expensive to refuse.
import { describe, expect, it } from 'vitest';
import { position } from '../../../../compiler/diagnostics/render.js';
import { covers, groupsOf, overlap } from '../../../../compiler/import/groups.js';
import { type Imported, importPolicy } from '../../../../compiler/import/index.js';

const OPTIONS = {
  file: 'p.yaml',
  name: null,
  lock: 'sepal.lock',
  server: 'fs',
  approver: 'lead',
  tools: null,
};
const read = (text: string): ReturnType<typeof importPolicy> => importPolicy(text, OPTIONS);

function policyOf(text: string): Imported {
  const imported = read(text);
  if ('policy' in imported) return imported;
  throw new Error(JSON.stringify(imported));
}
/** The body of what is written. */
const written = (text: string): string => policyOf(text).text.replace(/^[^]*?tools "sepal.lock"\n+/, '');

/** `line:column: message (help)` of each fault. */
function faultsOf(text: string): readonly string[] {
  const imported = read(text);
  if ('policy' in imported) throw new Error(imported.text);
  return imported.map(({ at, message, help }) => {
    const { line, column } = position(text, at);
    return `${line}:${column}: ${message} (${help})`;
  });
}

const rule = (lines: string): string => `rules:\n  - action: write_file\n    principal: "agent:*"\n${lines}`;
const condition = (operator: string, value: string, effect = 'allow', field = 'args.path'): string =>
  rule(
    `    effect: ${effect}\n    conditions:\n      - { field: "${field}", operator: ${operator}, value: ${value} }\n`,
  );
const when = (text: string): string =>
  /when \{([^]*?)\}/.exec(written(text))?.[1]?.replaceAll(/\s+/g, ' ').trim() ?? '';

describe('unknown keys are refused with their place', () => {
  it.each([
    ['version: "1"\nrule: []\n', '2:1: the file has no key `rule` (did you mean `rules`?)'],
    [rule('    efect: allow\n'), '4:5: the rule has no key `efect` (did you mean `effect`?)'],
    [
      'rules:\n  - tool: x\n    action: allow\n    constraints: { allowedPath: ["/a/"] }\n',
      '4:20: `constraints` has no key `allowedPath` (did you mean `allowedPaths`?)',
    ],
    [
      'rules:\n- tool: x\n  allowed_role: [a]\n',
      '3:3: the rule has no key `allowed_role` (did you mean `allowed_roles`?)',
    ],
    [
      '{"defaultEffect":"deny","rules":[{"id":"a","effect":"allow","conditions":[]}]}',
      '1:61: the rule has no key `conditions` (did you mean `condition`?)',
    ],
  ])('%j', (text, fault) => {
    expect(
      faultsOf(text.startsWith('version') ? `${text}rules:\n  - action: x\n    effect: deny\n` : text),
    ).toContain(fault);
  });

  it('all of them at once', () => {
    expect(faultsOf(rule('    efect: allow\n    reson: x\n'))).toHaveLength(3);
  });
});

describe('what a file may not say', () => {
  it.each([
    ['default: allow\nrules:\n  - action: x\n    effect: deny\n', '1:10: what no rule names is denied'],
    [
      condition('matches', '"(a)\\\\1"'),
      '6:57: the pattern cannot be used: a reference to a group is not regular',
    ],
    [condition('matches', '"a(?=b)"'), 'looking ahead or behind is not regular'],
    [condition('gt', '"5"'), '`value` is not a number'],
    [condition('eq', '5e400'), 'is not a plain number'],
    [condition('eq', '0x1F'), 'is not a plain number'],
    [condition('eq', 'null'), 'values here are all texts'],
    [condition('equals', '5'), '`operator` is not one of the words that are known here'],
    [condition('eq', '5', 'allow', 'context.ip'), '`context.ip` is no argument'],
    [rule('    effect: allow\n').replace('agent:*', 'editors'), '`editors` says no kind of principal'],
    [rule('    effect: allow\n    approvalTimeout: "15m"\n'), 'nothing is approved in this rule'],
    [rule('    effect: review\n    approvalTimeout: "soon"\n'), '`approvalTimeout` is not a duration'],
    [rule('    effect: maybe\n'), '`effect` is not one of the words'],
    [
      'rules:\n  - tool: x\n    action: allow\n    constraints: { allowedPaths: ["tmp/"] }\n',
      '`tmp/` is no absolute path',
    ],
    ['rules: []\n', 'this is no policy of a kind that is known'],
    ['hello\n', 'this is no policy of a kind that is known'],
    ['', 'the file is empty'],
    [
      '{"enabled":false,"defaultEffect":"deny","rules":[{"id":"a","effect":"allow"}]}',
      'the policy is not enabled',
    ],
    [
      '{"defaultEffect":"deny","rules":[{"id":"a","effect":"allow","costBudget":{}}]}',
      '`costBudget` has no one meaning',
    ],
    [
      '{"defaultEffect":"deny","rules":[{"id":"a","effect":"allow","condition":{"field":"context.environment","operator":"eq","value":"x"}}]}',
      'is nothing that is decided on here',
    ],
    ['rules:\n- tool: "delete_record"\nrequire_approval: true\n', '`require_approval`'],
  ])('%j', (text, said) => {
    expect(faultsOf(text).join('\n')).toContain(said);
  });
});

describe('YAML that means more than it shows is refused', () => {
  const bomb = `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `k${i}: &k${i} [*a, *a, *a, *a]`).join('\n')}\n`;
  it.each([
    ['an alias bomb', bomb, 'the anchor `&a` is not read'],
    ['an alias', 'rules: *a\n', 'the alias'],
    ['a merge key', 'rules:\n  - <<: { action: x }\n    effect: deny\n', 'merge keys are not read'],
    ['a tag', 'rules: !!js/function "x"\n', 'Unresolved tag'],
    ['a local tag', 'rules: !mine [1]\n', 'Unresolved tag'],
    ['a directive', '%YAML 1.1\n---\nrules: []\n', 'a directive changes how the file is read'],
    ['two documents', 'rules: []\n---\nrules: []\n', 'a second document starts here'],
    [
      'a key that stands twice',
      rule('    effect: deny\n    effect: allow\n'),
      '5:5: the key `effect` stands twice',
    ],
    ['a key that is a table', '? { a: 1 }\n: 2\n', 'a key is not a text'],
    ['deep brackets', '['.repeat(100_000), 'nested deeper'],
    ['deep lists', `${'- '.repeat(50_000)}x`, 'nested deeper'],
    ['deep keys', `${'? '.repeat(50_000)}x`, 'nested deeper'],
    [
      'deep indentation',
      Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
      'nested deeper',
    ],
    ['a large file', `rules: "${'x'.repeat(300_000)}"`, 'longer than'],
    ['bidi', 'rules: "a\u202Eb"\n', 'U+202E'],
    ['mixed scripts', 'rules: "аdmin"\n', 'mixes'],
    ['a tab', 'rules:\n\t- a\n', 'tab'],
    ['an open quote', 'rules: "\n', 'quote'],
  ])('%s', (_name, text, said) => {
    expect(faultsOf(text).join('\n').toLowerCase()).toContain(said.toLowerCase());
  });

  it.each([
    ['ten thousand keys', `{${Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join(', ')}}`],
    ['exclamation marks', '!'.repeat(100_000)],
    ['colons', ': '.repeat(70)],
    ['commas', `[${','.repeat(20_000)}]`],
    ['quotes', '"'.repeat(20_000)],
    ['escapes', `a: "${'\\x41'.repeat(20_000)}"`],
    ['comments', '# x\n'.repeat(20_000)],
    ['__proto__', '__proto__: { rules: [] }\nrules:\n  - __proto__: {}\n    tool: x\n'],
    [
      'constructor',
      'rules:\n  - tool: x\n    parameter_constraints: { constructor: { pattern: "^a" }, toString: 1 }\n',
    ],
  ])('%s end quickly with a fault', (_name, text) => {
    expect(faultsOf(text).length).toBeGreaterThan(0);
  });

  it('an argument named like a member of every object is an argument', () => {
    const text = 'rules:\n  - tool: x\n    parameter_constraints: { constructor: { pattern: "^a$" } }\n';
    expect(when(text)).toBe('has(args.constructor) and args.constructor == "a"');
  });
});

describe('patterns', () => {
  it.each([
    ['"^/data/public/"', 'args.path under "/data/public"'],
    ['"^/data/public"', 'args.path under "/data/public"'],
    ['"^/data/public/.*"', 'args.path under "/data/public"'],
    ['"^/data/public(/|$)"', 'args.path under "/data/public"'],
    ['"^\\\\/data\\\\/v1\\\\.2\\\\/"', 'args.path under "/data/v1.2"'],
    [
      '"^/data/.*\\\\.md$"',
      'args.path under "/data" and args.path matches r"/data/[^\\n\\r\\u2028\\u2029]*\\.md"',
    ],
    ['"^(draft|final)$"', 'args.path in ["draft", "final"]'],
    ['"^draft$"', 'args.path == "draft"'],
    ['"raf"', 'args.path matches r".*raf.*"'],
    ['"^a|b$"', 'args.path matches r"(?:a.*)|(?:.*b)"'],
    ['"^/a/|^/b/"', 'args.path matches r"(?:/a/.*)|(?:/b/.*)"'],
    ['"a.[.]"', 'args.path matches r".*a[^\\n\\r\\u2028\\u2029][.].*"'],
  ])('%s', (pattern, expected) => {
    expect(when(condition('matches', pattern))).toBe(`has(args.path) and ${expected}`);
  });

  it('are narrowed in grants alone: a denial keeps what it covers', () => {
    expect(when(condition('matches', '"^/etc/pass"', 'deny'))).toContain('matches r"/etc/pass.*"');
    expect(when(condition('matches', '"^/etc/"', 'deny'))).toContain('under "/etc"');
    expect(when(condition('startsWith', '"/etc/pass"', 'review'))).toContain('starts with "/etc/pass"');
  });

  it('are noted with what passed them', () => {
    const { notes } = policyOf(condition('matches', '"^/data/"'));
    expect(notes.map((note) => note.text).join()).toContain('`/data/../../etc/passwd` passes it');
    expect(policyOf(condition('matches', '"^/data/"')).text).toContain('// - the pattern "^/data/"');
  });
});

describe('the order of the file', () => {
  const two = (first: string, second: string): string =>
    `rules:\n  - { action: "${first}", principal: "agent:a", effect: review }\n  - { action: "${second}", principal: "*", effect: deny }\n`;

  it('counts where two rules can speak of one tool', () => {
    expect(written(two('read_*', '*_file'))).toMatch(/decide read on fs\/read_\*, fs\/\*_file \{/);
    expect(written(two('read_*', '*_file'))).toContain(
      'case tool.name like "read_**" and principal in agent:a => review',
    );
    expect(written(two('read_*', 'write_*'))).not.toContain('decide');
  });

  it('leaves out what is never reached, and says so', () => {
    const text =
      'rules:\n  - { action: "*", principal: "*", effect: deny }\n  - { action: x, principal: "*", effect: allow }\n';
    expect(written(text)).toBe('deny everything: any -> fs/*\n');
    expect(policyOf(text).notes.map((note) => note.text)).toEqual([
      'the rule "x" is never reached: left out',
    ]);
  });

  it.each([
    ['a*', '*b', true],
    ['read_*', 'write_*', false],
    ['*', '', true],
    ['a*c', 'ab*', true],
    ['a*c', 'ab*d', false],
    ['ab', 'ab', true],
    ['**x**', 'y', false],
  ])('%s and %s', (a, b, shared) => {
    expect(overlap(a, b)).toBe(shared);
    expect(overlap(b, a)).toBe(shared);
  });

  it('groups are transitive, and covering is not overlapping', () => {
    const rules = policyOf(
      'rules:\n  - { tool: a_x, action: deny }\n  - { tool: b_x, action: deny }\n  - { tool: "*_x", action: allow }\n',
    ).policy.rules;
    expect(groupsOf(rules).map((group) => group.length)).toEqual([3]);
    expect([covers('a*', 'ab*'), covers('ab*', 'a*'), covers('*', '*')]).toEqual([true, false, true]);
  });
});

it('a limit of a rule that only some calls of its tools reach is refused', () => {
  const rate = '"rateLimit":{"requests":3,"window":"1m","scope":"global"}';
  const test =
    '"condition":{"all":[{"field":"action.type","operator":"eq","value":"mcp.x"},{"field":"principal.id","operator":"eq","value":"a"}]}';
  expect(
    faultsOf(`{"defaultEffect":"deny","rules":[{"id":"a","effect":"allow",${test},${rate}}]}`).join(),
  ).toContain('it counts only some calls of its tools');
});
