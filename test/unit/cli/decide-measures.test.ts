// SPDX-License-Identifier: Apache-2.0
// Limits, counters and scores in `sepal decide`: they run through a batch as in a gateway, and a question may set them.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { command } from '../../../cli/commands/decide.js';
import type { Io } from '../../../cli/terminal.js';
import { lockText, tool } from '../../helpers/policy.js';

const folder = mkdtempSync(join(tmpdir(), 'sepal-decide-'));
writeFileSync(join(folder, 'sepal.lock'), lockText({ img: [tool('make', { n: { type: 'number' } })] }));
writeFileSync(
  join(folder, 'main.sep'),
  `sep 1
policy acme.main 1.0.0
tools "sepal.lock"
role ops
limit images: 2 per 1h by principal on img/make
score risk: per session { add 30 on img/make when { args.n > 100 } cap 60 }
allow make: agent:* -> img/make when { args.n >= 0 }
review big: agent:* -> img/make when { args.n > 1000 } by role:ops timeout 30m
deny risky: any -> * when { risk > 50 }
`,
);

async function ask(questions: readonly object[]): Promise<readonly string[]> {
  const file = join(folder, 'questions.jsonl');
  writeFileSync(file, questions.map((q) => JSON.stringify(q)).join('\n'));
  let out = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: () => {},
    cwd: folder,
    env: {},
    colour: false,
  } as unknown as Io;
  await command.run(
    { values: { policy: join(folder, 'main.sep'), batch: file, fact: [] }, rest: [] } as never,
    io,
  );
  return out
    .trim()
    .split('\n')
    .map((line) => {
      const { decision, rules } = JSON.parse(line) as { decision: string; rules: readonly string[] };
      return `${decision} ${rules.join()}`;
    });
}
const make = (at: string, n = 1, more: object = {}) => ({
  as: 'agent:a',
  call: 'img/make',
  args: { n },
  at,
  ...more,
});

describe('sepal decide --batch', () => {
  it('counts its questions; an earlier `at` frees no budget', async () => {
    expect(
      await ask([
        make('2026-03-09T10:00:00Z'),
        make('2026-03-09T10:10:00Z'),
        make('2026-03-09T10:59:59Z'),
        make('2026-03-09T09:00:00Z'),
        { ...make('2026-03-09T10:59:59Z'), as: 'agent:b' },
        make('2026-03-09T11:00:00Z'),
        make('2026-03-09T11:00:01Z'),
      ]),
    ).toEqual([
      'allow make',
      'allow make',
      'deny images',
      'deny images',
      'allow make',
      'allow make',
      'deny images',
    ]);
  });
  it('a review holds its reservation until it expires', async () => {
    const session = { session: 's' };
    expect(
      await ask([
        make('2026-03-09T10:00:00Z', 2000, { session: 'x' }),
        make('2026-03-09T10:00:01Z', 1, session),
        make('2026-03-09T10:00:02Z', 1, session),
        make('2026-03-09T10:29:59Z', 1, session),
        make('2026-03-09T10:30:01Z', 1, session),
      ]),
    ).toEqual(['review big', 'allow make', 'deny images', 'deny images', 'allow make']);
  });
  it('lets a question set measures, for itself only; null is unknown', async () => {
    const at = '2026-03-09T10:00:00Z';
    expect(
      await ask([
        make(at, 1, { facts: { images: 2 } }),
        make(at, 1, { facts: { risk: 51 } }),
        make(at, 1, { facts: { risk: null } }),
        make(at, 1, { facts: { images: 0, risk: 0 } }),
      ]),
    ).toEqual(['deny images', 'deny risky', 'deny risky', 'allow make']);
  });
});
