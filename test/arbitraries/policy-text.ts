// SPDX-License-Identifier: Apache-2.0
// Texts that parse and seldom make sense: every construct with operands of any kind, names that exist and names that do not.
import fc from 'fast-check';

const pick = (words: string): fc.Arbitrary<string> => fc.constantFrom(...words.split(' '));
const list = (item: fc.Arbitrary<string>, separator: string, least = 1): fc.Arbitrary<string> =>
  fc.array(item, { minLength: least, maxLength: 3 }).map((items) => items.join(separator));
const join = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((p) => p.join(' '));
const maybe = (part: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(fc.constant(''), part);

const NAMES = pick('a b c d ab x y region open names editors reads ops small tt');
const NUMBERS = pick('0 1 2.50 -3 1000000000000000000000 0.1');
const TEXTS = fc.constantFrom(
  '"a"',
  '"/a/b"',
  '"/a/../b"',
  '""',
  '"*"',
  '"\\u{1F600}"',
  '"https://x"',
  '"a\\"b"',
  '"5"',
);
const DURATIONS = pick('1s 5m 2h 400d 0s');
const ROLES = pick('role:ops role:lead role:lad');
const KINDS = fc.constantFrom('agent:x', 'agent:x-*', 'user:*', 'service:"odd name"');
const ACTIONS = fc.constantFrom(
  'fs/read_file',
  'fs/*',
  '*/*',
  'fs/nope',
  'pay/transfer',
  'mail/send_email',
  'web/fetch',
  'nope/*',
  'wbe/fetch',

  '*',
  'resource fs/"file:///**"',
  'prompt fs/x',
  'completion fs/*',
  'sampling from web',
  'roots from "a b"',
);
const TERMS = fc.oneof(fc.constant('any'), KINDS, ROLES, NAMES);
const who = join(list(TERMS, ', '), maybe(join('except', list(TERMS, ', '))));
const ACTS = fc.oneof({ weight: 4, arbitrary: ACTIONS }, { weight: 1, arbitrary: NAMES });
const what = join(list(ACTS, ', '), maybe(join('except', list(ACTS, ', '))));
const approval = fc.oneof(
  join('by', list(ROLES, ', '), maybe(join('quorum', pick('0 1 2 1000'))), 'timeout', DURATIONS),
  join('by self timeout', DURATIONS),
);
const ARGS = fc.constantFrom(
  'args.path',
  'args.amount',
  'args.tags',
  'args.currency',
  'args.reason',
  'args.reference',
  'args.extra',

  'args.options.html',
  'args.headers.x',
  'args.to',
  'args.pth',
  'args."odd name"',
  'args.toString',
  'args',
);
const LEAVES = fc.oneof(
  NUMBERS,
  TEXTS,
  NAMES,
  ARGS,
  ARGS,
  KINDS,
  DURATIONS,
  fc.constantFrom(
    'true',
    'null',
    'r"a+"',
    'now',
    'self',
    'result',
    '[]',
    'tool',
    'principal',
    'user',
    'session',
  ),
  fc.constantFrom(
    'principal.id',
    'user.id',
    'tool.hints.readOnly',
    'tool.name',
    'result.text',
    'tool.hints.x',
    'a.b.c',
  ),
);
const OPERATORS = fc.constantFrom(
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'not in',
  'under',
  'not under',
  'within',
  'not within',
  'starts with',
  'ends with',
  'contains',
  'like',
  'matches',
);
const { expr } = fc.letrec<{ expr: string }>((tie) => {
  const e = tie('expr');
  return {
    expr: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      LEAVES,
      join('(', e, OPERATORS, e, ')'),
      join(ARGS, OPERATORS, LEAVES),
      join('has(', ARGS, ') and', ARGS, OPERATORS, LEAVES),
      join('(', e, pick('and or + - *'), e, ')'),
      join('not (', e, ')'),
      join('- (', e, ')'),
      join(pick('has size lower small url ip domain findings nothing'), '(', list(e, ', ', 0), ')'),
      join(pick('all any'), '(', e, ',', NAMES, '=>', e, ')'),
      join('[', list(e, ', ', 0), ']'),
      join(pick('principal user tool'), 'has role', pick('ops lead lad')),
      join('principal in', fc.oneof(KINDS, NAMES, join('[', list(KINDS, ', '), ']'))),
      join('url(', e, ').host'),
    ),
  };
});
const block = join('{', expr, '}');
const clauses = fc
  .tuple(
    maybe(join('when', block)),
    maybe(join('unless', block)),
    maybe(approval),
    maybe(fc.constant('because "x"')),
    fc.oneof({ weight: 6, arbitrary: fc.constant('') }, { weight: 1, arbitrary: pick('tell') }),
  )
  .map((parts) => parts.join(' '));
const outcome = join(pick('allow review deny escalate'), maybe(approval));
const type = fc.constantFrom(
  'bool',
  'int',
  'decimal',
  'string',
  'path',
  'list<string>',
  'principals',
  'url',
  'enum x, y',
);
const step = fc.oneof(
  join(
    'as',
    fc.oneof(KINDS, fc.constant('agent:x')),
    maybe(join('with roles [', list(pick('ops lead lad'), ', '), ']')),
  ),
  join('as agent:x with', NAMES, fc.oneof(LEAVES, fc.constant('unavailable'))),
  join(
    ACTIONS.filter((a) => a !== '*'),
    '=>',
    pick('allow review deny'),
    maybe(join('by', NAMES)),
  ),
);
const statement = fc.oneof(
  { weight: 6, arbitrary: join(pick('allow review deny escalate'), NAMES, ':', who, '->', what, clauses) },
  join(
    'decide',
    NAMES,
    maybe(join('for', who)),
    'on',
    what,
    maybe(fc.constant('partial')),
    '{',
    join('case', expr, '=>', outcome),
    maybe(join('otherwise =>', outcome)),
    '}',
  ),
  join(
    'template',
    NAMES,
    '(',
    NAMES,
    ':',
    type.filter((t) => !t.startsWith('enum')),
    ') { allow r :',
    who,
    '->',
    what,
    clauses,
    'let q =',
    expr,
    '}',
  ),
  join('instance', NAMES, '=', NAMES, '(', fc.oneof(expr, TERMS), ')'),
  join('principals', NAMES, '=', who),
  join('actions', NAMES, '=', what),
  join('role', list(pick('ops lead'), ', ')),
  join('let', NAMES, '=', expr),
  join(
    'let',
    NAMES,
    '(',
    list(
      join(
        NAMES,
        ':',
        type.filter((t) => !t.startsWith('enum')),
      ),
      ', ',
    ),
    ') =',
    expr,
  ),
  join('fact', NAMES, ':', type, 'from', pick('config.a claim.a config.b.c')),
  join('test "t" {', list(step, '\n'), '}'),
  fc.constantFrom(
    'delegation strict',
    'import acme.base',
    'assume true',
    'prove no rule dead',
    'tools "other.lock"',
  ),
);

/** A policy below the usual header; SHOP_LOCK has the tools that it speaks of. */
export const policyText = fc
  .array(statement, { minLength: 1, maxLength: 6 })
  .map((statements) => `sep 1\npolicy acme.case 1.0.0\ntools "sepal.lock"\n\n${statements.join('\n')}\n`);
