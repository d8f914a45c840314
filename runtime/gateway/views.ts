// SPDX-License-Identifier: Apache-2.0
/** Who has to be told that lists have changed: those whose own lists have, and nobody else. */
import { canonical } from '../verify/format/canonical.js';
import { type Caller, callerKey } from './caller.js';
import { pinnedList } from './discovery.js';
import { fixed, type Gate } from './gate.js';
import { LIST_CHANGED, RESOURCES_CHANGED } from './relay.js';
import { resourceList, serversWith } from './resources.js';

type View = { readonly tool: string; readonly prompt: string; readonly resource: string | null };

const RESOURCES_MS = 5_000;

/** Runs `change`, which swaps policy or pins in one tick, and tells each client whose view of a list differs afterwards. */
export async function tellChanged(gate: Gate, change: () => void): Promise<void> {
  const before = await viewsOf(gate);
  change();
  const after = await viewsOf(gate);
  for (const connection of gate.connections()) {
    const key = viewKey(connection.caller);
    const [old, own] = [before.get(key), after.get(key)];
    if (own === undefined || old === undefined) continue;
    if (own.tool !== old.tool) connection.push(LIST_CHANGED.tool);
    if (own.prompt !== old.prompt) connection.push(LIST_CHANGED.prompt);
    if (own.resource === null || old.resource === null || own.resource !== old.resource)
      connection.push(RESOURCES_CHANGED);
  }
}

const viewKey = (caller: Caller): string =>
  canonical([callerKey(caller), [...caller.subject.roles], [...caller.subject.userRoles]]);

async function viewsOf(live: Gate): Promise<ReadonlyMap<string, View>> {
  const gate = fixed(live);
  const callers = new Map<string, Caller>();
  for (const { caller } of gate.connections()) callers.set(viewKey(caller), caller);
  const views = await Promise.all(
    [...callers].map(async ([key, caller]) => [key, await viewOf(gate, caller)] as const),
  );
  return new Map(views);
}

async function viewOf(gate: Gate, caller: Caller): Promise<View> {
  const [tool, prompt, resource] = await Promise.all([
    pinnedList(gate, caller, 'tool'),
    pinnedList(gate, caller, 'prompt'),
    resourcesOf(gate, caller),
  ]);
  return { tool, prompt, resource };
}

/** Servers are asked for their resources; null where they do not answer soon: then nobody knows, and the client is told to look. */
async function resourcesOf(gate: Gate, caller: Caller): Promise<string | null> {
  if (serversWith(gate, 'resources').length === 0) return '';
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), RESOURCES_MS).unref());
  const asked = Promise.all([
    resourceList(gate, caller, 'resources'),
    resourceList(gate, caller, 'resourceTemplates'),
  ]).then((lists) => canonical(lists));
  return Promise.race([asked, late]).catch(() => null);
}
