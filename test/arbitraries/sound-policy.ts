// SPDX-License-Identifier: Apache-2.0
// Policies as text that compile: every construct of the language, over the tools of SHOP_LOCK. Questions about them: sound-request.ts.
import fc from 'fast-check';

const HEADER = `sep 1
policy generated.sound 1.0.0
tools "sepal.lock"
role lead, ops = "on call"
principals editors = agent:ed, agent:copy-* except agent:copy-bad
principals people = user:*, role:lead, editors except user:mallory
actions files = fs/read_file, fs/delete_file
actions all_but = * except pay/*, sampling from web
fact region: enum eu, us, "a p" from http.region fresh 60s
fact since: instant from config.since
fact grace: duration from config.grace
fact page: url from config.page
fact crew: principals from config.crew
fact home: path from config.paths.home
fact limits: list<int> from config.limits
fact words: list<string> from config.words
fact open: bool from config.open
fact ratio: decimal from config.ratio
let small(x: decimal, most: decimal) = x < most
let big(x: decimal) = not small(x, 10.5)
let inside(p: path, root: path) = p under root and p not under "/data/secret"
let known(who: principals, word: string) = principal in who or word in ["a", "bob"]
let trusted = principal has role lead and not (user in editors)
let rate = 2.50
`;

/** What conditions on one target may read: required texts, lists of texts, numbers; optional ones by kind. */
interface Target {
  readonly what: string;
  readonly texts: readonly string[];
  readonly paths: readonly string[];
  readonly lists: readonly string[];
  readonly numbers: readonly string[];
  /** `has` and something about it. */
  readonly behind: readonly (readonly [has: string, text: readonly string[]])[];
}
const NONE: Target = { what: '', texts: [], paths: [], lists: [], numbers: [], behind: [] };
const DEPTH = [
  'args.depth',
  ['args.depth <= 3', 'args.depth in [1, 2]', '-args.depth > -2', 'args.depth == 1'],
] as const;
const SORT = ['args.sort', ['args.sort == size', 'args.sort != name', 'args.sort in [name]']] as const;
const PATH = [
  'args.path',
  ['args.path under "/data"', 'args.path not under home', 'args.path like "/data/*"'],
] as const;
const TARGETS: readonly Target[] = [
  { ...NONE, what: 'fs/read_file', paths: ['args.path'] },
  { ...NONE, what: 'files', paths: ['args.path'] },
  { ...NONE, what: 'fs/*', paths: ['args.path'], behind: [DEPTH, SORT] },
  { ...NONE, what: 'fs/list_directory', paths: ['args.path'], behind: [DEPTH, SORT] },
  {
    ...NONE,
    what: 'pay/transfer',
    texts: ['args.to'],
    lists: ['args.tags'],
    numbers: ['args.amount'],
    behind: [
      [
        'args.reason',
        ['args.reason == null', 'args.reason != null', 'args.reason == "x"', 'args.reason starts with "x"'],
      ],
      [
        'args.reference',
        ['args.reference == 3', 'args.reference != "x"', 'args.reference contains "x"', 'args.reference > 2'],
      ],
    ],
  },
  {
    ...NONE,
    what: 'mail/send_email',
    texts: ['args.to', 'args.body'],
    behind: [
      [
        'args.cc',
        [
          'all(args.cc, c => c == "a")',
          '"a" in args.cc',
          'args.cc == ["a"]',
          'size(args.cc) > 1',
          'any(args.cc, c => any(args.cc, d => c != d))',
        ],
      ],
      [
        'args.extra',
        [
          'args.extra == 1',
          'args.extra != "x"',
          'args.extra in ["x", "y"]',
          'args.extra == true',
          'args.extra == 1 + 1',
          'args.extra == null',
          'args.extra == ["a", 1]',
        ],
      ],
      ['args.options.html', ['args.options.html == true', 'args.options.html != "x"']],
      ['args.options', ['has(args.options.html)']],
    ],
  },
  {
    ...NONE,
    what: 'web/fetch',
    texts: ['args.url'],
    behind: [
      ['args.headers.accept', ['args.headers.accept == "a"', 'lower(args.headers.accept) ends with "a"']],
    ],
  },
  { ...NONE, what: 'mail/*, pay/*', texts: ['args.to'] },
  {
    ...NONE,
    what: 'desk/order',
    texts: ['args.site'],
    behind: [
      [
        'args.items',
        [
          'any(args.items, x => x.amount > 2.50)',
          'all(args.items, x => x.sku in words)',
          'any(args.items, x => has(x.note) and x.note == "a")',
          'all(args.items, x => not has(x.due) or x.due > since)',
          'any(args.items, x => any(x.parts, y => y.id == x.sku))',
          'args.due < "2026-01-05T12:00:00Z"',
        ],
      ],
    ],
  },
  { ...NONE, what: '*/*', behind: [PATH] },
  { ...NONE, what: '*', behind: [PATH] },
  { ...NONE, what: 'all_but', behind: [PATH] },
  {
    ...NONE,
    what: 'tool fs/"read*", resource fs/"file:///data/**", completion fs/*, sampling from web, roots from *',
  },
];

export const pick = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const CONSTANTS = pick('"a"', '"bob"', '""', '"/data"', '"\\u{1F600}"', '"x*y"', '"agent:ed"', '"__proto__"');
const NUMBERS = pick(
  '0',
  '1',
  '-1',
  '2.50',
  '0.1 + 0.2',
  '0.3',
  'rate',
  'ratio',
  'ratio * 2',
  '9007199254740993',
  '3 - -1',
);
const WHO = pick(
  'any',
  'agent:*',
  'agent:copy-*',
  'editors',
  'people',
  'role:lead',
  'user:dana, service:"odd name"',
  'any except editors',
  'agent:*, role:ops except agent:copy-bad, people',
);

/** Conditions about no argument. */
const AMBIENT = pick(
  'region == eu',
  'region != "a p"',
  'region in [us, eu]',
  'eu == region',
  'open',
  'not open',
  'open == false',
  '2 in limits',
  'ratio > 1.5',
  'size(limits) < 3',
  '"a" in words',
  'all(words, w => w starts with "a")',
  'any(limits, n => n > 1 and n != 3)',
  'any(words, w => lower(w) == w)',
  'home under "/data"',
  'principal in people',
  'user in people',
  'principal has role lead',
  'user has role ops',
  'principal not in [agent:ed, service:*]',
  'trusted',
  'known(people, "b")',
  'principal.id == "agent:ed"',
  'user.id != "user:dana"',
  'user.id like "user:*"',
  'session.id == "s1"',
  'principal.id < user.id',
  'session.id in words',
  'true',
  'big(ratio)',
  'since < "2026-01-05T12:00:00Z"',
  'since + grace * 2 > "2026-01-05T12:00:00Z"',
  'since - "2026-01-05T00:00:00Z" in [12h, grace]',
  'grace >= 15m',
  'url(page).host in domain("example.com")',
  'url(page).scheme != "https" or url(page).port == 443',
  'principal in crew',
  'user not in crew',
);
const HINTS = pick(
  'tool.hints.readOnly',
  'not tool.hints.destructive',
  'tool.hints.idempotent or tool.hints.openWorld',
  'tool.name == "read_file"',
  'tool.server != "fs"',
);

function leafOf(t: Target, tightens: boolean): fc.Arbitrary<string> {
  const about = <T extends string>(items: readonly string[], make: (item: string) => fc.Arbitrary<T>) =>
    items.length === 0 ? [] : [{ weight: 3, arbitrary: pick(...items).chain(make) }];
  const text = (x: string): fc.Arbitrary<string> =>
    fc.oneof(
      fc
        .tuple(pick('==', '!=', '<', '>=', 'starts with', 'ends with', 'contains'), CONSTANTS)
        .map(([op, c]) => `${x} ${op} ${c}`),
      fc.array(CONSTANTS, { maxLength: 3, minLength: 1 }).map((items) => `${x} in [${items.join(', ')}]`),
      pick('a*', '**a', '*/x/**', 'bob', '*').map((glob) => `${x} like "${glob}"`),
      pick('bo?b', '(?i)BOB', '/[a-z]+(/.*)?', '.*', '[^/]*', '\\w{1,3}').map(
        (re) => `${x} matches r"${re}"`,
      ),
      pick(
        `known(editors, ${x})`,
        `lower(${x}) == "bob"`,
        `size(${x}) > 1`,
        `${x} in words`,
        `any(words, w => ${x} contains w)`,
        `${x} == principal.id`,
        `url(${x}).host in domain("example.com")`,
        `url(${x}).host == "a.example.com"`,
        `url(${x}).scheme in ["https", "file"]`,
        `url(${x}).path under "/data"`,
        `url(${x}).port < 1024`,
        `url(${x}).host not in cidr("10.0.0.0/8")`,
        `ip(${x}) == "::1"`,
        `${x} in cidr("2001:db8::/32")`,
        `${x} in domain("example.com")`,
      ),
    );
  const path = (x: string): fc.Arbitrary<string> =>
    fc.oneof(
      text(x),
      pick(
        `${x} under "/data"`,
        `${x} not under "/"`,
        `${x} under home`,
        `inside(${x}, "/data")`,
        `inside(${x}, home)`,
        `home under ${x}`,
      ),
    );
  const number = (x: string): fc.Arbitrary<string> =>
    fc.oneof(
      fc.tuple(pick('==', '!=', '<', '<=', '>', '>='), NUMBERS).map(([op, n]) => `${x} ${op} ${n}`),
      pick(
        `small(${x}, 100)`,
        `big(${x} * rate)`,
        `${x} in [1, 2.5]`,
        `-${x} + 1 > ratio`,
        `small(1, ${x} - 0.5)`,
      ),
    );
  const list = (x: string): fc.Arbitrary<string> =>
    pick(
      `"a" in ${x}`,
      `${x} contains "b"`,
      `"c" not in ${x}`,
      `${x} == ["a", "b"]`,
      `size(${x}) == 2`,
      `all(${x}, t => size(t) == 1)`,
      `any(${x}, t => t == "a" or t in words)`,
      `all(${x}, t => any(${x}, u => t != u))`,
      `any(${x}, t => known(editors, t))`,
    );
  return fc.oneof(
    { weight: 3, arbitrary: AMBIENT },
    ...(tightens ? [{ weight: 1, arbitrary: HINTS }] : []),
    ...about(t.texts, text),
    ...about(t.paths, path),
    ...about(t.numbers, number),
    ...about(t.lists, list),
    ...t.behind.map(([has, texts]) => ({
      weight: 1,
      arbitrary: fc.oneof(
        fc
          .array(pick(...texts), { minLength: 1, maxLength: 2 })
          .map((more) => `(has(${has}) and ${more.join(' and ')})`),
        pick(...texts).map((more) => `(not has(${has}) or ${more})`),
        fc.constant(`has(${has})`),
      ),
    })),
  );
}

function conditionOf(t: Target, tightens: boolean): fc.Arbitrary<string> {
  return fc.letrec<{ e: string }>((tie) => ({
    e: fc.oneof(
      { depthSize: 'small', maxDepth: 3 },
      { weight: 4, arbitrary: leafOf(t, tightens) },
      { weight: 1, arbitrary: tie('e').map((e) => `not (${e})`) },
      {
        weight: 2,
        arbitrary: fc.tuple(tie('e'), pick('and', 'or'), tie('e')).map(([a, op, b]) => `(${a} ${op} ${b})`),
      },
    ),
  })).e;
}

const APPROVAL = pick(
  'by role:lead timeout 15m',
  'by role:lead, role:ops quorum 2 timeout 1h',
  'by self timeout 30s',
);
const BECAUSE = pick('', '', 'because "no"', 'because "ask \\"first\\""');
const asks = (effect: string): boolean => effect === 'review' || effect === 'escalate';
const maybe = (part: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(fc.constant(''), part, part);
const EFFECT = pick('allow', 'allow', 'review', 'deny', 'escalate');
const target = pick(...TARGETS);

const ruleNamed = (name: string): fc.Arbitrary<string> =>
  fc.tuple(EFFECT, target).chain(([effect, t]) => {
    const condition = conditionOf(
      t,
      (effect === 'deny' || effect === 'escalate') && !t.what.includes('sampling'),
    );
    return fc
      .tuple(
        WHO,
        maybe(condition.map((e) => `when { ${e} }`)),
        fc.oneof(
          { weight: 3, arbitrary: fc.constant('') },
          condition.map((e) => `unless { ${e} }`),
        ),
        APPROVAL,
        BECAUSE,
        pick('', '', 'tell'),
      )
      .map(([who, when, unless, approval, because, tell]) => {
        const asked = asks(effect) ? approval : '';
        return `${effect} ${name}: ${who} -> ${t.what} ${when} ${unless} ${asked} ${because} ${tell}`;
      });
  });
const blockNamed = (name: string): fc.Arbitrary<string> =>
  target.chain((t) => {
    const outcome = fc.tuple(EFFECT, APPROVAL, BECAUSE).map(([e, a, b]) => `${e} ${asks(e) ? a : ''} ${b}`);
    const cases = fc.array(fc.tuple(conditionOf(t, false), outcome), { minLength: 1, maxLength: 3 });
    return fc.tuple(maybe(WHO), cases, fc.option(outcome, { nil: null })).map(([who, all, otherwise]) => {
      const head = `decide ${name} ${who === '' ? '' : `for ${who}`} on ${t.what} ${otherwise === null ? 'partial' : ''}`;
      const last = otherwise === null ? '' : `  otherwise => ${otherwise}\n`;
      return `${head} {\n${all.map(([when, then]) => `  case ${when} => ${then}\n`).join('')}${last}}`;
    });
  });

const NAMES = ['a1', 'b1', 'c1', 'd1', 'e1', 'f1'];
/** A template and its instances, whose rules stand under their names. */
const INSTANCES = fc
  .array(
    fc.tuple(
      pick('any', 'agent:ed', 'editors', 'role:lead', 'agent:copy-*'),
      pick('"/data"', '"/"', 'home'),
      pick('true', 'open', 'false', '1 < 2'),
    ),
    { maxLength: 2 },
  )
  .map((all) =>
    all.length === 0
      ? ''
      : `template vault(team: principals, root: path, active: bool) {
  allow use: team -> fs/read_file when { args.path under root and active }
  deny leak: any except team -> files when { args.path under root and principal not in team } because "kept"
  review list: team -> fs/list_directory by role:ops timeout 1m
}
${all.map(([team, root, on], i) => `instance v${i} = vault(${team}, ${root}, ${on})`).join('\n')}`,
  );

/** The text of a policy that compiles. */
export const soundPolicy: fc.Arbitrary<string> = fc
  .integer({ min: 1, max: NAMES.length })
  .chain((count) =>
    fc.tuple(
      INSTANCES,
      ...NAMES.slice(0, count).map((name) =>
        fc.oneof({ weight: 3, arbitrary: ruleNamed(name) }, blockNamed(name)),
      ),
    ),
  )
  .map((units) => `${HEADER}\n${units.join('\n')}\n`);

/** The same with people to stand in for a fact: where it is unknown, a deny may be a review (language.md 3). */
export const markedPolicy: fc.Arbitrary<string> = soundPolicy.map((text) =>
  text.replace('fresh 60s\n', 'fresh 60s on unknown review by role:lead timeout 20m\n'),
);
