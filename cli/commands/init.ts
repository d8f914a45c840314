// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createApproverKey, writeApproverKey } from '../../runtime/approvals/keys.js';
import { type Config, readConfig } from '../../runtime/config.js';
import { writeTokenFile } from '../../runtime/decide/token-file.js';
import { createToken } from '../../runtime/decide/tokens.js';
import { APPROVER_KEY } from '../approvals.js';
import { type ClientFile, readClientFile } from '../client-file.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { createFile, exists, makeFolder } from '../files.js';
import { commandFile, packageRoot } from '../install.js';
import { type LockFile, printLock, readLockFile } from '../lock-file.js';
import { beginLog } from '../log-keys.js';
import { askServers, chosenServers } from '../offers.js';
import { shortPath } from '../sources.js';
import { clientText, configText, filesScaffold, reviewScaffold, type Scaffold } from '../scaffold.js';
import { type Io, shown } from '../terminal.js';

export const command = defineCommand({
  usage: 'init [FOLDER] [--from client.json]',
  about:
    'Writes a set-up that runs as it is: policy with tests, sepal.json, pinned tools, keys, a token, an approver, trust file and\na snippet for an MCP client. Nothing is ever overwritten. With --from the servers of a client configuration are taken over:\nthey are asked for their tools, and every call waits for your approval until the policy says more.',
  options: {
    from: { type: 'string', value: 'FILE', help: 'the file in which an MCP client keeps its servers' },
  },
  takes: ['FOLDER?'],
  run: async ({ values, rest }, given) => {
    const dir = resolve(given.cwd, rest[0] ?? '.');
    refuseToOverwrite(dir, given);
    const from = values.from === undefined ? null : readClientFile(resolve(given.cwd, values.from));
    const io: Io = { ...given, env: { ...from?.env, ...given.env } };
    const plan = from === null ? filesPlan(dir) : await takeOver(dir, from, io);
    for (const note of from?.notes ?? []) io.err(`note: ${shown(note)}\n`);
    await write(dir, plan, io);
    return EXIT.ok;
  },
});

const WRITTEN = [
  'sepal.json',
  'policy.sep',
  'sepal.lock',
  'tokens.json',
  'trust.json',
  'client.json',
  '.sepal',
] as const;

function refuseToOverwrite(dir: string, io: Io): void {
  const taken = WRITTEN.filter((name) => exists(join(dir, name)));
  if (taken.length === 0) return;
  throw new Failure(
    `${shortPath(dir, io)} holds ${taken.join(', ')} already, and nothing is ever overwritten`,
    'name an empty folder, or move these away',
  );
}

interface Plan {
  readonly scaffold: Scaffold;
  readonly lock: LockFile;
  /** Sample files by path below the folder. */
  readonly samples: readonly (readonly [string, string])[];
}

/** The definitions that stand in the example's lock are those of the server's pinned version: nothing needs to be fetched. */
function filesPlan(dir: string): Plan {
  const whole = readLockFile(join(packageRoot(), 'examples', 'quickstart', 'sepal.lock'));
  const fs = whole?.servers.get('fs');
  if (fs === undefined)
    throw new Failure('the example that comes with sepal is not there', 'install sepal again');
  return {
    scaffold: filesScaffold(dir),
    lock: { modules: {}, servers: new Map([['fs', fs]]) },
    samples: [
      ['files/hello.txt', 'Hello from behind the gateway.\n'],
      ['files/drafts/first.md', '# A draft\n'],
    ],
  };
}

/** Asks the servers before anything is written: a set-up without pinned tools would guard nothing that works. */
async function takeOver(dir: string, { servers }: ClientFile, io: Io): Promise<Plan> {
  const draft: Scaffold = { policy: '', servers, config: {} };
  const config = checked(configText(draft, { id: 'user:x', roles: [], key: 'x' }), dir, io);
  const offers = await askServers(startable(config, io), chosenServers(config, []), io);
  const lock: LockFile = { modules: {}, servers: offers };
  return { scaffold: reviewScaffold(servers, lock), lock, samples: [] };
}

/** The folder of the set-up may not be there yet: then the servers are asked from here. */
function startable(config: Config, io: Io): Config {
  const servers = [...config.servers].map(
    ([name, server]) =>
      [name, server.kind === 'stdio' && !exists(server.cwd) ? { ...server, cwd: io.cwd } : server] as const,
  );
  return { ...config, servers: new Map(servers) };
}

function checked(text: string, dir: string, io: Io): Config {
  const result = readConfig(text, join(dir, 'sepal.json'), io.env);
  if (result.ok) return result.config;
  const [first] = result.errors;
  throw new Failure(
    `these servers cannot be taken over: \`${first?.path ?? ''}\`: ${first?.message ?? ''}`,
    first?.help ?? null,
  );
}

async function write(dir: string, { scaffold, lock, samples }: Plan, io: Io): Promise<void> {
  const person = `user:${userName()}`;
  const key = createApproverKey(person.slice('user:'.length));
  const text = configText(scaffold, { id: person, roles: ['owner'], key: key.vkey });
  const config = checked(text, dir, io);
  makeFolder(join(dir, '.sepal'), 0o700);
  for (const [name, content] of samples) createFile(join(dir, name), content);
  createFile(join(dir, 'policy.sep'), scaffold.policy);
  createFile(config.lock, printLock(lock));
  createFile(join(dir, 'sepal.json'), text, holdsSecrets(scaffold) ? 0o600 : 0o666);
  writeApproverKey(join(dir, '.sepal', APPROVER_KEY), key);
  await beginLog(config.receipts, join(dir, 'trust.json'));
  const { token, entry } = createToken({ principal: 'agent:local' }, randomBytes);
  writeTokenFile(join(dir, 'tokens.json'), [entry]);
  const [program, args] = startCommand(join(dir, 'sepal.json'));
  createFile(join(dir, 'client.json'), clientText(program, args));
  if (!exists(join(dir, '.gitignore'))) createFile(join(dir, '.gitignore'), '.sepal/\ntokens.json\n');
  const short = shortPath(dir, io);
  const sepal = io.env['npm_command'] === 'exec' ? 'npx sepal' : 'sepal';
  io.out(
    `${[...WRITTEN.filter((name) => name !== '.sepal'), '.sepal/'].map((name) => join(short, name)).join('\n')}\n`,
  );
  io.err(`
A token for agent:local over HTTP, shown this once:

  ${token}

You are ${person}; your key is ${join(short, '.sepal', APPROVER_KEY)} (keep it from agents: whoever reads it can approve).
Your log's root key is ${join(short, '.sepal', 'keys', 'root.pem')}: move it to a place that is offline.

${holdsSecrets(scaffold) ? 'sepal.json holds the values of `env` and `headers` that the client had: better write `${env:NAME}` there.\n\n' : ''}Next:
${short === '.' ? '' : `  cd ${short}\n`}  ${sepal} check && ${sepal} test
  ${sepal} gateway          (or put client.json into your MCP client)
  ${sepal} approvals list
  ${sepal} verify .sepal/log --trust trust.json
`);
}

/** What stands in `env` and `headers` of a client's file is often a key. */
function holdsSecrets({ servers }: Scaffold): boolean {
  return Object.values(servers).some(
    (server) => typeof server === 'object' && server !== null && ('env' in server || 'headers' in server),
  );
}

function userName(): string {
  try {
    const name = userInfo().username.normalize('NFC');
    return /^[A-Za-z0-9_.-]{1,64}$/.test(name) ? name : 'operator';
  } catch {
    return 'operator';
  }
}

/** How a client starts this very installation. */
function startCommand(config: string): readonly [string, readonly string[]] {
  return [process.execPath, [commandFile(), 'wrap', '--config', config]];
}
