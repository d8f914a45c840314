// SPDX-License-Identifier: Apache-2.0
/** TLS of the HTTP front: certificate and key from files, taken up again when they are replaced. */
import { readFileSync, statSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsConfig } from '../../config-tls.js';

/** How often the files are looked at, in milliseconds. */
const LOOK_EVERY = 10_000;
const READABLE_BY_ALL = 0o004;

/** The server; fails with one clear sentence where it could not serve. `say` is told what became of replaced files. */
export function tlsServer(
  files: TlsConfig,
  options: ServerOptions,
  serve: RequestListener,
  say: (line: string) => void,
  lookEvery = LOOK_EVERY,
): Server {
  const server = createServer({ ...options, ...contextOf(files) }, serve);
  let seen = changedAt(files);
  const looking = setInterval(() => {
    const now = changedAt(files);
    if (now === seen) return;
    seen = now;
    try {
      server.setSecureContext(contextOf(files));
      say('the TLS certificate was replaced');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(`warning: ${why}; the TLS certificate from before is still in use`);
    }
  }, lookEvery);
  looking.unref();
  server.once('close', () => clearInterval(looking));
  return server;
}

function contextOf(files: TlsConfig): SecureContextOptions {
  if (((statSync(files.key, { throwIfNoEntry: false })?.mode ?? 0) & READABLE_BY_ALL) !== 0)
    throw new Error(`everybody may read the TLS key ${files.key}: take that right away with \`chmod o-r\``);
  const context: SecureContextOptions = {
    cert: contents('certificate', files.cert),
    key: contents('key', files.key),
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(context);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `\`listen.tls\`: ${files.cert} and ${files.key} are not a certificate and its key in PEM form (${why})`,
    );
  }
  return context;
}

function contents(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot read the TLS ${what} ${path}: ${why}`);
  }
}

/** Of both files; a file that is not there for a moment has no time. */
const changedAt = (files: TlsConfig): string =>
  [files.cert, files.key]
    .map((path) => {
      const at = statSync(path, { throwIfNoEntry: false });
      return at === undefined ? 'gone' : `${at.mtimeMs} ${at.size} ${at.ino}`;
    })
    .join(', ');
