// SPDX-License-Identifier: Apache-2.0
/**
 * The servers of an MCP client's own file (Claude Desktop and Code, Cursor, VS Code, Cline, Windsurf, Gemini) as `mcpServers` of sepal.json.
 * What the file says in its client's way is translated or refused, never dropped without a word: `${VAR}`, `${input:x}` and `envFile` become
 * `${env:NAME}`, so that no secret is copied.
 */
import { homedir } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { JsonObject, JsonValue } from '../runtime/verify/format/canonical.js';
import { parseStrict } from '../runtime/verify/format/json.js';
import { Failure } from './failure.js';
import { readText } from './files.js';

export interface ClientFile {
  readonly servers: JsonObject;
  /** What was translated or left out, for the person who runs the command. */
  readonly notes: readonly string[];
  /** Variables that its `envFile`s set: for asking the servers now. */
  readonly env: { readonly [name: string]: string };
}

/** Reads the file; fails where it names no servers, or says of one what cannot be kept. */
export function readClientFile(file: string): ClientFile {
  const parsed = parseStrict(withoutComments(readText(file)));
  if (!parsed.ok)
    throw new Failure(
      `${file} is not JSON: ${parsed.error.message}`,
      'name the configuration of an MCP client',
    );
  const found = serversIn(parsed.value);
  if (found === null || Object.keys(found).length === 0)
    throw new Failure(`${file} has no \`mcpServers\``, 'name the configuration of an MCP client');
  const taking: Taking = { folder: dirname(file), notes: [], env: {} };
  const servers: { [name: string]: JsonValue } = {};
  for (const [name, entry] of Object.entries(found)) {
    const own = serverOf(name, entry, taking);
    if (own !== null) servers[name] = own;
  }
  if (Object.keys(servers).length === 0)
    throw new Failure(`every server of ${file} is switched off`, 'switch one on in the file first');
  return { servers, notes: [...new Set(taking.notes)], env: taking.env };
}

interface Taking {
  readonly folder: string;
  readonly notes: string[];
  readonly env: { [name: string]: string };
}

/** `mcpServers`; VS Code says `servers`, in its settings `mcp.servers`. */
function serversIn(value: JsonValue): JsonObject | null {
  const top = objectOf(value);
  const own = objectOf(top?.['mcpServers']) ?? objectOf(top?.['servers']);
  return own ?? objectOf(objectOf(top?.['mcp'])?.['servers']);
}

const objectOf = (value: JsonValue | undefined): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;

/** Our key for what clients call so. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['command', 'command'],
  ['args', 'args'],
  ['env', 'env'],
  ['cwd', 'cwd'],
  ['headers', 'headers'],
  ['url', 'url'],
  ['serverUrl', 'url'],
  ['httpUrl', 'url'],
]);
/** What only means something to the client, or asks less of its user: the policy decides here. */
const CLIENTS_OWN = new Set([
  'name',
  'description',
  'gallery',
  'version',
  'dev',
  'icon',
  'enabled',
  'disabled',
  'autoApprove',
  'alwaysAllow',
  'disabledTools',
  'includeTools',
  'excludeTools',
  'trust',
  'timeout',
  'initTimeout',
  'toolTimeout',
  'watchPaths',
  'metadata',
]);
const REMARKED = new Set([
  'autoApprove',
  'alwaysAllow',
  'disabledTools',
  'includeTools',
  'excludeTools',
  'trust',
]);

function serverOf(name: string, entry: JsonValue, taking: Taking): JsonObject | null {
  const given = objectOf(entry);
  if (given === null) throw new Failure(`the server \`${name}\` is no object`, 'correct the file');
  if (given['disabled'] === true || given['enabled'] === false) {
    taking.notes.push(`\`${name}\` is switched off in the client and was left out`);
    return null;
  }
  const own: { [key: string]: JsonValue } = {};
  for (const [key, value] of Object.entries(given)) {
    const same = SAME.get(key);
    if (same !== undefined) own[same] = translated(value, taking);
    else if (key === 'type') Object.assign(own, typeOf(name, value));
    else if (key !== 'envFile' && !CLIENTS_OWN.has(key))
      throw new Failure(
        `the server \`${name}\` has \`${key}\`, which cannot be taken over`,
        'remove it from the file and set it up by hand',
      );
    if (REMARKED.has(key))
      taking.notes.push(`\`${key}\` of \`${name}\` was left out: write it as rules of the policy`);
  }
  const { envFile } = given;
  if (envFile !== undefined) own['env'] = { ...fromEnvFile(name, envFile, taking), ...objectOf(own['env']) };
  return own;
}

function typeOf(name: string, type: JsonValue): JsonObject {
  switch (type) {
    case 'stdio':
      return {};
    case 'http':
    case 'streamable-http':
    case 'streamableHttp':
      return { type: 'http' };
    default:
      throw new Failure(
        `the server \`${name}\` is of type ${JSON.stringify(type)}`,
        'use its Streamable HTTP endpoint',
      );
  }
}

/** Every text in it, with the client's substitutions in our form. */
function translated(value: JsonValue, taking: Taking): JsonValue {
  if (typeof value === 'string') return text(value, taking);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map((one: JsonValue) => translated(one, taking));
  if (value === null) return '';
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, translated(one, taking)]));
}

function text(value: string, taking: Taking): string {
  let out = '';
  let from = 0;
  for (let open = value.indexOf('${'); open >= 0; open = value.indexOf('${', from)) {
    const close = value.indexOf('}', open);
    if (close < 0) break;
    out += value.slice(from, open) + substituted(value.slice(open + 2, close), taking);
    from = close + 1;
  }
  return out + value.slice(from);
}

function substituted(inner: string, { folder, notes }: Taking): string {
  const [kind = '', ...rest] = inner.split(':');
  const name = rest.join(':');
  switch (kind) {
    case 'workspaceFolder':
      return workspaceOf(folder);
    case 'userHome':
      return homedir();
    case 'pathSeparator':
    case '/':
      return '/';
    case 'env':
      return `\${env:${name}}`;
    case 'input': {
      const variable = variableOf(name);
      notes.push(
        `what the client asks you for (\`${name}\`) is read from the environment variable ${variable}`,
      );
      return `\${env:${variable}}`;
    }
    default: {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(kind))
        throw new Failure(
          `\`\${${inner}}\` means something to the client only`,
          'write the value, or `${env:NAME}`, into the file',
        );
      if (name !== '') notes.push(`the default of \`\${${inner}}\` was left out: ${kind} must be set`);
      return `\${env:${kind}}`;
    }
  }
}

const variableOf = (name: string): string =>
  name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_');

/** The file of a workspace stands in it, or in a folder of its client's. */
function workspaceOf(folder: string): string {
  const last = folder.split('/').at(-1) ?? '';
  return last.startsWith('.') ? dirname(folder) : folder;
}

/** `NAME=value` a line, quotes and comments as dotenv has them. The values stay where they are. */
function fromEnvFile(server: string, given: JsonValue, taking: Taking): { readonly [name: string]: string } {
  const named = typeof given === 'string' ? text(given, taking) : '';
  const path = isAbsolute(named) ? named : resolve(workspaceOf(taking.folder), named);
  const found: { [name: string]: string } = {};
  for (const line of readText(path, `the server \`${server}\` names it as its \`envFile\``).split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/.exec(line);
    if (match === null) continue;
    const [, name = '', raw = ''] = match;
    const value = raw.trim();
    const quoted = /^(["'])(.*)\1/.exec(value)?.[2];
    taking.env[name] = quoted ?? value.replace(/\s+#.*$/, '');
    found[name] = `\${env:${name}}`;
  }
  taking.notes.push(
    `the variables of ${path} must be set where the gateway runs: ${Object.keys(found).join(', ')}`,
  );
  return found;
}

/** VS Code takes comments and commas at ends. */
function withoutComments(source: string): string {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source.charAt(i);
    if (c === '"') {
      const end = endOfText(source, i);
      out += source.slice(i, end);
      i = end - 1;
    } else if (c === '/' && source[i + 1] === '/') {
      while (i < source.length && source[i] !== '\n') i++;
      out += '\n';
    } else if (c === '/' && source[i + 1] === '*') {
      const end = source.indexOf('*/', i + 2);
      i = end < 0 ? source.length : end + 1;
    } else out += c;
  }
  return withoutLastCommas(out);
}

function withoutLastCommas(source: string): string {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source.charAt(i);
    if (c === '"') {
      const end = endOfText(source, i);
      out += source.slice(i, end);
      i = end - 1;
    } else if (c !== ',' || !/^[\s]*[}\]]/.test(source.slice(i + 1, i + 1 + 10_000))) out += c;
  }
  return out;
}

/** Where the text that begins at `start` is over. */
function endOfText(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '"') return i + 1;
  }
  return source.length;
}
