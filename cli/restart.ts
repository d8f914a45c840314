// SPDX-License-Identifier: Apache-2.0
/**
 * `gateway` and `wrap` run with code generation from strings switched off, in argv and never through NODE_OPTIONS, which would
 * leak into upstreams. Node 20 cannot replace its own process image, so the command starts itself again and passes on streams,
 * signals and exit code. A channel tells the child when its parent is gone, so that no gateway is orphaned.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism, constants } from 'node:os';

export const HARDENED = '--disallow-code-generation-from-strings';

export function isHardened(): boolean {
  return process.execArgv.includes(HARDENED);
}

const FEW_PROCESSORS = 2;

/**
 * For node, as this command is started again. V8 collects garbage with threads of its own, at the priority of calls even where the garbage is
 * that of a thread behind them (runtime/threads.ts). Where processors are few, each thread collects its own, in its own turn; and all of
 * it only once the heap is three times what lived, since then nobody marks it meanwhile: else each large message would bring that about.
 */
export function nodeFlags(processors: number): readonly string[] {
  return processors <= FEW_PROCESSORS
    ? [HARDENED, '--single-threaded-gc', '--heap-growing-percent=200']
    : [HARDENED];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Runs this very command line again, hardened; resolves with its exit code. */
export async function restartHardened(): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags(availableParallelism()),
      ...process.execArgv,
      process.argv[1] ?? '',
      ...process.argv.slice(2),
    ],
    { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] },
  );
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends its interrupt to the whole group: the child has it already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  return await ended(child);
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Calls `stop` once, at the first signal that asks for it or when the parent of a restarted command is gone. SIGHUP asks for `again`, where
 * there is one; of a command in a terminal it says that the terminal has gone.
 */
export function onStop(stop: (why: string) => void, again: (() => void) | null = null): void {
  let asked = false;
  const once = (why: string): void => {
    if (asked) return;
    asked = true;
    stop(why);
  };
  const reloads = again !== null && !process.stdout.isTTY && !process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => (signal === 'SIGHUP' && reloads ? again() : once(signal)));
  if (process.channel) {
    process.on('disconnect', () => once('the command that started it is gone'));
    process.channel.unref();
  }
}
