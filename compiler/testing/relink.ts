// SPDX-License-Identifier: Apache-2.0
/**
 * A policy of which one unit is another, without compiling the rest again: the changed unit is compiled and linked alone, and put
 * in its place among the linked units of the original.
 */
import type { CompiledModule, PolicyModule } from '../../stdlib/abi.js';
import { policy as whole, type WholeTables } from '../../stdlib/compose.js';
import { listed } from '../../stdlib/listed.js';
import { type ModuleTables, tablesOf as linked } from '../../stdlib/rows.js';
import { std } from '../../stdlib/std.js';
import type { Unit } from '../../stdlib/tables.js';
import { emit } from '../emit.js';
import type { PolicyIr, UnitIr } from '../ir.js';

/** The module with `unit` for the unit of that name; null: without it. */
export type Relink = (name: string, unit: UnitIr | null) => Promise<PolicyModule>;

/** `load` evaluates the text of a module (docs/architecture.md: the host does). */
export async function relinker(ir: PolicyIr, load: (js: string) => Promise<CompiledModule>): Promise<Relink> {
  const tablesOf = async (part: PolicyIr): Promise<WholeTables> => {
    let found: WholeTables | null = null;
    const policy = (tables: ModuleTables): PolicyModule => whole((found = linked(tables)));
    (await load(emit(part).js)).link({ ...std, policy });
    if (found === null) throw new Error('a module that links no policy');
    return found;
  };
  const all = await tablesOf(ir);
  const rest = unitsIn(all);
  return async (name, unit) => {
    const changed = unit === null ? [] : unitsIn(await tablesOf({ ...ir, units: [unit], measures: [] }));
    return whole({
      ...all,
      units: listed(rest.flatMap((other) => (other.name === name ? changed : [other]))),
    });
  };
}

const unitsIn = ({ units }: WholeTables): readonly Unit[] =>
  Array.from({ length: units.size }, (_, order) => units.at(order));
