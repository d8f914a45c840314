// SPDX-License-Identifier: Apache-2.0
/** What a caller can see: pinned tools and prompts whose live definition still equals the pin and that some rule may grant. */
import { type Action, withinCeiling } from '../decide/ceiling.js';
import { canonical, type JsonObject } from '../verify/format/canonical.js';
import { type Caller, callerKey, upstreamKey } from './caller.js';
import { listed } from './listed.js';
import { driftKey, type Gate, type PinnedTool } from './gate.js';
import type { Place } from './names.js';
import { narrowed } from './narrowing.js';
import type { Pin, PinKind } from './pins.js';

/** Is the live definition known to differ from the pin (changed or gone), for this caller's process? */
export function drifted(gate: Gate, caller: Caller, kind: PinKind, place: Place): boolean {
  const upstream = gate.upstreams.get(place.server);
  if (upstream === undefined) return true;
  const drift = gate.drift.get(driftKey(place.server, upstream.key(upstreamKey(caller)), kind));
  return drift !== undefined && (drift.changed.includes(place.name) || drift.missing.includes(place.name));
}

/** Was the policy compiled against another definition than the pinned one? Then nobody knows what its rules mean for it. */
export function outdated(gate: Gate, place: Place, definition: string): boolean {
  const compiled = gate.policy().tools.get(`${place.server}/${place.name}`);
  return compiled !== undefined && compiled !== definition;
}

export function pinned(gate: Gate, place: Place): PinnedTool | undefined {
  return gate.catalog().tools.get(place.server)?.get(place.name);
}

export function visible(gate: Gate, caller: Caller, { kind, server, name }: Action): boolean {
  const action = { kind, server, name };
  return (
    withinCeiling(caller.identity.ceiling, action) &&
    (gate.dryRun || gate.policy().module.visible(caller.subject, action))
  );
}

const lists = new WeakMap<Gate['log'], Map<string, { readonly version: string; readonly text: string }>>();
const MAX_LISTS = 500;

/** The text of the result of `tools/list` or `prompts/list` for this caller; kept per caller and policy, never shared. */
export async function pinnedList(gate: Gate, caller: Caller, kind: PinKind): Promise<string> {
  const cache = lists.get(gate.log) ?? new Map<string, { version: string; text: string }>();
  lists.set(gate.log, cache);
  const key = JSON.stringify([
    kind,
    callerKey(caller),
    caller.subject.roles,
    caller.subject.userRoles,
    caller.identity.ceiling,
  ]);
  const hidden = await hiddenIn(gate, caller, kind);
  const version = JSON.stringify([
    gate.policy().ref.activation ?? '',
    gate.catalog().version,
    [...gate.drift],
    [...hidden],
  ]);
  const found = cache.get(key);
  if (found !== undefined && found.version === version) return found.text;
  if (cache.size >= MAX_LISTS) cache.clear();
  const text = `{"${kind}s":[${shown(gate, caller, kind, hidden)
    .map((tool) => canonical(tool))
    .join(',')}]}`;
  cache.set(key, { version, text });
  return text;
}

const itemOf = ({ server, name }: Place): string => JSON.stringify([server, name]);

/** What the list rules hide. */
async function hiddenIn(gate: Gate, caller: Caller, kind: PinKind): Promise<ReadonlySet<string>> {
  if (!gate.policy().module.phases.includes('list')) return new Set();
  const pins = [...gate.catalog().pins[kind].values()].flatMap((of) => [...of.values()]);
  const open = pins.filter((pin) => callable(gate, caller, kind, pin));
  const asked = open.map(async (pin) => {
    const { server, name } = pin;
    return (await listed(gate, caller, { kind, server, name })) ? [] : [itemOf(pin)];
  });
  return new Set((await Promise.all(asked)).flat());
}

function shown(
  gate: Gate,
  caller: Caller,
  kind: PinKind,
  hidden: ReadonlySet<string>,
): readonly JsonObject[] {
  const found: JsonObject[] = [];
  const { pins, names } = gate.catalog();
  for (const server of gate.upstreams.keys()) {
    for (const pin of pins[kind].get(server)?.values() ?? []) {
      const exposed = names[kind].exposed(pin);
      if (exposed !== undefined && callable(gate, caller, kind, pin) && !hidden.has(itemOf(pin)))
        found.push({ ...(kind === 'tool' ? narrowedPin(gate, caller, pin) : pin.definition), name: exposed });
    }
  }
  return found;
}

function narrowedPin(gate: Gate, { subject }: Caller, pin: Pin): JsonObject {
  const { module, narrowing } = gate.policy();
  // A dry run forwards what rules deny.
  return narrowing === undefined || gate.dryRun
    ? pin.definition
    : narrowed(pin.definition, narrowing, module, subject, pin);
}

/** Is a pinned tool or prompt shown to this caller, and can it be called? */
export const callable = (gate: Gate, caller: Caller, kind: PinKind, pin: Pin): boolean =>
  !drifted(gate, caller, kind, pin) &&
  !(kind === 'tool' && outdated(gate, pin, pin.hash)) &&
  visible(gate, caller, { kind, server: pin.server, name: pin.name });
