// SPDX-License-Identifier: Apache-2.0
/**
 * `NAME.rules.json` of a bundle: the checked rules and the schemas that they were checked against, by which a later policy can be
 * compared with the bundle (`sepal build --against`). Its hash stands in the manifest. Nothing decides by it.
 */
import type { Side } from '../compiler/analyze/differ.js';
import type { Compiled } from '../compiler/compile.js';
import type { PolicyIr } from '../compiler/ir.js';
import type { PinnedTool } from '../compiler/lock.js';
import { argumentCheck } from '../runtime/gateway/validate.js';
import { canonical, type JsonObject, type JsonValue } from '../runtime/verify/format/canonical.js';
import { digest } from '../runtime/verify/format/hash.js';
import { isBundle, openBundle } from './compiled.js';
import { Failure } from './failure.js';
import { readText } from './files.js';

const FORMAT = 'sepal-rules/1';

/** Without what it claims about itself, and without places in its source. */
export function rulesText({ ir, lock }: Pick<Compiled, 'ir' | 'lock'>): string {
  const { claims: _, ...rules } = ir;
  const tools = lock.tools.map(({ server, name, inputSchema }) => ({ server, name, inputSchema }));
  return `${canonical(placeless({ format: FORMAT, ir: rules, tools }))}\n`;
}

/** As JSON has it: what is undefined is not there. */
function placeless(value: unknown): JsonValue {
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  if (Array.isArray(value)) return (value as readonly unknown[]).map(placeless);
  const kept: { [key: string]: JsonValue } = Object.create(null);
  for (const [key, member] of Object.entries(value))
    if (key !== 'span' && member !== undefined) kept[key] = placeless(member);
  return kept;
}

export const rulesFile = (bundle: string): string =>
  `${bundle.replace(/(\.manifest\.json|\.js)$/, '')}.rules.json`;

/** A bundle as the prover asks it: its rules by the file, its decisions by its module. A signature must fit. */
export async function bundleSide(path: string): Promise<Side> {
  if (!isBundle(path)) throw new Failure(`${path} is no bundle`, 'name NAME.manifest.json');
  const { module, manifest } = await openBundle(path, { publishers: [], now: 0 });
  const file = rulesFile(path);
  const text = readText(file, '`sepal build` of this release writes it; build the old policy again');
  if (digest(text) !== manifest.rules) {
    throw new Failure(
      `${file} is not the one that ${path} names`,
      'take all files of the bundle from the same build',
    );
  }
  // The hash is that of the manifest: these are the bytes that `sepal build` wrote.
  const { ir, tools } = JSON.parse(text) as { readonly ir: PolicyIr; readonly tools: readonly PinnedTool[] };
  const checks = new Map(
    tools.map(({ server, name, inputSchema }) => {
      const check = argumentCheck({ name, inputSchema } as JsonObject);
      return [JSON.stringify([server, name]), check] as const;
    }),
  );
  const fits: Side['engine']['fits'] = (server, tool, args) => {
    const check = checks.get(JSON.stringify([server, tool]));
    return check === undefined ? 'it is not pinned' : check(args as JsonObject);
  };
  return {
    subject: { ir, tools },
    engine: { ir, fits, decide: (request, facts) => module.decide(request, facts, 'call').effect },
  };
}
