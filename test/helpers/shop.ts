// SPDX-License-Identifier: Apache-2.0
/** The pinned tools that tests of the compiler and the pages of docs/errors speak of. */
import { lockText, tool } from './policy.js';

const text = { type: 'string' };

const item = {
  type: 'object',
  required: ['sku', 'amount', 'parts'],
  properties: {
    sku: text,
    amount: { type: 'number' },
    note: text,
    due: { type: 'string', format: 'date-time' },
    parts: { type: 'array', items: { type: 'object', required: ['id'], properties: { id: text } } },
  },
};

export const SHOP_LOCK = lockText({
  desk: [
    tool('order', {
      items: { type: 'array', items: item },
      site: text,
      due: { type: 'string', format: 'date-time' },
    }),
  ],
  fs: [
    tool('delete_file', { path: text }, { destructiveHint: true }),
    tool(
      'list_directory',
      { path: text, 'depth?': { type: 'integer' }, 'sort?': { enum: ['name', 'size'] } },
      { readOnlyHint: true },
    ),
    tool('read_file', { path: text }, { readOnlyHint: true }),
    tool('write_file', { path: text, content: text }),
  ],
  mail: [
    tool('send_email', {
      to: text,
      body: text,
      'cc?': { type: 'array', items: text },
      'extra?': {},
      'options?': { type: 'object' },
    }),
  ],
  pay: [
    tool('transfer', {
      to: text,
      amount: { type: 'number' },
      currency: { enum: ['EUR', 'USD'] },
      tags: { type: 'array', items: text },
      'reason?': { type: ['string', 'null'] },
      'reference?': { type: ['string', 'integer'] },
    }),
  ],
  web: [tool('fetch', { url: text, 'headers?': { type: 'object', additionalProperties: text } })],
});
