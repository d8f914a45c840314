// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { proofsOf } from '../../helpers/analysis.js';

const statuses = (text: string): readonly string[] => proofsOf(text).proofs.map((p) => p.status);

const EDITORS = `principals editors = agent:content-editor, agent:copy-*
role content_lead
allow drafts: editors -> fs/write_file when { args.path under "/workspace/drafts" }
decide deletion for any on fs/delete_file {
  case principal in editors => review by role:content_lead timeout 15m
  otherwise => deny because "Only editors"
}
deny admin: any -> */admin_*
`;

describe('never and implies', () => {
  it('holds for every call, and is refuted with a question that both engines confirm', () => {
    const { proofs } = proofsOf(`${EDITORS}
prove never allow on fs/delete_file
prove review on fs/delete_file implies principal in editors
prove never allow on fs/write_file unless args.path under "/workspace"
prove never allow on fs/write_file unless args.path under "/workspace/drafts/x"
prove allow on fs/write_file implies principal in agent:copy-*
prove never allow for agent:other on fs/write_file
prove never review on fs/write_file
`);
    expect(proofs.map((p) => p.status)).toEqual([
      'proved',
      'proved',
      'proved',
      'refuted',
      'refuted',
      'proved',
      'proved',
    ]);
    expect(proofs[3]?.witness).toMatchObject({ call: 'fs/write_file' });
    expect(proofs[4]?.witness).toMatchObject({ as: 'agent:content-editor' });
    expect(proofs[3]?.effect).toBe('allow');
  });

  it('says where nothing is in scope', () => {
    const { proofs } = proofsOf(
      `${EDITORS}prove never allow on fs/nope_*\nprove never deny when "a" == "b"\n`,
    );
    expect(proofs.map((p) => [p.status, p.vacuous])).toEqual([
      ['proved', true],
      ['proved', true],
    ]);
  });

  it('holds for facts that are not known', () => {
    const rules = `fact region: enum eu, us from config.region\nallow open: any -> fs/read_file when { region == eu }\n`;
    expect(statuses(`${rules}prove never allow when region != eu\n`)).toEqual(
      ['refuted'].map(() => 'proved'),
    );
    expect(
      statuses(
        `${rules}deny home: any -> fs/read_file when { region == us }\nprove never allow when region == us\n`,
      ),
    ).toEqual(['proved']);
    expect(
      statuses(`${rules}deny home: any -> fs/read_file when { region == us }\nprove never deny\n`),
    ).toEqual(['refuted']);
  });

  it('counts amounts exactly', () => {
    const rules = `allow pay: any -> pay/transfer when { args.amount <= 500 and args.amount > 0.1 }\n`;
    expect(
      statuses(`${rules}prove never allow on pay/transfer when args.amount > 500
prove never allow on pay/transfer when args.amount >= 500
prove allow on pay/transfer implies args.amount * 2 <= 1000
prove allow on pay/transfer implies args.amount + 0.1 > 0.2
prove allow on pay/transfer implies args.amount != 3
`),
    ).toEqual(['proved', 'refuted', 'proved', 'proved', 'refuted']);
  });

  it('takes what it cannot cut as free, and says so', () => {
    const same = `allow same: any -> pay/transfer when { args.to == principal.id }\n`;
    expect(
      statuses(
        `${same}prove never allow on pay/transfer\nprove allow on pay/transfer implies args.to == principal.id\n`,
      ),
    ).toEqual(['refuted', 'proved']);
    // No number is it, and no number that is tried.
    const square = `allow square: any -> pay/transfer when { args.amount * args.amount == 3 }\n`;
    const { proofs } = proofsOf(`${square}prove never allow on pay/transfer\n`);
    expect(proofs.map((p) => p.status)).toEqual(['undecided']);
    expect(proofs[0]?.why).toContain('(args.amount * args.amount) == 3');
  });

  it('knows a comparison of two things in each form of it', () => {
    const limit = 'fact most: int from config.most\nfact same: string from config.same\n';
    const rules = `${limit}allow paid: any -> pay/transfer when { args.amount <= most and args.to != same }\n`;
    const never = (when: string): string => `prove never allow on pay/transfer when ${when}\n`;
    const forms = [
      'args.amount > most',
      'most < args.amount',
      'not (most >= args.amount)',
      'same == args.to',
      'args.to == same',
    ];
    expect(statuses(rules + forms.map(never).join(''))).toEqual(forms.map(() => 'proved'));
    const open = ['args.amount <= most', 'most > args.amount', 'args.to != same'];
    expect(statuses(rules + open.map(never).join(''))).not.toContain('proved');
  });

  it('narrows by assume', () => {
    const rules = `fact region: enum eu, us from config.region\nallow open: any -> fs/read_file when { region == us }\n`;
    expect(statuses(`${rules}assume region == eu\nprove never allow\n`)).toEqual(['proved']);
  });
});

describe('the other statements', () => {
  it('finds dead rules', () => {
    const { proofs, dead } = proofsOf(`allow reads: agent:* -> fs/read_file
deny none: any -> fs/*
deny again: agent:x -> fs/read_file
prove no rule dead
prove cost <= 2 steps
prove cost <= 5000 steps
`);
    expect(proofs.map((p) => p.status)).toEqual(['refuted', 'refuted', 'proved']);
    expect(dead.map((d) => [d.unit.name, d.why, d.by.map((u) => u.name)])).toEqual([
      ['again', 'covered', ['none']],
      ['reads', 'denied', ['none']],
    ]);
  });

  it('compares with another policy', () => {
    const old = 'allow reads: agent:* -> fs/read_file when { args.path under "/data" }\n';
    const text =
      'allow reads: agent:* -> fs/read_file when { args.path under "/data" or args.path under "/tmp" }\nprove not wider than "old.sep"\n';
    const { proofs } = proofsOf(text, { 'old.sep': old });
    expect(proofs[0]?.status).toBe('refuted');
    expect(proofs[0]?.witness?.args).toMatchObject({ path: '/tmp' });
    expect(
      proofsOf(`${old}prove not wider than "old.sep"\n`, { 'old.sep': text.replace(/prove.*/, '') }).proofs[0]
        ?.status,
    ).toBe('proved');
  });
});

describe('the rest of the language', () => {
  it('reads schedules, patterns and limits exactly', () => {
    const rules = `schedule hours in "Europe/Paris" { mon..fri 09:00..17:00 except 2026-12-25 }
schedule early in "Europe/Paris" { mon..sun 05:00..09:00 }
allow reads: any -> fs/read_file when { now within hours and args.path matches r"/[a-c]+\\.txt" }
limit few: 3 per 1h by principal on fs/read_file
`;
    expect(
      statuses(`${rules}prove never allow on fs/read_file when now within early
prove never allow on fs/read_file unless now within hours
prove allow on fs/read_file implies args.path starts with "/a"
prove allow on fs/read_file implies args.path ends with ".txt"
prove allow on fs/read_file implies not few.exhausted
prove never allow on fs/read_file when few.exhausted
prove never allow on fs/read_file when not few.exhausted
`),
    ).toEqual(['proved', 'proved', 'refuted', 'proved', 'proved', 'proved', 'refuted']);
  });
});
