// SPDX-License-Identifier: Apache-2.0
/** One command line for some verbs, from arguments to exit code: nothing here touches the process. */
import { didYouMean } from '../compiler/diagnostics/suggest.js';
import { type Command, helpText, readArguments } from './command.js';
import { EXIT } from './exit-codes.js';
import { Failure, why } from './failure.js';
import { version } from './install.js';
import { columns, type Io, paint } from './terminal.js';

export interface Verb {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}
export interface Verbs {
  readonly [verb: string]: Verb;
}

/** Runs `sepal ARGV`, whose verb is one of `verbs`, and resolves with its exit code; what goes wrong is said on `io.err`. */
export async function runVerb(argv: readonly string[], io: Io, verbs: Verbs): Promise<number> {
  try {
    return await dispatch(argv, io, verbs);
  } catch (error) {
    return report(error, io);
  }
}

async function dispatch(argv: readonly string[], io: Io, verbs: Verbs): Promise<number> {
  const first = argv[0];
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    (first === undefined ? io.err : io.out)(overview(verbs));
    return first === undefined ? EXIT.failed : EXIT.ok;
  }
  if (first === '--version' || first === '-V') {
    io.out(`${version()}\n`);
    return EXIT.ok;
  }
  const { name, verb, rest } = findVerb(argv, io, verbs) ?? {};
  if (name === undefined || verb === undefined || rest === undefined) return EXIT.ok;
  const command: Command = await verb.load();
  if (command.raw !== undefined) return await command.raw(rest, io);
  const input = readArguments(name, command, rest);
  if (input !== null) return await command.run(input, io);
  io.out(helpText(command));
  return EXIT.ok;
}

interface Found {
  readonly name: string;
  readonly verb: Verb;
  readonly rest: readonly string[];
}

/** Verbs have one word or two; null when the help of a group was asked for and printed. */
function findVerb(argv: readonly string[], io: Io, verbs: Verbs): Found | null {
  const [first = '', second = ''] = argv;
  const single = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (single !== undefined) return { name: first, verb: single, rest: argv.slice(1) };
  const group = Object.keys(verbs).filter((name) => name.startsWith(`${first} `));
  if (group.length === 0) {
    const words = Object.keys(verbs).map((name) => name.split(' ')[0] ?? '');
    throw new Failure(
      `\`${first}\` is not a verb of sepal`,
      didYouMean(first, words) ?? '`sepal --help` lists the verbs',
    );
  }
  const name = `${first} ${second}`;
  const double = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (double !== undefined) return { name, verb: double, rest: argv.slice(2) };
  const subs = group.map((each) => each.slice(first.length + 1));
  if (second === '--help' || second === '-h') {
    io.out(columns(group.map((each) => [`sepal ${each}`, verbs[each]?.summary ?? ''])));
    return null;
  }
  if (second === '') throw new Failure(`\`sepal ${first}\` needs one of ${subs.join(', ')}`);
  throw new Failure(
    `\`sepal ${first}\` has no \`${second}\``,
    didYouMean(second, subs) ?? `it has ${subs.join(', ')}`,
  );
}

function overview(verbs: Verbs): string {
  const rows = Object.entries(verbs).map(([name, verb]) => [`  ${name}`, verb.summary]);
  return `sepal ${version()}: policies for AI agents, enforced between MCP clients and servers, with receipts

usage: sepal VERB [options]      sepal VERB --help      sepal --version

${columns(rows)}
exit codes: 0 ok or allow, 1 could not run, 2 deny, 3 policy has errors, 4 review, 5 receipts fail,
            6 tests or checks differ, 7 receipts incomplete
`;
}

/** Errors of the runtime carry their own `help`. */
function report(error: unknown, io: Io): number {
  const help =
    error instanceof Error && 'help' in error && typeof error.help === 'string' ? error.help : null;
  io.err(`${paint({ colour: io.colour && process.stderr.isTTY }, 'red', 'error')}: ${why(error)}\n`);
  if (help !== null) io.err(`  = help: ${help}\n`);
  else if (error instanceof Error && (io.env['SEPAL_DEBUG'] ?? '') !== '') io.err(`${error.stack ?? ''}\n`);
  return error instanceof Failure ? error.code : EXIT.failed;
}
