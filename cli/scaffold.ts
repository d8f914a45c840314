// SPDX-License-Identifier: Apache-2.0
/** The texts that `sepal init` writes. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format, parse } from '../grammar/index.js';
import { quote } from '../grammar/literals.js';
import type { JsonObject } from '../runtime/verify/format/canonical.js';
import { argumentCheck } from '../runtime/gateway/validate.js';
import { Failure } from './failure.js';
import type { LockFile } from './lock-file.js';

export interface Scaffold {
  readonly policy: string;
  readonly servers: JsonObject;
  readonly config: JsonObject;
}

/** The version whose definitions stand in the lock of examples/quickstart. */
const SERVER = '@modelcontextprotocol/server-filesystem';
const SERVER_VERSION = '2026.8.31';

/** A folder `files` behind the filesystem server: read everything, write drafts, move with approval. */
export function filesScaffold(dir: string): Scaffold {
  return {
    policy: canonicalForm(FILES_POLICY),
    servers: { fs: { ...filesystemCommand(dir), maxProcesses: 20 } },
    config: { files: join(dir, 'files'), drafts: join(dir, 'files', 'drafts') },
  };
}

/** The server as it is installed beside the set-up or beside sepal; else fetched by npx on the first call, in this very version. */
function filesystemCommand(dir: string): JsonObject {
  for (const from of [join(dir, 'package.json'), import.meta.url]) {
    try {
      const manifest = createRequire(from)(`${SERVER}/package.json`) as { readonly version?: unknown };
      if (manifest.version !== SERVER_VERSION) continue;
      const entry = createRequire(from).resolve(`${SERVER}/dist/index.js`);
      return { command: process.execPath, args: [entry, 'files'] };
    } catch {
      // Not installed there.
    }
  }
  return { command: 'npx', args: ['-y', `${SERVER}@${SERVER_VERSION}`, 'files'] };
}

const FILES_POLICY = `sep 1
policy local.files 1.0.0
tools "sepal.lock"

role owner
fact files: path from config.files
fact drafts: path from config.drafts

// Everything that no rule grants is denied.
allow reading: agent:* -> fs/read_text_file, fs/list_directory, fs/get_file_info
  when { args.path under files }

decide writing for agent:* on fs/write_file {
  case args.path under drafts => allow
  case args.path under files => review by role:owner timeout 15m because "Outside of the drafts the owner decides"
  otherwise => deny because "Files may be written below the shared folder only"
}

review moving: agent:* -> fs/move_file
  when { args.source under files and args.destination under files }
  by role:owner timeout 15m
  because "The owner decides what is moved"

test "reading" {
  as agent:local with files "/files"
  fs/read_text_file { path: "/files/hello.txt" } => allow by reading
  fs/read_text_file { path: "/files/../etc/passwd" } => deny by default
}

test "writing" {
  as agent:local with files "/files", drafts "/files/drafts"
  fs/write_file { path: "/files/drafts/a.md", content: "x" } => allow by writing
  fs/write_file { path: "/files/a.md", content: "x" } => review by writing then approved => allow
  fs/write_file { path: "/etc/passwd", content: "x" } => deny by writing
}

test "moving" {
  as agent:local with files "/files"
  fs/move_file { source: "/files/a", destination: "/files/b" } => review by moving
  fs/move_file { source: "/files/a", destination: "/tmp/b" } => deny by default
}
`;

/** For servers that were taken over: everything needs the owner until the policy says more. */
export function reviewScaffold(servers: JsonObject, lock: LockFile): Scaffold {
  const tools = [...lock.servers].flatMap(([server, { tools: own }]) =>
    [...own].map(([name, { definition }]) => ({ server, name, definition })),
  );
  const readOnly = tools.filter(({ definition }) => {
    const hints = definition['annotations'];
    return (
      typeof hints === 'object' && hints !== null && 'readOnlyHint' in hints && hints['readOnlyHint'] === true
    );
  });
  return { policy: canonicalForm(reviewPolicy(tools, readOnly.map(actionText))), servers, config: {} };
}

/** What is written passes `sepal fmt --check`. */
function canonicalForm(policy: string): string {
  const { file, faults } = parse(policy);
  if (faults.length === 0) return format(file, policy);
  throw new Failure(
    'a tool of these servers has a name that no policy can be written for',
    'take over the servers one at a time to see which',
  );
}

interface Tool {
  readonly server: string;
  readonly name: string;
  readonly definition: JsonObject;
}

const actionText = ({ server, name }: Tool): string => `${part(server)}/${part(name)}`;
const part = (text: string): string =>
  /^[A-Za-z0-9_.@-]+$/.test(text) && !text.includes('->') ? text : quote(text);

function reviewPolicy(tools: readonly Tool[], readOnly: readonly string[]): string {
  const hint =
    readOnly.length === 0
      ? ''
      : `
// These say of themselves that they change nothing. A hint is the server's claim: grant what you have looked at.
${readOnly.map((action) => `//   ${action}`).join('\n')}
// allow reading: agent:* -> …
`;
  // A question is about one action: no `*`.
  const askable = tools.filter(({ name }) => !name.includes('*'));
  const [first] = askable;
  // A question with arguments that do not fit the tool's schema would be denied before any rule is asked.
  const bare = askable.find(({ definition }) => argumentCheck(definition)({}) === null);
  const tests = [
    ...(bare === undefined
      ? []
      : [testText('everything asks the owner', 'agent:local', bare, 'review by everything')]),
    ...(first === undefined
      ? []
      : [testText('only agents may ask', 'user:stranger', first, 'deny by default')]),
  ].join('');
  const rule =
    tools.length === 0
      ? '// No tools are pinned yet: run `sepal tools pull`, then grant some.\n'
      : 'review everything: agent:* -> */* by role:owner timeout 15m because "The owner decides until the policy says more"\n';
  return `sep 1
policy local.gateway 1.0.0
tools "sepal.lock"

role owner

// Everything that no rule grants is denied; everything granted here waits for the owner.
${rule}${hint}${tests}`;
}

const testText = (title: string, who: string, tool: Tool, expected: string): string =>
  `\ntest "${title}" {\n  as ${who}\n  ${actionText(tool)} {} => ${expected}\n}\n`;

export function configText(scaffold: Scaffold, approver: JsonObject): string {
  const file = {
    policy: 'policy.sep',
    mcpServers: scaffold.servers,
    listen: { http: '127.0.0.1:4002' },
    identity: { stdio: { principal: 'agent:local', roles: [] }, tokens: 'tokens.json' },
    approvers: [approver],
    receipts: { origin: 'local.sepal/log', dir: '.sepal/log', keys: '.sepal/keys' },
    config: scaffold.config,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** What goes into the configuration of an MCP client: one entry in place of all its servers. */
export function clientText(command: string, args: readonly string[]): string {
  return `${JSON.stringify({ mcpServers: { sepal: { command, args } } }, null, 2)}\n`;
}
