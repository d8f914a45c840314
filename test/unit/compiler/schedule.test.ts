// SPDX-License-Identifier: Apache-2.0
// Schedules in a policy: wall clock, half-open windows, gaps, overlaps, midnight, exceptions; and what is refused.
import { describe, expect, it } from 'vitest';
import { emit } from '../../../compiler/emit.js';
import { decide } from '../../../compiler/reference.js';
import type { Request } from '../../../stdlib/abi.js';
import { loadOnce } from '../../helpers/emitted.js';
import { checkText, codesOf, policy } from '../../helpers/policy.js';
import { SHOP_LOCK } from '../../helpers/shop.js';

const request: Request = {
  principal: 'agent:a',
  roles: [],
  user: null,
  userRoles: [],
  session: 's',
  intent: { kind: 'resource', server: 'fs', name: 'file:///a', args: {} },
};

/** Is it allowed at these instants, in both engines? */
function open(schedule: string, ...instants: readonly string[]): readonly boolean[] {
  const { output, diagnostics } = checkText(
    policy(`schedule hours in ${schedule}\nallow a: agent:* -> resource fs/* when { now within hours }`),
    SHOP_LOCK,
  );
  if (output === null) throw new Error(JSON.stringify(diagnostics));
  const module = loadOnce(emit(output.ir).js);
  expect(module.needs(request)).toEqual(['now']);
  return instants.map((now) => {
    const { effect } = module.decide(request, { now }, 'call');
    expect(decide(output.ir, request, { now }, 'call').effect).toBe(effect);
    return effect === 'allow';
  });
}

describe('schedule', () => {
  it('is half-open, on the wall clock of its zone', () => {
    const week = '"Europe/Paris" { mon..fri 09:00..17:00 }';
    expect(
      open(
        week,
        '2026-03-09T07:59:59.999Z',
        '2026-03-09T08:00:00Z',
        '2026-03-09T15:59:59Z',
        '2026-03-09T16:00:00Z',
        '2026-03-08T10:00:00Z',
        '2026-07-13T07:00:00Z',
      ),
    ).toEqual([false, true, true, false, false, true]);
  });
  it('is never inside a time that a clock skips, and twice inside one that it repeats', () => {
    // New York, 2026-03-08: 02:00 to 03:00 is skipped. 2026-11-01: 01:00 to 02:00 comes twice.
    const skipped = '"America/New_York" { sun 02:00..03:00 }';
    expect(open(skipped, '2026-03-08T06:59:59Z', '2026-03-08T07:00:00Z', '2026-03-15T06:30:00Z')).toEqual([
      false,
      false,
      true,
    ]);
    const repeated = '"America/New_York" { sun 01:00..02:00 }';
    expect(
      open(
        repeated,
        '2026-11-01T05:30:00Z',
        '2026-11-01T06:30:00Z',
        '2026-11-01T07:00:00Z',
        '2026-11-01T04:59:59Z',
      ),
    ).toEqual([true, true, false, false]);
  });
  it('gives a window over midnight, and its exception, to the day on which it opens', () => {
    const nights = '"UTC" { fri 22:00..06:00 except 2026-03-13 }';
    expect(
      open(
        nights,
        '2026-03-06T21:59:00Z',
        '2026-03-06T22:00:00Z',
        '2026-03-07T05:59:00Z',
        '2026-03-07T06:00:00Z',
        '2026-03-07T22:00:00Z',
        '2026-03-13T23:00:00Z',
        '2026-03-14T01:00:00Z',
        '2026-03-20T23:00:00Z',
      ),
    ).toEqual([false, true, true, false, false, false, false, true]);
    expect(open('"UTC" { sun 00:00..24:00 }', '2026-03-08T23:59:59Z', '2026-03-09T00:00:00Z')).toEqual([
      true,
      false,
    ]);
    expect(open('"UTC" { sat..mon 10:00..11:00 }', '2026-03-08T10:00:00Z', '2026-03-10T10:00:00Z')).toEqual([
      true,
      false,
    ]);
  });
  it('refuses what is no schedule', () => {
    const codes = (schedule: string, condition = 'now within hours') =>
      codesOf(`schedule hours in ${schedule}\ndeny a: any -> fs/* when { ${condition} }`, SHOP_LOCK);
    expect(codes('"Mars/Olympus" { mon 09:00..17:00 }')).toContain('SEP2018');
    expect(codes('"UTC" { mon 09:00..09:00 }')).toContain('SEP3012');
    expect(codes('"UTC" { }')).toContain('SEP3012');
    expect(codes('"UTC" { mon 09:00..10:00 except 2026-02-30 }')).toContain('SEP1005');
    expect(codes('"UTC" { mon 09:00..10:00 }', 'now within hour')).toContain('SEP2001');
    expect(codes('"UTC" { mon 09:00..10:00 }', '3 within hours')).toContain('SEP3001');
    expect(codes('"UTC" { mon 09:00..10:00 }', 'now within "hours"')).toContain('SEP3001');
    expect(codes('"UTC" { mon 09:00..10:00 }', 'true')).toContain('SEP4002');
  });
});
