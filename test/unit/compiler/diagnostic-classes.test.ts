// SPDX-License-Identifier: Apache-2.0
// The mistakes that people make with policies and report elsewhere (a rule that silently does nothing, a check that fails open, a
// precedence that is misread): each is said here, with its code, and with a fix where one is known. And the law of fixes: applied, a
// fix ends its finding and brings no new one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Diagnostic, Fix } from '../../../compiler/diagnostics/diagnostic.js';
import { CODES } from '../../../compiler/diagnostics/messages.js';
import { checkText, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

interface Row {
  /** What went wrong for somebody, in a few words. */
  readonly says: string;
  readonly code: string;
  readonly body: string;
  /** The fix that is offered first. */
  readonly fix?: string;
}
const LEAD = 'role lead\nreview known: role:lead -> mail/* by role:lead timeout 5m\n';
const ROWS: readonly Row[] = [
  // A rule that names what is not there, and so does nothing.
  {
    says: 'an unknown tool',
    code: 'SEP2005',
    body: 'deny a: any -> fs/read_fiel',
    fix: 'did you mean `fs/read_file`?',
  },
  {
    says: 'a grant whose pattern matches nothing',
    code: 'SEP2006',
    body: 'allow a: agent:x -> mial/*',
    fix: 'did you mean `mail`?',
  },
  {
    says: 'a restriction that matches nothing yet',
    code: 'SEP4004',
    body: 'deny a: any -> mial/*',
    fix: 'did you mean `mail`?',
  },
  {
    says: 'an unknown argument',
    code: 'SEP2011',
    body: 'deny a: any -> fs/read_file when { args.pth under "/a" }',
    fix: 'did you mean `path`?',
  },
  {
    says: 'an unknown role',
    code: 'SEP2004',
    body: `${LEAD}deny a: role:laed -> fs/*`,
    fix: 'did you mean `lead`?',
  },
  {
    says: 'an unknown fact',
    code: 'SEP2001',
    body: 'fact region: string from config.region\ndeny b: any -> pay/* when { region == "eu" }\ndeny a: any -> fs/* when { regoin == "eu" }',
    fix: 'did you mean `region`?',
  },
  {
    says: 'an unknown zone',
    code: 'SEP2018',
    body: 'schedule s in "Europe/Pariss" { mon 09:00..10:00 }\ndeny a: any -> fs/* when { now within s }',
    fix: 'did you mean `Europe/Paris`?',
  },
  {
    says: 'an unknown member of an enum',
    code: 'SEP3004',
    body: 'deny a: any -> pay/* when { args.currency == EURO }',
    fix: 'did you mean `EUR`?',
  },
  {
    says: 'an unknown function',
    code: 'SEP2012',
    body: 'deny a: any -> fs/read_file when { sise(args.path) > 3 }',
    fix: 'did you mean `size`?',
  },
  {
    says: 'an unknown member of the tool',
    code: 'SEP2013',
    body: 'deny a: any -> fs/* when { tool.hints.readonly }',
    fix: 'did you mean `readOnly`?',
  },
  {
    says: 'a misspelt word of the language',
    code: 'SEP1002',
    body: 'denyy a: any -> fs/*',
    fix: 'did you mean `deny`?',
  },
  {
    says: 'a test of a role that no rule can ask for',
    code: 'SEP4010',
    body: `${LEAD}test "t" { as agent:x with roles [leed] mail/send { to: "a" } => deny }`,
    fix: 'did you mean `lead`?',
  },
  // A value of the wrong type, or none.
  {
    says: 'a type mismatch, which elsewhere drops the forbid',
    code: 'SEP3001',
    body: 'deny a: any -> fs/read_file when { args.path > 3 }',
  },
  {
    says: 'a condition that is no boolean',
    code: 'SEP3003',
    body: 'deny a: any -> fs/read_file when { args.path }',
  },
  {
    says: 'an optional argument without `has`',
    code: 'SEP3002',
    body: 'deny a: any -> pay/transfer when { args.reason == "x" }',
    fix: 'test `has(args.reason)` first',
  },
  {
    says: 'an optional argument under `not`, in a predicate',
    code: 'SEP3002',
    body: 'let why = not args.reason starts with "x"\ndeny a: any -> pay/transfer when { args.amount > 3 or why }',
    fix: 'test `has(args.reason)` first',
  },
  {
    says: 'an optional argument in an `all`',
    code: 'SEP3002',
    body: 'deny a: any -> mail/send_email when { all(args.cc, c => c ends with "@x") }',
    fix: 'test `has(args.cc)` first',
  },
  {
    says: 'a value that the schema does not type',
    code: 'SEP3006',
    body: 'deny a: any -> mail/* when { has(args.extra) and args.extra starts with "x" }',
  },
  { says: 'a number out of its range', code: 'SEP3012', body: 'limit a: 0 per 0h on fs/*' },
  // Trust in what may not be trusted.
  {
    says: 'a hint in an allow',
    code: 'SEP3005',
    body: 'allow a: agent:x -> fs/* when { tool.hints.readOnly }',
  },
  // Text where structure is meant.
  {
    says: 'a path prefix by `matches`',
    code: 'SEP4001',
    body: 'deny a: any -> fs/read_file when { args.path matches r"/data/.*" }',
    fix: 'write `under "/data"`',
  },
  {
    says: 'a path prefix by `starts with`',
    code: 'SEP4001',
    body: 'deny a: any -> fs/read_file when { args.path starts with "/data/" }',
    fix: 'write `under "/data"`',
  },
  {
    says: 'a URL prefix as text',
    code: 'SEP4008',
    body: 'deny a: any -> web/fetch when { args.url starts with "https://example.com" }',
    fix: 'compare its parts',
  },
  {
    says: 'a range of addresses that is none',
    code: 'SEP3019',
    body: 'deny a: any -> web/fetch when { url(args.url).host in cidr("10.0.0.1/8") }',
    fix: 'did you mean `10.0.0.0/8`?',
  },
  {
    says: 'a domain that is none',
    code: 'SEP3019',
    body: 'deny a: any -> web/fetch when { url(args.url).host in domain("https://example.com/") }',
    fix: 'did you mean `example.com`?',
  },
  {
    says: 'a mask of nothing',
    code: 'SEP3022',
    body: 'redact a: any -> web/fetch on result mask secret',
    fix: 'did you mean `secrets`?',
  },
  {
    says: 'an irregular pattern',
    code: 'SEP3017',
    body: 'deny a: any -> fs/read_file when { args.path matches r"(a)\\1" }',
  },
  {
    says: 'a pattern that cannot be anchored',
    code: 'SEP3017',
    body: 'deny a: any -> fs/read_file when { args.path matches r"a$b" }',
  },
  {
    says: 'a deny-list of words',
    code: 'SEP4009',
    body: 'deny a: any -> fs/read_file when { args.path contains "passwd" or args.path contains "shadow" }',
  },
  {
    says: 'a path that `under` refuses',
    code: 'SEP3008',
    body: 'deny a: any -> fs/read_file when { args.path under "/a/../b" }',
  },
  {
    says: 'a bound on one side only',
    code: 'SEP4007',
    body: 'allow a: agent:x -> pay/transfer when { args.amount < 10 }',
  },
  {
    says: 'a path argument that no condition reads',
    code: 'SEP4005',
    body: 'allow a: agent:x -> fs/read_file',
  },
  {
    says: '`all` of an empty list',
    code: 'SEP4006',
    body: 'allow a: agent:x -> pay/* when { all(args.tags, t => t == "x") and args.amount == 1 }',
  },
  // Names.
  { says: 'a duplicate name', code: 'SEP2002', body: 'deny a: any -> fs/*\ndeny a: any -> pay/*' },
  {
    says: 'an unused name',
    code: 'SEP4002',
    body: 'principals editors = agent:x\ndeny a: any -> fs/*',
    fix: 'remove it',
  },
  { says: 'an unused role', code: 'SEP4002', body: 'role lead\ndeny a: any -> fs/*', fix: 'remove it' },
  // Precedence and order misread.
  {
    says: 'a review that grants to more than others',
    code: 'SEP4015',
    body: `${LEAD}allow b: agent:x -> mail/send_email\nreview a: any -> mail/* by role:lead timeout 5m`,
    fix: 'did you mean `escalate`?',
  },
  {
    says: 'a grant that a deny covers',
    code: 'SEP4013',
    body: 'allow a: agent:x -> fs/list_directory when { args.path under "/a" }\ndeny b: any -> fs/*',
  },
  {
    says: 'a restriction that another one covers',
    code: 'SEP4014',
    body: 'deny a: any -> fs/*\ndeny b: any -> fs/read_file',
  },
  {
    says: 'a case that is never reached',
    code: 'SEP4012',
    body: 'decide a for agent:x on pay/transfer { case args.amount > 100 => deny case args.amount > 500 => deny otherwise => deny }',
  },
  {
    says: 'a condition that never holds',
    code: 'SEP4012',
    body: 'deny a: any -> pay/transfer when { args.amount > 5 and args.amount < 3 }',
  },
  {
    says: 'what a denial would say, of a counter',
    code: 'SEP4017',
    body: 'counter a: per 1h on fs/read_file tell\ndeny b: any -> fs/read_file when { a > 5 }',
    fix: 'remove it',
  },
  {
    says: 'a block that allows anyone',
    code: 'SEP4003',
    body: 'decide a on fs/read_file { case args.path under "/a" => allow otherwise => deny }',
  },
  {
    says: 'a block without an end',
    code: 'SEP3011',
    body: 'decide a on fs/read_file { case args.path under "/a" => deny }',
  },
  { says: 'a review that nobody can approve', code: 'SEP3009', body: 'review a: agent:x -> fs/read_file' },
  // What source may hide.
  { says: 'bidirectional controls', code: 'SEP1008', body: 'deny a: any -> fs/* because "x\u202ey"' },
  { says: 'look-alike letters', code: 'SEP1008', body: 'deny \u0430dmin: any -> fs/*' },
];

const GOLDEN = join(import.meta.dirname, '../../errors');
const checked = (body: string): readonly Diagnostic[] =>
  checkText(policy(`${body}\n`), SHOP_LOCK, {}, true).diagnostics;
const key = (d: Diagnostic): string => `${d.code} ${d.message}`;

function apply(text: string, fix: Fix): string {
  const edits = [...fix.edits].sort((a, b) => b.span.start - a.span.start);
  return edits.reduce((t, { span, text: by }) => t.slice(0, span.start) + by + t.slice(span.end), text);
}

describe('each mistake is said', () => {
  it.each(ROWS.map((row) => [`${row.says}: ${row.code}`, row] as const))(
    '%s',
    (_name, { code, body, fix }) => {
      const found = checked(body).filter((d) => d.code === code);
      expect(checked(body).map((d) => d.code)).toContain(code);
      expect(found[0]?.fixes[0]?.title).toBe(fix);
    },
  );

  it('by codes that exist', () => {
    for (const { code } of ROWS) expect(CODES).toContain(code);
  });
});

describe('a fix ends its finding and brings no new one', () => {
  const fixed = ROWS.filter((row) => row.fix !== undefined);
  it.each(fixed.map((row) => [`${row.says}: ${row.code}`, row] as const))('%s', (_name, { code, body }) => {
    const text = policy(`${body}\n`);
    const before = checked(body);
    const finding = before.find((d) => d.code === code);
    for (const fix of finding?.fixes ?? []) {
      const after = checkText(apply(text, fix), SHOP_LOCK, {}, true).diagnostics;
      const known = new Set(before.map(key));
      expect(after.filter((d) => !known.has(key(d))).map(key)).toEqual([]);
      expect(after.length).toBeLessThan(before.length);
      expect(after.map((d) => d.code)).not.toContain(code);
    }
  });

  it('for every code that has any', () => {
    const codes = new Set(fixed.map((row) => row.code));
    const cases = readdirSync(GOLDEN).filter((name) => name.startsWith('SEP'));
    const golden = cases.flatMap((name) => {
      const text = readFileSync(join(GOLDEN, name, 'input.sep'), 'utf8');
      return checkText(text, SHOP_LOCK, {}, true).diagnostics.flatMap((d) =>
        d.fixes.length > 0 ? [d.code] : [],
      );
    });
    expect(golden.filter((code) => !codes.has(code))).toEqual([]);
    expect(codes.size).toBeGreaterThan(14);
  });
});

it('a pattern of prompts that matches none is answered by prompts, not by tools', () => {
  const lock = JSON.parse(SHOP_LOCK) as { servers: { [server: string]: { prompts?: object } } };
  const notes = (text: string): readonly string[] =>
    checkText(policy('allow a: agent:x -> prompt mail/draft_*\n'), text).diagnostics.flatMap((d) => d.notes);
  expect(notes(SHOP_LOCK)).toEqual([]);
  const mail = lock.servers['mail'] ?? {};
  const servers = { ...lock.servers, mail: { ...mail, prompts: { greet: {} } } };
  expect(notes(JSON.stringify({ ...lock, servers }))).toEqual(['`mail` has the prompts `greet`']);
});
