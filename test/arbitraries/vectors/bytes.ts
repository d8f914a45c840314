// SPDX-License-Identifier: Apache-2.0
/** Entries and checkpoints in another form than their only one. */
import {} from '../../../runtime/verify/format/index.js';
import { smallLog, TestLog } from '../log.js';
import { type Extra, bad, open, begun, sealed, replaced, raw, bodyText, rawChange, trustOf } from './make.js';

export function bytes(): void {
  const ext = (value: string): TestLog =>
    rawChange((json) => json.replace('"intent":', `"ext":{"acme.com/x":${value}},"intent":`));
  const listed = (log: TestLog): Extra => ({ 'trust.json': trustOf(log, { extensions: ['acme.com/x'] }) });
  const inExt = (name: string, about: string, value: string): void => {
    const log = ext(value);
    bad(name, 'bytes', about, log, listed(log));
  };
  bad(
    'key-order',
    'bytes',
    'A signed body whose members are not in canonical order.',
    rawChange((j) => `{"v":1,${j.slice(1).replace(',"v":1}', '}')}`),
  );
  bad(
    'white-space',
    'bytes',
    'A signed body with white space.',
    rawChange((j) => j.replace('":"', '": "')),
  );
  bad(
    'escapes',
    'bytes',
    'A signed body with an escape that need not be.',
    rawChange((j) => j.replace('agent:reporter', 'agent\\u003areporter')),
  );
  bad(
    'duplicate-key',
    'bytes',
    'A key twice in one object.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"deny","effect":"deny"')),
  );
  bad(
    'duplicate-key-escaped',
    'bytes',
    'A key twice, once escaped.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"allow","\\u0065ffect":"deny"')),
  );
  bad(
    'proto',
    'bytes',
    'The key __proto__.',
    rawChange((j) => j.replace('"effect":"deny"', '"__proto__":{},"effect":"deny"')),
  );
  bad(
    'lone-surrogate',
    'bytes',
    'A lone surrogate in a string.',
    rawChange((j) => j.replace('agent:reporter', 'agent:\\ud800')),
  );
  bad(
    'float',
    'bytes',
    'A number that is not an integer.',
    rawChange((j) => j.replace('"steps":12', '"steps":12.5')),
  );
  bad(
    'huge-number',
    'bytes',
    'An integer past the safe range.',
    rawChange((j) => j.replace('"steps":12', '"steps":9007199254740993')),
  );
  bad(
    'unsafe-integer',
    'bytes',
    'An integer that a double holds exactly, past the safe range.',
    rawChange((j) => j.replace('"steps":12', '"steps":9007199254740992')),
  );
  bad(
    'exponent',
    'bytes',
    'A number past every double.',
    rawChange((j) => j.replace('"steps":12', '"steps":1e400')),
  );
  bad(
    'unknown-member',
    'bytes',
    'A member that this version does not know.',
    rawChange((j) => j.replace('"effect":"deny"', '"effect":"deny","extra":1')),
  );
  bad(
    'unknown-type',
    'bytes',
    'A type that this version does not know.',
    rawChange((j) => j.replace('"type":"decide"', '"type":"decree"')),
  );
  bad(
    'version',
    'bytes',
    'Version 2.',
    rawChange((j) => j.replace('"v":1', '"v":2')),
  );
  bad(
    'no-time',
    'bytes',
    'A day that does not exist.',
    rawChange((j) => j.replace('2026-03-09', '2026-02-30')),
  );
  bad('extension-unlisted', 'bytes', 'A member of ext that the trust file does not list.', ext('1'));
  inExt('extension-number-key', 'A key in ext that looks like a number.', '{"1":2}');
  inExt('extension-deep', 'ext nested deeper than 64 levels.', `${'['.repeat(64)}${']'.repeat(64)}`);
  inExt('extension-float', 'A float in ext.', '1.5');
  const long = ext(`"${'x'.repeat(65_000)}"`);
  bad('too-long', 'bytes, tail', 'An entry of more than 65,534 bytes, in an earlier segment.', long, {
    'log/entries/000000.log': Buffer.concat(long.entries),
    'log/entries/000001.log': '',
    ...listed(long),
  });
  const mark = begun();
  raw(mark, `\ufeff${bodyText(mark, (j) => j)}`);
  bad('byte-order-mark', 'bytes', 'A byte order mark before the body.', sealed(mark));
  const latin = smallLog();
  bad(
    'not-utf-8',
    'bytes, tree',
    'A byte that is not UTF-8.',
    replaced(
      latin,
      5,
      Buffer.concat([
        Buffer.from('sepal.dev/receipt/v1\n{"boot":"\xff'),
        Buffer.of(0xff),
        (latin.entries[5] as Buffer).subarray(31),
      ]),
    ),
  );
  const twice = smallLog();
  const line = (twice.entries[5] as Buffer).toString().split('\n\n')[1] ?? '';
  bad(
    'two-signatures',
    'bytes, tail',
    'An entry with two signature lines, in an earlier segment.',
    replaced(twice, 5, Buffer.concat([twice.entries[5] as Buffer, Buffer.from(line)])),
    {
      'log/entries/000000.log': Buffer.concat(twice.entries),
      'log/entries/000001.log': '',
    },
  );
  const torn = smallLog();
  open('torn', 'tail', 'A crash in the middle of a write: bytes after the last whole entry.', torn, {
    'log/entries/000000.log': Buffer.concat([...torn.entries, Buffer.from('sepal.dev/receipt/v1\n{"boot"')]),
  });
  bad('torn-earlier', 'bytes, tail', 'The same in an earlier segment.', torn, {
    'log/entries/000000.log': Buffer.concat([
      ...torn.entries.slice(0, 5),
      Buffer.from('sepal.dev/receipt/v1\n{"boot"'),
    ]),
    'log/entries/000001.log': Buffer.concat(torn.entries.slice(5)),
  });
  bad('hidden', 'tail', 'Entries hidden behind bytes that are none.', torn, {
    'log/entries/000000.log': Buffer.concat([
      ...torn.entries.slice(0, 8),
      Buffer.alloc(512),
      ...torn.entries.slice(8),
    ]),
  });
}
