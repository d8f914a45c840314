// SPDX-License-Identifier: Apache-2.0
/** Locks for the policies of the design, from the arguments that they use. */
import { tool, type ToolDefinition } from './policy.js';

const text = { type: 'string' };

const FILES = [tool('read_file', { path: text }), tool('write_file', { path: text, content: text })];
export const DESIGN_LOCKS: {
  readonly [name: string]: { readonly [server: string]: readonly ToolDefinition[] };
} = {
  content: { fs: [...FILES, tool('delete_file', { path: text })] },
  records: {
    fs: FILES,
    lake: [tool('read_file', { path: text })],
    crm: [tool('delete_record', { id: text })],
  },
  vaults: { fs: FILES },
  runtime: {
    art: [tool('generate_image', { prompt: text })],
    bank: [
      tool('read_transactions', { account: text }),
      tool('create_report', { month: text }),
      tool('delete_report', { id: text, 'reason?': text }),
    ],
    ci: ['deploy_web', 'deploy_api'].map((name) => tool(name, { env: { enum: ['staging', 'production'] } })),
    db: [tool('read_database', { query: text })],
    mail: [tool('send_email', { to: text, body: text })],
    pay: [tool('transfer', { to: text, amount: { type: 'number' }, currency: text })],
    web: [tool('http_request', { url: text })],
  },
};
