// SPDX-License-Identifier: Apache-2.0
/** The checks of `sepal doctor`. Each looks at one thing, changes nothing, and says what to do. */
import { lstatSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { createRegistry } from '../runtime/approvals/registry.js';
import type { Config, ServerConfig } from '../runtime/config.js';
import { gatewayStatus } from '../runtime/control/calls.js';
import { socketFault } from '../runtime/control/socket-file.js';
import { readTokenFile } from '../runtime/decide/token-file.js';
import { loadKeys, readSecrets } from '../runtime/log/index.js';
import { APPROVER_KEY, controlSockets } from './approvals.js';
import { why } from './failure.js';
import { exists } from './files.js';
import { compareServer, readLockFile } from './lock-file.js';
import { hasBegun } from './log-keys.js';
import { askServers } from './offers.js';
import type { Io } from './terminal.js';

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'fault';
  readonly detail: string;
  readonly help: string | null;
}

const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, help: null });
const warning = (name: string, detail: string, help: string): Check => ({
  name,
  status: 'warning',
  detail,
  help,
});
const fault = (name: string, detail: string, help: string): Check => ({
  name,
  status: 'fault',
  detail,
  help,
});

/** Whatever a check throws is its fault. */
async function tried(
  name: string,
  help: string,
  work: () => readonly Check[] | Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await work();
  } catch (error) {
    const own = (error as { readonly help?: string | null }).help;
    return [fault(name, why(error), own ?? help)];
  }
}

/** All checks of a configuration that could be read; servers are started only where `online`. */
export async function examine(config: Config, online: boolean, io: Io): Promise<readonly Check[]> {
  const all = await Promise.all([
    tried('keys', 'make them with `sepal keygen log`', () => keys(config, io)),
    tried('log', 'see docs/operators.md', () => log(config, io)),
    tried('disk', 'see docs/operators.md', () => disk(config)),
    tried('identity', 'see docs/identity.md', () => identity(config)),
    tried('approvers', 'see docs/operators.md', () => approvers(config)),
    tried('control socket', 'stop the gateway and remove the file', () => socket(config)),
    tried('reach of tools', 'see docs/operators.md', () => reach(config)),
    tried('running gateway', 'see its own messages', () => running(config)),
    tried('servers', 'see docs/operators.md', () =>
      online
        ? servers(config, io)
        : [warning('servers', 'not asked (--offline)', 'run `sepal doctor` without it')],
    ),
  ]);
  return all.flat();
}

function keys({ receipts }: Config, io: Io): readonly Check[] {
  loadKeys(receipts.keys, receipts.origin, readSecrets(receipts.keyFrom, io.env));
  const root = join(receipts.keys, 'root.pem');
  return [
    ok('keys', `those in ${receipts.keys} can be read by their owner only`),
    ...(exists(root)
      ? [
          warning(
            'root key',
            `${root} is on this machine`,
            'move it to a place that is offline: whoever has it can certify log keys',
          ),
        ]
      : []),
  ];
}

const LATE_MS = 120_000;

function log({ receipts }: Config, io: Io): readonly Check[] {
  if (!hasBegun(receipts.dir))
    return [
      fault('log', `there is no log in ${receipts.dir}`, 'begin it with `sepal keygen log`, or restore it'),
    ];
  const folder = join(receipts.dir, 'entries');
  const newest = Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs));
  const ahead = newest - io.now();
  if (ahead > LATE_MS)
    return [
      fault(
        'clock',
        `the clock stands ${Math.round(ahead / 1000)} s before the last entry of the log`,
        'set the clock; times of receipts do not go back',
      ),
    ];
  return [ok('log', receipts.dir), ok('clock', `not before the last entry of the log`)];
}

const GB = 1024 ** 3;

function disk({ receipts }: Config): readonly Check[] {
  const place = exists(receipts.dir) ? receipts.dir : dirname(receipts.dir);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const text = `${(free / GB).toFixed(1)} GB free for the log`;
  if (free < GB / 10) return [fault('disk', text, 'free space: without it every call is denied')];
  return [
    free < GB ? warning('disk', text, 'free space soon: without it every call is denied') : ok('disk', text),
  ];
}

function identity({ identity: who, listen }: Config): readonly Check[] {
  const found: Check[] = [];
  if (who.tokens !== null) {
    const tokens = readTokenFile(who.tokens);
    const ended = tokens.filter(({ expires }) => expires !== null && Date.parse(expires) < Date.now());
    found.push(ok('tokens', `${tokens.length} in ${who.tokens}, readable by its owner only`));
    if (ended.length > 0)
      found.push(warning('tokens', `${ended.length} have expired`, 'remove them with `sepal token revoke`'));
    const endless = tokens.filter(({ expires }) => expires === null);
    if (endless.length > 0)
      found.push(warning('tokens', `${endless.length} never expire`, 'make others with `--expires 90d`'));
  }
  if (who.anonymous !== null)
    found.push(
      warning(
        'identity',
        `callers without a credential are \`${who.anonymous}\``,
        'remove `identity.anonymous` where others use this machine',
      ),
    );
  if (who.jwt !== null && listen.publicUrl === null)
    found.push(
      warning(
        'identity',
        '`listen.publicUrl` is not set; clients find the issuer only by the audience',
        'set it to what clients see',
      ),
    );
  if (who.tokens === null && who.jwt === null && who.anonymous === null && who.stdio === null)
    found.push(
      fault('identity', 'nobody can call', 'set `identity.tokens`, `identity.jwt` or `identity.stdio`'),
    );
  return found.length === 0 ? [ok('identity', 'only what `sepal wrap` starts may call')] : found;
}

function approvers({ approvers: people, control }: Config): readonly Check[] {
  const registry = createRegistry(people);
  const own = join(dirname(control), APPROVER_KEY);
  const found: Check[] = [];
  if (exists(own)) {
    const mode = statSync(own).mode & 0o777;
    if ((mode & 0o077) !== 0)
      found.push(
        fault('approvers', `${own} is open to others (mode 0${mode.toString(8)})`, `run: chmod 600 ${own}`),
      );
    else if (people.length > 1)
      found.push(
        warning(
          'approvers',
          `${own} lies beside the gateway`,
          'approvers better keep their keys on their own machines',
        ),
      );
  }
  if (people.length === 0)
    found.push(
      warning(
        'approvers',
        'nobody is registered: every review is denied when its time is over',
        'see `sepal keygen approver`',
      ),
    );
  return [
    ...found,
    ...(registry.size > 0 ? [ok('approvers', `${registry.size} with keys of their own`)] : []),
  ];
}

function socket({ control }: Config): readonly Check[] {
  const stats = lstatSync(control, { throwIfNoEntry: false });
  if (stats === undefined) return [ok('control socket', 'no gateway has one open')];
  const wrong = socketFault(control, stats);
  return [
    wrong === null
      ? ok('control socket', 'open to its owner only')
      : fault('control socket', `${control}: ${wrong}`, `run: chmod 600 ${control}`),
  ];
}

/** Folders that a server is told of in its arguments, its environment or its own folder, and what of ours lies in them. */
function reach(config: Config): readonly Check[] {
  const secrets = [
    config.receipts.keys,
    dirname(config.control),
    config.receipts.dir,
    ...(config.identity.tokens === null ? [] : [config.identity.tokens]),
  ];
  const found = [...config.servers].flatMap(([name, server]) => {
    const places = foldersOf(server);
    const open = [...new Set(secrets.filter((secret) => places.some((place) => within(secret, place))))];
    return open.length === 0
      ? []
      : [
          warning(
            'reach of tools',
            `server \`${name}\` is given a folder that holds ${open.join(', ')}`,
            'move the gateway’s folder out of it: whoever reads a key can approve',
          ),
        ];
  });
  return found.length > 0
    ? found
    : [ok('reach of tools', 'no server is given a folder with keys or the control socket')];
}

function foldersOf(server: ServerConfig): readonly string[] {
  if (server.kind === 'http') return [];
  const said = [...server.args, ...Object.values(server.env)]
    .flatMap((text) => text.split(/[=,:]/))
    .filter((text) => text !== '');
  return said
    .map((text) => resolve(server.cwd, text))
    .filter((place) => exists(place) && statSync(place).isDirectory());
}

function within(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith('..') && !isAbsolute(way);
}

async function running(config: Config): Promise<readonly Check[]> {
  const sockets = controlSockets(config);
  if (sockets.length === 0) return [ok('running gateway', 'none')];
  const found: Check[] = [];
  for (const path of sockets) {
    const status = (await gatewayStatus(path)) as unknown as Status;
    const { log: kept, dryRun = false, switchedOff = [] } = status;
    if (kept?.failure != null)
      found.push(
        fault('running gateway', `its log has failed: ${kept.failure}`, 'free space, then start it again'),
      );
    else
      found.push(
        ok(
          'running gateway',
          `process ${status.pid}, policy ${status.policy?.name ?? ''} ${status.policy?.version ?? ''}`,
        ),
      );
    if (dryRun)
      found.push(
        warning(
          'running gateway',
          'it only watches (dry run): the policy decides nothing',
          'start it without `--dry-run`',
        ),
      );
    for (const scope of switchedOff)
      found.push(warning('kill switch', `on for ${scope}`, '`sepal kill off`'));
    for (const [server, { notAsPinned = [] }] of Object.entries(status.servers ?? {}))
      if (notAsPinned.length > 0)
        found.push(
          warning(
            'pins',
            `\`${server}\` is not as pinned: ${notAsPinned.join(', ')}`,
            'see `sepal tools diff`',
          ),
        );
  }
  return found;
}
interface Status {
  readonly pid: number;
  readonly policy?: { readonly name: string; readonly version: string };
  readonly log?: { readonly failure: string | null };
  readonly dryRun?: boolean;
  readonly switchedOff?: readonly string[];
  readonly servers?: { readonly [server: string]: { readonly notAsPinned?: readonly string[] } };
}

/** Each is started by itself: one that is dead says nothing of the others. */
async function servers(config: Config, io: Io): Promise<readonly Check[]> {
  const lock = readLockFile(config.lock);
  const quiet: Io = { ...io, err: () => undefined };
  const found = await Promise.all(
    [...config.servers.keys()].map((name) =>
      tried(`server ${name}`, 'start it by hand and look at what it says', async () => {
        const offer = (await askServers(config, [name], quiet)).get(name);
        const changes = offer === undefined ? [] : compareServer(name, lock?.servers.get(name), offer);
        return changes.length === 0
          ? [ok(`server ${name}`, 'starts and is as pinned')]
          : [
              warning(
                `server ${name}`,
                `${changes.length} definitions are not as pinned`,
                'look at them with `sepal tools diff`',
              ),
            ];
      }),
    ),
  );
  return found.flat();
}
