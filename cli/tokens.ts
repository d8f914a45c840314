// SPDX-License-Identifier: Apache-2.0
/** The token verbs: through the control socket while a gateway runs, on the file itself otherwise. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../runtime/config.js';
import { createTokenAt, listTokens, revokeTokenAt, rotateTokenAt } from '../runtime/control/calls.js';
import { type TokenView, viewToken } from '../runtime/control/methods.js';
import { ControlError } from '../runtime/control/protocol.js';
import { readTokenFile, writeTokenFile } from '../runtime/decide/token-file.js';
import { createToken, revokeToken, rotateToken, type TokenSpec } from '../runtime/decide/tokens.js';
import { Failure } from './failure.js';

export interface TokenBook {
  list(): Promise<readonly TokenView[]>;
  create(spec: TokenSpec): Promise<{ readonly token: string; readonly id: string }>;
  rotate(id: string): Promise<string>;
  revoke(id: string): Promise<void>;
}

export function tokenBook(config: Config): TokenBook {
  const file = config.identity.tokens;
  if (file === null) {
    throw new Failure('sepal.json has no token file', 'add `"identity": { "tokens": "tokens.json" }`');
  }
  const path = config.control;
  return {
    list: () =>
      either(
        () => listTokens(path),
        () => readTokenFile(file).map(viewToken),
      ),
    create: (spec) =>
      either(
        async () => {
          const { token, entry } = await createTokenAt(path, spec);
          return { token, id: entry.id };
        },
        () => {
          const { token, entry } = createToken(spec, randomBytes);
          writeTokenFile(file, [...readTokenFile(file), entry]);
          return { token, id: entry.id };
        },
      ),
    rotate: (id) =>
      either(
        async () => (await rotateTokenAt(path, id)).token,
        () => {
          const { token, tokens } = rotateToken(readTokenFile(file), id, randomBytes);
          writeTokenFile(file, tokens);
          return token;
        },
      ),
    revoke: (id) =>
      either(
        async () => void (await revokeTokenAt(path, id)),
        () => writeTokenFile(file, revokeToken(readTokenFile(file), id)),
      ),
  };
}

/** A gateway that runs must learn of the change itself; only when surely none runs is the file touched. */
async function either<T>(running: () => Promise<T>, alone: () => T): Promise<T> {
  try {
    return await running();
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not_running') return alone();
    throw error;
  }
}
