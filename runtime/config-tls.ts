// SPDX-License-Identifier: Apache-2.0
/** `listen.tls` of sepal.json. */
import { resolve } from 'node:path';
import { z } from 'zod';

export const tlsSchema = z.strictObject({ cert: z.string().min(1), key: z.string().min(1) });

/** Absolute paths of files in PEM form: a chain of certificates, and the key of the first. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
}

export const tlsConfig = (dir: string, tls: z.output<typeof tlsSchema> | null): TlsConfig | null =>
  tls === null ? null : { cert: resolve(dir, tls.cert), key: resolve(dir, tls.key) };

/** Is what passes a listener off this machine encrypted, by itself or by a proxy in front of it? */
export const hasTls = (listen: { readonly trustProxy: boolean; readonly tls: object | null }): boolean =>
  listen.trustProxy || listen.tls !== null;
export const TLS_HELP =
  'listen on 127.0.0.1, set `listen.tls`, or put a TLS proxy in front and set `listen.trustProxy: true`';
