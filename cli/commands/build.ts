// SPDX-License-Identifier: Apache-2.0
import { basename, dirname, join, resolve } from 'node:path';
import type { Compiled } from '../../compiler/compile.js';
import { differ } from '../../compiler/analyze/differ.js';
import { signedText } from '../../runtime/decide/signature.js';
import { loadKey } from '../../runtime/log/index.js';
import { digest } from '../../runtime/verify/format/hash.js';
import { isKeyName } from '../../runtime/verify/format/note.js';
import { changeLines } from '../changes.js';
import { compilePolicy, isBundle, type Policy, policyOrFail } from '../compiled.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { replaceFile } from '../files.js';
import { ANY_DAY, dayOf, dayOption, policyPath, shortPath } from '../sources.js';
import { sideOf } from '../proving.js';
import { bundleSide, rulesText } from '../rules-file.js';
import type { Io } from '../terminal.js';

export const command = defineCommand({
  usage:
    'build [POLICY] [--out FOLDER] [--sign KEY [--publisher NAME] [--expires DAY]] [--against OLD [--accept-widening]] [--today DAY]',
  about:
    'Compiles a policy: NAME.ts to read, NAME.js (no imports) to load, NAME.rules.json to compare with, NAME.manifest.json with the hashes of source, module,\ncompiler and pinned tools. The same input gives the same bytes, signed or not.\nWith --against nothing is written, and exit 6, where the policy allows more than OLD.',
  options: {
    out: { type: 'string', value: 'FOLDER', help: 'where to write (default: beside the policy)' },
    sign: {
      type: 'string',
      value: 'KEY',
      help: 'sign the bundle with this key of a publisher (`sepal keygen publisher`)',
    },
    publisher: { type: 'string', value: 'NAME', help: 'name of that key (default publisher)' },
    expires: { type: 'string', value: 'DAY', help: 'the last day on which who trusts it loads the bundle' },
    against: {
      type: 'string',
      value: 'OLD',
      help: 'a policy (.sep) or a bundle, signed or not, that this one must not be wider than',
    },
    'accept-widening': { type: 'boolean', help: 'build although it is wider; the changes are printed' },
    today: {
      type: 'string',
      value: 'DAY',
      help: 'the day with which `shadow until` is compared (default: today)',
    },
  },
  takes: ['POLICY?'],
  run: async ({ values, rest }, io) => {
    const path = await policyPath(rest[0], io);
    const policy = policyOrFail(await compilePolicy(path, io, dayOf(values.today)), io);
    const { compiled } = policy;
    if (
      values.against !== undefined &&
      !(await isNarrow(policy, values.against, io)) &&
      !values['accept-widening']
    ) {
      throw new Failure(
        `the policy allows more than ${values.against}: nothing is written`,
        'read the changes above; where they are meant, add `--accept-widening`',
        EXIT.differs,
      );
    }
    const rules = rulesText(compiled);
    const manifest = signed(
      { ...compiled, manifest: { ...compiled.manifest, rules: digest(rules) } },
      values,
      io,
    );
    const folder = values.out === undefined ? dirname(path) : resolve(io.cwd, values.out);
    const name = basename(path).replace(/\.sep$/, '');
    const files: readonly (readonly [string, string])[] = [
      [`${name}.ts`, compiled.ts],
      [`${name}.js`, compiled.js],
      [`${name}.rules.json`, rules],
      [`${name}.manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`],
    ];
    for (const [file, text] of files) {
      const target = join(folder, file);
      replaceFile(target, text);
      io.out(`${shortPath(target, io)}\n`);
    }
    return EXIT.ok;
  },
});

interface Signing {
  readonly sign: string | undefined;
  readonly publisher: string | undefined;
  readonly expires: string | undefined;
}

/** The manifest, with a publisher's signature where one is asked for. */
function signed({ manifest, ts }: Compiled, { sign, publisher, expires }: Signing, io: Io): object {
  if (sign === undefined) {
    const stray = publisher !== undefined ? 'publisher' : expires !== undefined ? 'expires' : null;
    if (stray === null) return manifest;
    throw new Failure(`\`--${stray}\` is said of a signature, and there is none`, 'add `--sign KEY`');
  }
  const name = publisher ?? 'publisher';
  if (!isKeyName(name)) throw new Failure(`\`${name}\` cannot name a key`, 'use no white space and no `+`');
  const key = loadKey(resolve(io.cwd, sign), name);
  const day = dayOption('expires', expires) ?? null;
  const signature = { key: key.vkey, expires: day, readable: digest(ts) };
  const value = key.sign(signedText(manifest, signature)).toString('base64');
  return { ...manifest, signature: { ...signature, value } };
}

/** Prints what the policy widens; true where it widens nothing. */
async function isNarrow(policy: Policy, against: string, io: Io): Promise<boolean> {
  const old = isBundle(against)
    ? await bundleSide(resolve(io.cwd, against))
    : sideOf(policyOrFail(await compilePolicy(await policyPath(against, io), io, ANY_DAY), io));
  const { widened, notes } = differ(old, sideOf(policy));
  for (const line of [...changeLines('widened', widened), ...notes.map((note) => `note: ${note}`)])
    io.err(`${line}\n`);
  return widened.length === 0 && notes.length === 0;
}
