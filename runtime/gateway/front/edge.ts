// SPDX-License-Identifier: Apache-2.0
/** What an HTTP request must be before anyone asks who sent it: the right host, no foreign page behind it, no header twice. */
import type { IncomingMessage } from 'node:http';
import { isLoopback, type ListenConfig } from '../../config.js';
import { Parts } from '../wire/parts.js';

const SINGLE = [
  'host',
  'origin',
  'authorization',
  'content-type',
  'content-length',
  'mcp-session-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'x-agent-principal',
];

/** Why the request is refused before authentication, or null. */
export function edgeFault(
  request: IncomingMessage,
  listen: ListenConfig,
): { readonly status: number; readonly message: string } | null {
  const seen = new Set<string>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = (request.rawHeaders[i] ?? '').toLowerCase();
    if ((SINGLE.includes(name) || name.startsWith('mcp-param-')) && seen.has(name))
      return { status: 400, message: `the header \`${name}\` stands twice` };
    seen.add(name);
  }
  if (!hostAllowed(request.headers.host, listen))
    return { status: 403, message: 'this host name is not served here' };
  const { origin } = request.headers;
  if (origin !== undefined && !originAllowed(origin, listen)) {
    return { status: 403, message: 'this origin is not allowed (`listen.allowedOrigins`)' };
  }
  return null;
}

function hostAllowed(header: string | undefined, listen: ListenConfig): boolean {
  const host = hostName(`http://${header ?? ''}`);
  if (host === null) return false;
  if (listen.publicUrl !== null && host === hostName(listen.publicUrl)) return true;
  const own = listen.http?.host ?? '';
  if (isLoopback(own)) return isLoopback(host);
  return host === own || listen.publicUrl === null;
}

function originAllowed(origin: string, listen: ListenConfig): boolean {
  if (listen.allowedOrigins.includes(origin)) return true;
  const host = hostName(origin);
  return host !== null && isLoopback(host) && isLoopback(listen.http?.host ?? '');
}

/** The host name of an http URL without brackets; null when it is none. */
function hostName(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') return null;
  return parsed.username === '' && parsed.hostname !== '' ? parsed.hostname.replace(/^\[|\]$/g, '') : null;
}

/** Where the request comes from, for limits and events. Behind a proxy that we were told of: the hop that it names last. */
export function sourceOf(request: IncomingMessage, listen: ListenConfig): string {
  const forwarded = listen.trustProxy ? request.headers['x-forwarded-for'] : undefined;
  const last = typeof forwarded === 'string' ? forwarded.split(',').at(-1)?.trim() : undefined;
  return last === undefined || last === '' ? (request.socket.remoteAddress ?? 'unknown') : last.slice(0, 64);
}

export const mediaType = (header: string | undefined): string =>
  (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Does `Accept` take this media type? Absent means all. */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return true;
  const family = `${type.split('/')[0]}/*`;
  return header.split(',').some((part) => [type, family, '*/*'].includes(mediaType(part)));
}

export interface Body {
  /** As they came: a long body is not copied together here. */
  readonly parts: readonly Buffer[];
  readonly size: number;
}

/** The body, or null when it passes the cap. Read by its events: iterating over a request costs more than most bodies. */
export async function readBody(request: IncomingMessage, cap: number): Promise<Body | null> {
  if (Number(request.headers['content-length'] ?? 0) > cap) return null;
  return new Promise((resolve, reject) => {
    const body = new Parts();
    request.on('data', (chunk: Buffer) => {
      if (body.size + chunk.length <= cap) body.add(chunk);
      else {
        resolve(null);
        request.destroy();
      }
    });
    request.once('end', () => resolve({ size: body.size, parts: body.take() }));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('the request broke off'));
    });
  });
}
