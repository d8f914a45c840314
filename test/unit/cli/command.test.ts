// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { choice, defineCommand, helpText, readArguments } from '../../../cli/command.js';
import { EXIT } from '../../../cli/exit-codes.js';
import { columns, shown } from '../../../cli/terminal.js';

const command = defineCommand({
  usage: 'try FILE [OTHER]',
  about: 'Tries.',
  options: {
    name: { type: 'string', value: 'NAME', short: 'n', help: 'a name' },
    each: { type: 'string', multiple: true, help: 'any number' },
    loud: { type: 'boolean', help: 'say more' },
  },
  takes: ['FILE', 'OTHER?'],
  run: () => Promise.resolve(EXIT.ok),
});
const read = (...argv: readonly string[]) => readArguments('try', command, argv);

describe('arguments', () => {
  it.each([
    [['a'], { name: undefined, each: [], loud: false }, ['a']],
    [['--name', 'x', 'a', '--loud', 'b'], { name: 'x', each: [], loud: true }, ['a', 'b']],
    [['-n', 'x', 'a', '--each=1', '--each', '2'], { name: 'x', each: ['1', '2'], loud: false }, ['a']],
    [['--', '--name', '-n'], { name: undefined, each: [], loud: false }, ['--name', '-n']],
    [['a', '--name='], { name: '', each: [], loud: false }, ['a']],
  ])('%j', (argv, values, rest) => {
    expect(read(...argv)).toEqual({ values, rest });
  });

  it.each([
    [[], '`sepal try` needs FILE'],
    [['a', 'b', 'c'], '`c` is one argument too many'],
    [['a', '--nam', 'x'], '`sepal try` has no option `--nam`'],
    [['a', '-x'], '`sepal try` has no option `-x`'],
    [['a', '--name'], '`--name` needs a value'],
    [['a', '--name', '1', '--name', '2'], '`--name` stands twice'],
    [['a', '--loud=yes'], '`--loud` takes no value'],
    [['a', '--__proto__', 'x'], '`sepal try` has no option `--__proto__`'],
    [['a', '--toString'], '`sepal try` has no option `--toString`'],
  ])('%j is refused', (argv, message) => {
    expect(() => read(...argv)).toThrow(message);
  });

  it('stop at a request for help, whatever else is wrong', () => {
    expect(read('--help')).toBe(null);
    expect(read('a', 'b', 'c', '-h')).toBe(null);
  });

  it('are all in the help', () => {
    expect(helpText(command)).toBe(`sepal try FILE [OTHER]

Tries.

options:
  -n, --name NAME  a name
  --each TEXT      any number
  --loud           say more
  -h, --help       print this
`);
  });

  it('take one of a few words, the first by default', () => {
    expect(choice('format', undefined, ['human', 'json'])).toBe('human');
    expect(choice('format', 'json', ['human', 'json'])).toBe('json');
    expect(() => choice('format', 'jsn', ['human', 'json'])).toThrow('not a known value');
  });
});

describe('the terminal', () => {
  it('is never steered by foreign text', () => {
    expect(shown('a\u001b[2J\n\u202eb\u200b\ud800\u{e0041}ü✓')).toBe(
      'a\\u{1b}[2J\\u{a}\\u{202e}b\\u{200b}\\u{d800}\\u{e0041}ü✓',
    );
  });

  it('pads columns but the last, and leaves no space at the end', () => {
    expect(columns([['a', 'b'], ['longer', ''], []])).toBe('a       b\nlonger\n\n');
  });
});
