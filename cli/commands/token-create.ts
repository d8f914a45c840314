// SPDX-License-Identifier: Apache-2.0
import type { JsonValue } from '../../runtime/verify/format/canonical.js';
import { parseStrict } from '../../runtime/verify/format/json.js';
import { parseDuration } from '../../runtime/config-schema.js';
import { defineCommand, required } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openConfig } from '../project.js';
import { tokenBook } from '../tokens.js';

export const command = defineCommand({
  usage: 'token create --principal agent:NAME [options]',
  about:
    'Makes a bearer token. The token is printed once on stdout and kept nowhere; the file holds its hash.',
  options: {
    principal: { type: 'string', value: 'PRINCIPAL', help: 'who the holder is, e.g. agent:writer' },
    roles: { type: 'string', value: 'A,B', help: 'roles of the principal' },
    for: {
      type: 'string',
      value: 'PRINCIPAL',
      help: 'the user on whose behalf the holder acts, e.g. user:dana',
    },
    'user-roles': { type: 'string', value: 'A,B', help: 'roles of that user' },
    'act-as': {
      type: 'string',
      multiple: true,
      value: 'PATTERN',
      help: 'may claim these principals too, e.g. agent:copy-*',
    },
    ceiling: {
      type: 'string',
      multiple: true,
      value: 'ACTION',
      help: 'deny everything else, whatever the policy grants, e.g. "fs/read_*"',
    },
    claim: {
      type: 'string',
      multiple: true,
      value: 'NAME=VALUE',
      help: 'a value for facts `from claim.NAME`: JSON, or text',
    },
    expires: {
      type: 'string',
      value: 'WHEN',
      help: 'a time (2026-12-31T00:00:00Z) or a duration from now (30d)',
    },
    config: { type: 'string', value: 'FILE', help: 'the configuration (default sepal.json)' },
    json: { type: 'boolean', help: 'print { "id", "token" }' },
  },
  run: async ({ values }, io) => {
    const user = values.for;
    if (user === undefined && values['user-roles'] !== undefined) {
      throw new Failure('`--user-roles` needs `--for`', 'say on whose behalf: `--for user:dana`');
    }
    const made = await tokenBook(openConfig(values.config, io)).create({
      principal: required('principal', values.principal, 'agent:writer'),
      roles: words(values.roles),
      actAs: values['act-as'],
      onBehalfOf: user === undefined ? null : { id: user, roles: words(values['user-roles']) },
      ceiling: values.ceiling.length === 0 ? null : { actions: values.ceiling },
      ...(values.claim.length === 0 ? {} : { claims: Object.fromEntries(values.claim.map(claim)) }),
      expires: values.expires === undefined ? null : instant(values.expires, io.now()),
    });
    io.out(values.json ? `${JSON.stringify(made)}\n` : `${made.token}\n`);
    io.err(`token ${made.id}: it is shown this once only\n`);
    return EXIT.ok;
  },
});

export const words = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** `region=eu`: JSON where it is such, else text. */
function claim(text: string): readonly [string, JsonValue] {
  const at = text.indexOf('=');
  if (at < 1) throw new Failure(`\`--claim ${text}\` has no value`, 'write `--claim region=eu`');
  const value = text.slice(at + 1);
  const parsed = parseStrict(value);
  return [text.slice(0, at), parsed.ok ? parsed.value : value];
}

function instant(text: string, now: number): string {
  const duration = parseDuration(text);
  const ms = duration === null ? Date.parse(text) : now + duration;
  if (Number.isNaN(ms)) {
    throw new Failure(
      `\`--expires ${text}\` is not a time`,
      'write 2026-12-31T00:00:00Z, or a duration such as 30d',
    );
  }
  if (ms <= now) throw new Failure(`\`--expires ${text}\` is in the past`, 'name a time to come');
  return new Date(ms).toISOString();
}
