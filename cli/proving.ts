// SPDX-License-Identifier: Apache-2.0
/** A compiled policy as the prover asks it. */
import { dirname, resolve } from 'node:path';
import type { Side } from '../compiler/analyze/differ.js';
import type { ProofHost } from '../compiler/analyze/prove.js';
import type { Question } from '../compiler/analyze/witness.js';
import { compilePolicy, type Policy } from './compiled.js';
import { Failure } from './failure.js';
import { exists } from './files.js';
import { rootPolicy } from './sources.js';
import type { Io } from './terminal.js';

export function sideOf({ compiled, module, misfit }: Policy): Side {
  const { ir, lock } = compiled;
  return {
    subject: { ir, tools: lock.tools },
    engine: { ir, fits: misfit, decide: (request, facts) => module.decide(request, facts, 'call').effect },
  };
}

/** The host of a proof about the policy at `path`. Policies that it is compared with are compiled before. */
export async function proofHost(policy: Policy, path: string, io: Io): Promise<ProofHost> {
  const others = new Map<string, Side | string>();
  for (const claim of policy.compiled.ir.claims?.claims ?? []) {
    if (claim.kind === 'notWider') others.set(claim.than, await otherSide(claim.than, path, io));
  }
  return {
    engine: sideOf(policy).engine,
    steps: policy.compiled.steps,
    open: (than) => others.get(than) ?? `there is no policy \`${than}\``,
  };
}

async function otherSide(than: string, path: string, io: Io): Promise<Side | string> {
  const at = resolve(dirname(path), than);
  if (!exists(at)) return `there is no policy \`${than}\``;
  try {
    const { policy, diagnostics } = await compilePolicy(rootPolicy(at, io), io);
    return policy === null ? `\`${than}\` has ${diagnostics.length} errors` : sideOf(policy);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** A question as one would type it. */
export function questionLine(question: Question): string {
  const who = question.for === undefined ? question.as : `${question.as} for ${question.for}`;
  const roles = question.roles.length === 0 ? '' : ` with roles ${question.roles.join(', ')}`;
  const userRoles = question.userRoles?.length
    ? ` (the user with roles ${question.userRoles.join(', ')})`
    : '';
  const facts = Object.entries(question.facts).map(
    ([name, value]) => `${name} = ${value === null ? 'unknown' : cut(JSON.stringify(value))}`,
  );
  const session = question.session === undefined ? '' : `, session ${question.session}`;
  return `${who}${roles}${userRoles}: ${question.call} ${cut(JSON.stringify(question.args))}${facts.length === 0 ? '' : `, ${facts.join(', ')}`}${session}`;
}

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 297)}…` : text);
