// SPDX-License-Identifier: Apache-2.0
/** Tables of units, sets and pins that are made already. */
import type { Pin } from './ask.js';
import type { Glob } from './glob.js';
import type { What, Who } from './sets.js';
import type { ActionPlace, PinTable, Unit, UnitTable, WhatTable, WhoTable } from './tables.js';

/** `units` are sorted by name. */
export function listed(units: readonly Unit[]): UnitTable {
  const whos = numbered(units.map((unit) => unit.who));
  const whats = numbered(units.map((unit) => unit.what));
  return {
    size: units.length,
    phase: units.map((unit) => unit.phase),
    who: whos.places,
    what: whats.places,
    at: (order) => units[order] as Unit,
    whos: whoTable(whos.list),
    whats: whatTable(whats.list),
  };
}

export const pinned = (tools: readonly Pin[]): PinTable => ({
  named: (name) => tools.some((tool) => tool.name === name),
  at: (server, name) => tools.find((tool) => tool.server === server && tool.name === name),
});

/** What is different in a list, and where each of its items stands there. */
function numbered<S>(items: readonly S[]): {
  readonly list: readonly S[];
  readonly places: readonly number[];
} {
  const list = [...new Set(items)];
  const place = new Map(list.map((item, i) => [item, i]));
  return { list, places: items.map((item) => place.get(item) ?? 0) };
}

const whoTable = (list: readonly Who[]): WhoTable => ({
  size: list.length,
  at: (place) => list[place] as Who,
  name: (place) => {
    const { include, except } = list[place] as Who;
    const [term] = include;
    const only = include.length === 1 && except.length === 0 && term?.kind === 'principal';
    return only ? textOf(term.glob) : null;
  },
  begin: () => null,
});

const whatTable = (list: readonly What[]): WhatTable => ({
  size: list.length,
  at: (place) => list[place] as What,
  places: (place) => placesOf(list[place] as What),
});

function placesOf(set: What): readonly ActionPlace[] | null {
  const found: ActionPlace[] = [];
  for (const term of set.include) {
    if (term.kind === 'set') {
      const inner = placesOf(term.what);
      if (inner === null) return null;
      found.push(...inner);
      continue;
    }
    const server = term.kind === 'every' ? null : textOf(term.server);
    if (server === null || term.kind === 'every') return null;
    found.push({ server, name: textOf(term.name) });
  }
  return found;
}

const textOf = (glob: Glob | null): string | null =>
  glob !== null && glob.gaps === '' ? (glob.parts[0] ?? '') : null;
