// SPDX-License-Identifier: Apache-2.0
// A token issuer for tests: keys of several kinds, tokens of any shape, and a JWKS endpoint that counts who asks.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';

export interface IssuedKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly spki: string;
}

export async function issuedKey(kid: string, alg = 'ES256'): Promise<IssuedKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, jwk, spki: await exportSPKI(publicKey) };
}

export interface Issuer {
  readonly url: string;
  /** What the endpoint answers. */
  keys: readonly JWK[];
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  readonly asked: () => number;
  close(): Promise<void>;
}

/** `metadata` answers for what is asked of the issuer besides its keys; given the path. */
export async function issuer(
  keys: readonly JWK[],
  metadata?: (path: string, base: string) => { readonly status?: number; readonly body: unknown } | null,
): Promise<Issuer> {
  let asked = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (metadata !== undefined && path.includes('.well-known')) {
      const found = metadata(path, `http://${request.headers.host}`);
      response.writeHead(found === null ? 404 : (found.status ?? 200), {
        'content-type': 'application/json',
      });
      return response.end(JSON.stringify(found?.body ?? {}));
    }
    asked++;
    if (own.answer !== null) return own.answer(request, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: own.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own: Issuer = {
    url: `http://127.0.0.1:${port}/jwks`,
    keys,
    answer: null,
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return own;
}

export const ISSUER = 'https://id.example.com';
export const AUDIENCE = 'https://gw.example.com/mcp';

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** Claims of a good token. */
export const claims = (more: object = {}): { readonly [name: string]: unknown } => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'dana',
  act: { sub: 'reporter' },
  client_id: 'desk',
  exp: nowSeconds() + 300,
  ...more,
});

export function signed(key: IssuedKey, payload: object = claims(), header: object = {}): Promise<string> {
  return new SignJWT({ ...payload })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}
