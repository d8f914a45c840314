// SPDX-License-Identifier: Apache-2.0
/** Policies for the prover in tests: checked, compiled and loaded, with the real check of arguments. */
import type { Side } from '../../compiler/analyze/differ.js';
import { prove, type Proofs } from '../../compiler/analyze/prove.js';
import { emit } from '../../compiler/emit.js';
import { argumentCheck } from '../../runtime/gateway/validate.js';
import type { JsonObject } from '../../runtime/verify/format/canonical.js';
import { loadOnce } from './emitted.js';
import { checkText, policy } from './policy.js';
import { SHOP_LOCK } from './shop.js';

interface Pinned {
  readonly servers: {
    readonly [server: string]: {
      readonly tools: { readonly [tool: string]: { readonly definition: JsonObject } };
    };
  };
}

/** Checks arguments as the gateway does. */
export function fitsOf(lock: string): Side['engine']['fits'] {
  const { servers } = JSON.parse(lock) as Pinned;
  const checks = new Map<string, ReturnType<typeof argumentCheck>>();
  return (server, tool, args) => {
    const definition = servers[server]?.tools[tool]?.definition;
    if (definition === undefined) return 'not pinned';
    const key = `${server}/${tool}`;
    const check = checks.get(key) ?? argumentCheck(definition);
    checks.set(key, check);
    return check(args as JsonObject);
  };
}

/** `text` is a whole policy, or what stands below the usual header. */
export function sideOf(text: string, lock = SHOP_LOCK): Side & { readonly steps: number } {
  const whole = text.startsWith('sep 1') ? text : policy(text);
  const { output, diagnostics } = checkText(whole, lock);
  if (output === null) throw new Error(`${JSON.stringify(diagnostics.map((d) => d.message))}\n${text}`);
  const { ir } = output;
  const { js, steps } = emit(ir);
  const module = loadOnce(js);
  return {
    subject: { ir, tools: output.lock.tools },
    engine: {
      ir,
      fits: fitsOf(lock),
      decide: (request, facts) => module.decide(request, facts, 'call').effect,
    },
    steps,
  };
}

export function proofsOf(
  text: string,
  others: { readonly [path: string]: string } = {},
  lock = SHOP_LOCK,
): Proofs {
  const { subject, engine, steps } = sideOf(text, lock);
  const open = (path: string): Side | string => {
    const other = others[path];
    return other === undefined ? `there is no ${path}` : sideOf(other, lock);
  };
  return prove(subject, { engine, steps, open });
}
