// SPDX-License-Identifier: Apache-2.0
/**
 * A SIGKILL of the gateway leaves it no moment to end its servers, and a server may overlook that its stdin has closed. So a second
 * process, a few lines for `/bin/sh`, hears which process groups are ours; when its own stdin closes, for whatever reason, it ends those
 * that are left.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** Seconds that a server has to end by itself after its stdin has closed, and again after SIGTERM. */
const GRACE_S = 1;

const SCRIPT = `
groups=
while read -r sign group; do
  case $sign in
    +) groups="$groups $group" ;;
    -) left=; for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done; groups=$left ;;
  esac
done
[ -z "$groups" ] && exit 0
sleep ${GRACE_S}
for one in $groups; do kill -TERM "-$one"; done
sleep ${GRACE_S}
for one in $groups; do kill -KILL "-$one"; done
`;

/** One for all servers of the process; null where it could not be started: then their stdin closing has to do. */
let reaper: ChildProcess | null = null;
/** What it has to know; told again to the one that takes its place. */
const groups = new Set<number>();
let deaths = 0;

/** One that dies is replaced; not without end, where it cannot live. */
const MAX_DEATHS = 20;
const AGAIN_MS = 100;

function start(): void {
  // In a group of its own, so that what interrupts the gateway from a terminal does not reach it.
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = (): void => {
    if (reaper !== child) return;
    reaper = null;
    if (++deaths < MAX_DEATHS) setTimeout(ensure, AGAIN_MS * deaths).unref();
  };
  child.once('error', gone);
  child.once('exit', gone);
  child.stdin.on('error', gone);
  child.unref();
  // Its pipe must not keep the gateway alive; at the type's level it is any stream.
  (child.stdin as unknown as { readonly unref: () => void }).unref();
  reaper = child;
  for (const group of groups) child.stdin.write(`+ ${group}\n`);
}

/** There is one, where there is something to see to. */
function ensure(): void {
  if (reaper === null && groups.size > 0 && deaths < MAX_DEATHS) start();
}

/** The process group ends with this process, whatever ends it. */
export function outliveNot(group: number): void {
  groups.add(group);
  if (reaper === null) ensure();
  else reaper.stdin?.write(`+ ${group}\n`);
}

/** The group has ended: its number may come again, for another's. */
export function forget(group: number): void {
  groups.delete(group);
  reaper?.stdin?.write(`- ${group}\n`);
}
