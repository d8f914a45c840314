// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP headers that repeat parts of the body (2026-07-28): whoever decides by one of them must be able to trust that it says what the body says.
 * Read here for clients, written here for servers.
 */
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import { isObject } from '../wire/message.js';
import { claimed, type Fault, HEADER_MISMATCH } from './envelope.js';

/** As Node gives them: lower-case names. */
export type Headers = { readonly [name: string]: string | readonly string[] | undefined };

/** Where a request has the name that `Mcp-Name` repeats. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);
const OPEN = '=?base64?';
const CLOSE = '?=';
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const MAX_DECLARED = 64;
const MAX_DEPTH = 16;

const mismatch = (message: string): Fault => ({ code: HEADER_MISMATCH, message });

/** Does a header disagree with the body, or is one missing? `definition` is that of the tool which is called. */
export function headerFault(
  headers: Headers,
  method: string,
  params: JsonObject,
  definition: JsonObject | null,
): Fault | null {
  if (headers['mcp-protocol-version'] !== claimed(params))
    return mismatch('the header `MCP-Protocol-Version` is not the revision that the body names');
  if (headers['mcp-method'] !== method)
    return mismatch('the header `Mcp-Method` is not the method of the body');
  const member = NAMED.get(method);
  const name = member === undefined ? undefined : params[member];
  if (typeof name === 'string' && decode(headers['mcp-name']) !== name)
    return mismatch(`the header \`Mcp-Name\` is not the \`${member}\` of the body`);
  return definition === null ? null : parameterFault(headers, params, definition);
}

function parameterFault(headers: Headers, params: JsonObject, definition: JsonObject): Fault | null {
  for (const { path, header } of declared(definition)) {
    const value = primitive(at(params['arguments'], path));
    if (value === null) continue;
    const sent = decode(headers[`mcp-param-${header.toLowerCase()}`]);
    const equal =
      sent === value.text || (value.number !== null && numeric(sent) && Number(sent) === value.number);
    if (!equal)
      return mismatch(`the header \`Mcp-Param-${header}\` is not the argument \`${path.join('.')}\``);
  }
  return null;
}

interface Declared {
  readonly path: readonly string[];
  /** Without the prefix. */
  readonly header: string;
}

/** The arguments that a tool's schema marks with `x-mcp-header`; what is marked wrongly is none. */
export function declared(definition: JsonObject): readonly Declared[] {
  const found: Declared[] = [];
  const visit = (schema: JsonValue | undefined, path: readonly string[]): void => {
    if (!isObject(schema) || path.length > MAX_DEPTH || found.length >= MAX_DECLARED) return;
    const header = schema['x-mcp-header'];
    if (typeof header === 'string' && path.length > 0 && TOKEN.test(header)) found.push({ path, header });
    if (!isObject(schema['properties'])) return;
    for (const [key, member] of Object.entries(schema['properties'])) visit(member, [...path, key]);
  };
  visit(definition['inputSchema'], []);
  return found;
}

/** The headers of a request to a server. `definition` as above. */
export function headersFor(
  revision: string,
  method: string,
  params: JsonObject,
  definition: JsonObject | null,
): { readonly [name: string]: string } {
  const member = NAMED.get(method);
  const name = member === undefined ? undefined : params[member];
  const own: { [name: string]: string } = { 'mcp-protocol-version': revision, 'mcp-method': method };
  if (typeof name === 'string') own['mcp-name'] = encode(name);
  for (const { path, header } of definition === null ? [] : declared(definition)) {
    const value = primitive(at(params['arguments'], path));
    if (value !== null) own[`mcp-param-${header.toLowerCase()}`] = encode(value.text);
  }
  return own;
}

function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let found = value;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

/** What a header can repeat: texts, numbers and booleans. */
function primitive(
  value: JsonValue | undefined,
): { readonly text: string; readonly number: number | null } | null {
  switch (typeof value) {
    case 'string':
      return { text: value, number: null };
    case 'number':
      return { text: String(value), number: value };
    case 'boolean':
      return { text: String(value), number: null };
    default:
      return null;
  }
}

const numeric = (text: string | null): text is string =>
  text !== null && text.length <= 40 && /^-?\d+(?:\.\d+)?$/.test(text);

/** Printable ASCII without spaces at its ends goes as it is, everything else in Base64. */
export function encode(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
  return plain && !(value.startsWith(OPEN) && value.endsWith(CLOSE))
    ? value
    : `${OPEN}${Buffer.from(value, 'utf8').toString('base64')}${CLOSE}`;
}

/** The value that a header stands for; null when there is none, or none that can be read in one way. */
export function decode(header: string | readonly string[] | undefined): string | null {
  if (typeof header !== 'string') return null;
  const value = header.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
  if (!value.startsWith(OPEN) || !value.endsWith(CLOSE) || value.length < OPEN.length + CLOSE.length)
    return value;
  const inner = value.slice(OPEN.length, -CLOSE.length);
  const bytes = Buffer.from(inner, 'base64');
  const text = bytes.toString('utf8');
  return bytes.toString('base64') === inner && Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}
