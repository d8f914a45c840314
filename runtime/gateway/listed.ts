// SPDX-License-Identifier: Apache-2.0
/**
 * The `on list` rules: an item that one of them hides is not shown to the caller and answers as if it did not exist. Each hiding is written
 * down once for a policy and a caller; what is not known for sure hides.
 */
import type { Action } from '../decide/ceiling.js';
import { type Caller, callerKey } from './caller.js';
import type { Gate } from './gate.js';
import type { Intake } from './intake.js';
import { decideDraft, defaultDeny, newCallId } from './record.js';
import { canonicalIntent } from './wire/intent.js';

interface Known {
  readonly until: number;
  readonly listed: Promise<boolean>;
}
interface Memory {
  version: string;
  readonly known: Map<string, Known>;
  /** Whose hiding stands in the log. */
  readonly recorded: Set<string>;
}

/** Facts of a list rule may change; most are results of scans, which do not. */
const KEPT_MS = 5_000;
const MAX_KNOWN = 20_000;
const memories = new WeakMap<Gate['log'], Memory>();

function memoryOf(gate: Gate): Memory {
  const version = `${gate.policy().ref.activation ?? ''} ${gate.catalog().version}`;
  const found = memories.get(gate.log);
  if (found?.version === version && found.known.size < MAX_KNOWN) return found;
  const made = {
    version,
    known: new Map(),
    recorded: found?.version === version ? found.recorded : new Set<string>(),
  };
  memories.set(gate.log, made);
  return made;
}

/** Is there no list rule that hides, or may hide, the item from the caller? */
export function listed(gate: Gate, caller: Caller, action: Action): Promise<boolean> {
  const { module } = gate.policy();
  if (!module.phases.includes('list') || gate.dryRun) return Promise.resolve(true);
  const { kind, server, name } = action;
  const { roles, userRoles } = caller.subject;
  const key = JSON.stringify([kind, server, name, callerKey(caller), roles, userRoles]);
  const memory = memoryOf(gate);
  const found = memory.known.get(key);
  const now = performance.now();
  if (found !== undefined && found.until > now) return found.listed;
  const asked = decide(gate, caller, action, !memory.recorded.has(key)).then((shown) => {
    if (!shown) memory.recorded.add(key);
    return shown;
  });
  memory.known.set(key, { until: now + KEPT_MS, listed: asked });
  return asked;
}

async function decide(gate: Gate, caller: Caller, action: Action, record: boolean): Promise<boolean> {
  const { module, ref } = gate.policy();
  const { kind, server, name } = action;
  const request = { intent: { kind, server, name, args: {} }, ...caller.subject };
  const judged = await gate.decide(module, request, 'list').catch((error: unknown) => {
    gate.say(`the list rules could not be evaluated: ${String(error)}`);
    return null;
  });
  const decision = judged?.decision ?? defaultDeny('the list rules could not be evaluated');
  if (decision.effect === 'allow') return true;
  if (!record) return false;
  const method = kind === 'tool' ? 'tools/list' : kind === 'prompt' ? 'prompts/list' : 'resources/list';
  const { draft, openings } = await decideDraft({
    call: newCallId(),
    caller,
    intent: canonicalIntent({ kind, method, server, name }, {}, {}),
    definition: kind === 'tool' ? (gate.catalog().pins.tool.get(server)?.get(name)?.hash ?? null) : null,
    trace: null,
    policy: ref,
    decision,
    facts: judged?.facts ?? {},
    reads: judged?.reads ?? [],
    counts: [],
    expires: null,
    links: null,
    propose: null,
  });
  await gate.log.append({ ...draft, phase: 'list' }, openings);
  return false;
}

/** What a list rule hides cannot be called either: it answers like what does not exist. */
export async function unlessHidden<Read extends Intake | { readonly malformed: string }>(
  gate: Gate,
  caller: Caller,
  read: Read | Promise<Read>,
): Promise<Read> {
  const intake = await read;
  if ('malformed' in intake || intake.hidden || (await listed(gate, caller, intake.intent))) return intake;
  return { ...intake, hidden: true, barred: 'a rule on list hides this from the principal' };
}
