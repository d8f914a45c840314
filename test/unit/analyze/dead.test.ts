// SPDX-License-Identifier: Apache-2.0
// What `check` says of rules that decide nothing: where it stands, and where what covers it stands.
import { describe, expect, it } from 'vitest';
import { checkText, pinModules, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

/** Code, the text marked, and the texts marked as covering it. */
function said(
  text: string,
  modules: { readonly [name: string]: string } = {},
): readonly (readonly string[])[] {
  const source = policy(text);
  const { output, diagnostics } = checkText(source, pinModules(SHOP_LOCK, modules), modules, true);
  if (output === null) throw new Error(JSON.stringify(diagnostics.map((d) => d.message)));
  const at = ({ start, end }: { readonly start: number; readonly end: number }) => source.slice(start, end);
  return diagnostics
    .filter(({ code }) => ['SEP4012', 'SEP4013', 'SEP4014'].includes(code))
    .map(({ code, primary, labels }) => [code, at(primary.span), ...labels.map((label) => at(label.span))]);
}
const READ = 'allow read: any -> fs/read_file\n';
const ASK = 'by role:lead timeout 5m';

describe('rules that decide nothing', () => {
  it('are cases behind one that always holds, and conditions that cannot hold', () => {
    const block = `decide d on fs/read_file {
  case args.path in ["a", "b"] => allow
  case args.path == "a" => deny
  otherwise => deny
}
allow nope: any -> fs/delete_file when { args.path == "a" and args.path == "b" }
`;
    expect(said(block).map(([code, text]) => [code, text?.slice(0, 29)])).toEqual([
      ['SEP4012', 'case args.path == "a" => deny'],
      ['SEP4012', 'allow nope'],
    ]);
  });

  it('are rules of which only a question without an argument that must be there would show anything', () => {
    const rule = 'allow read: any -> fs/read_file when { not (args.path matches r".*") }\n';
    expect(said(rule)).toEqual([['SEP4012', 'allow read']]);
    expect(said(`deny nope: any -> fs/read_file when { not (args.path matches r".*") }\n${READ}`)).toEqual([
      ['SEP4012', 'deny nope'],
    ]);
  });

  it('are restrictions that others cover, escalations to the same people among them', () => {
    const wide = `escalate wide: any -> fs/* when { args.path under "/data" } ${ASK}\n`;
    const narrow = `escalate narrow: any -> fs/read_file when { args.path under "/data/a" } ${ASK}\n`;
    expect(said(`role lead\n${READ}${wide}${narrow}`)).toEqual([
      ['SEP4014', 'escalate narrow', 'escalate wide'],
    ]);
    const others = narrow.replace('role:lead', 'role:lead quorum 2');
    expect(said(`role lead\n${READ}${wide}${others}`)).toEqual([]);
    const denied = 'deny all_data: any -> fs/* when { args.path under "/data" }\n';
    expect(said(`role lead\n${READ}${denied}${narrow}`)).toEqual([
      ['SEP4014', 'escalate narrow', 'deny all_data'],
    ]);
    // What is unknown asks, too: the wider one asks wherever the narrower one may.
    expect(said(`role lead\n${READ}${narrow.replace('/data/a', '/other')}${wide}`)).toEqual([]);
  });

  it('are limits of which another is used up first', () => {
    const limits = (a: string, b: string) =>
      said(`${READ}limit a: ${a} on fs/read_file\nlimit b: ${b} on fs/read_file\n`);
    expect(limits('5 per 1h by principal', '120 per 24h by principal').map(([code]) => code)).toEqual([
      'SEP4014',
    ]);
    expect(limits('5 per 1h by principal', '119 per 24h by principal')).toEqual([]);
    expect(limits('5 per 1h by principal', '120 per 24h by session')).toEqual([]);
    expect(limits('5 per 1h by principal', '120 per 24h by principal count attempts')).toEqual([]);
    expect(limits('5 per 1h by principal fixed', '120 per 24h by principal')).toEqual([]);
    expect(limits('5 per session', '5 per session')).toHaveLength(1);
    expect(limits('5 per 1h else escalate by self timeout 5m', '6 per 1h')).toEqual([]);
  });

  it('of instances and modules are said at what brings them', () => {
    const template = `template room(team: principals) {
  allow use: team -> fs/read_file when { args.path under "/data" }
  deny out: any except team -> fs/read_file when { args.path under "/data/x" }
}
`;
    expect(said(`${template}instance one = room(agent:a)\ndeny shut: any -> fs/*\n`)).toEqual([
      ['SEP4013', 'instance one = room(agent:a)', 'deny shut'],
      ['SEP4014', 'instance one = room(agent:a)', 'deny shut'],
    ]);
    const module = 'sep 1\npolicy acme.base 1.0.0\nallow reads: agent:* -> fs/read_file\n';
    expect(said('import acme.base\ndeny shut: any -> fs/*\n', { 'acme.base': module })).toEqual([
      ['SEP4013', 'import acme.base', 'deny shut'],
    ]);
  });
});
