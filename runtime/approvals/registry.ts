// SPDX-License-Identifier: Apache-2.0
/** The registered approvers: who may give a verdict, with which roles, proven by which key. */
import { nameFault, principalFault } from '../decide/principal-names.js';
import { nodeVerifier, type Verifier } from '../verify/format/ed25519.js';
import { parseVerifierKey } from '../verify/format/note.js';

/** One entry of `approvers` in sepal.json. */
export interface ApproverEntry {
  readonly id: string;
  readonly roles: readonly string[];
  /** C2SP vkey. */
  readonly key: string;
}

export interface Approver extends ApproverEntry {
  readonly verify: Verifier;
}

export type Registry = ReadonlyMap<string, Approver>;

/** Checks the whole list; throws one error that names every bad entry, since a gateway must not start with half of its approvers. */
export function createRegistry(entries: readonly ApproverEntry[]): Registry {
  const registry = new Map<string, Approver>();
  const keys = new Map<string, string>();
  const faults: string[] = [];
  entries.forEach((entry, i) => {
    const result = readApprover(entry);
    if (typeof result === 'string') {
      faults.push(`approvers.${i}: ${result}`);
      return;
    }
    const twin = keys.get(result.bytes);
    if (twin !== undefined)
      faults.push(`approvers.${i}: has the same key as ${twin}; one person is one approver`);
    else if (registry.has(entry.id)) faults.push(`approvers.${i}: ${entry.id} is registered twice`);
    else {
      keys.set(result.bytes, entry.id);
      registry.set(entry.id, result.approver);
    }
  });
  if (faults.length > 0)
    throw new Error(`the approvers in sepal.json cannot be used:\n${faults.map((f) => `  ${f}`).join('\n')}`);
  return registry;
}

function readApprover(
  entry: ApproverEntry,
): { readonly approver: Approver; readonly bytes: string } | string {
  const wrong = principalFault(entry.id);
  if (wrong !== null) return `the id ${wrong}`;
  for (const role of entry.roles) {
    const fault = nameFault(role);
    if (fault !== null) return `a role of ${entry.id} ${fault}`;
  }
  const key = parseVerifierKey(entry.key);
  const verify = key === null ? null : nodeVerifier(key.key);
  if (key === null || verify === null) {
    return `the key of ${entry.id} is not a usable Ed25519 verifier key (make one with \`sepal keygen approver\`)`;
  }
  return { approver: { ...entry, verify }, bytes: key.key.toString('hex') };
}
