// SPDX-License-Identifier: Apache-2.0
/** The pinned tools that a place in a policy speaks of, and their arguments. */
import { resolve, dirname } from 'node:path';
import { offsetOf } from '../../compiler/json-position.js';
import type { Inspected } from '../../compiler/inspect.js';
import { isObject, type JsonValue, type PinnedTool } from '../../compiler/lock.js';
import { propertyAt, propertyNames } from '../../compiler/schema.js';
import { actIr, covers, toolsIn, whatIr } from '../../compiler/scope.js';
import { describeType, unionOf } from '../../compiler/types.js';
import type * as tree from '../../grammar/tree.js';
import type { World } from './world.js';

/** The tools that a set of actions covers; all of them where it covers none, for something is being written. */
export function toolsOf({ scope }: Inspected, what: tree.What): readonly PinnedTool[] {
  const quiet = { ...scope, report: () => {}, tally: { errors: 0, terms: 0 } };
  const covered = toolsIn(quiet, whatIr(quiet, what, false));
  return covered.length > 0 ? covered : scope.tools;
}

export function toolsOfAct({ scope }: Inspected, act: tree.Act): readonly PinnedTool[] {
  const what = { include: [actIr(act)], except: [] };
  return act.act === 'tool' ? scope.tools.filter((tool) => covers(what, tool)) : [];
}

export interface Argument {
  readonly name: string;
  /** In the author's words. */
  readonly type: string;
  /** Members, where it is an enum. */
  readonly members: readonly string[];
  /** Must every call of every tool give it? */
  readonly required: boolean;
  /** As the server describes it, or nothing. */
  readonly description: string;
}

/** The arguments below `path` over several tools. */
export function argumentsOf(tools: readonly PinnedTool[], path: readonly string[]): readonly Argument[] {
  const names = new Set(tools.flatMap((tool) => propertyNames(tool.inputSchema, path)));
  return [...names].sort().flatMap((name) => argumentAt(tools, [...path, name]) ?? []);
}

/** Null where no tool has it. */
export function argumentAt(tools: readonly PinnedTool[], path: readonly string[]): Argument | null {
  const found = tools.map((tool) => propertyAt(tool.inputSchema, path));
  const present = found.filter((property) => property !== null);
  if (present.length === 0) return null;
  const type = unionOf(present.map((property) => property.type));
  return {
    name: path.at(-1) ?? '',
    type: describeType(type),
    members: type.kind === 'enum' ? type.members : [],
    required: present.length === found.length && present.every(({ optional }) => optional.length === 0),
    description: tools.map((tool) => descriptionAt(tool.inputSchema, path)).find((text) => text !== '') ?? '',
  };
}

function descriptionAt(schema: JsonValue, path: readonly string[]): string {
  let at: JsonValue | undefined = schema;
  for (const name of path) {
    const properties: JsonValue | undefined = isObject(at) ? at['properties'] : undefined;
    at = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  }
  const text = isObject(at) ? at['description'] : undefined;
  return typeof text === 'string' ? text : '';
}

/** Where a tool stands in the lock of a policy; null where that cannot be said. */
export function placeInLock(
  world: World,
  policy: { readonly path: string; readonly file: tree.File },
  tool: PinnedTool,
): { readonly path: string; readonly text: string; readonly offset: number } | null {
  const statement = policy.file.statements.find((s) => s.kind === 'tools');
  const root = statement === undefined ? world.root(policy.path) : null;
  const name = statement?.path.value;
  const path =
    name === undefined ? root && resolve(dirname(root), 'sepal.lock') : resolve(dirname(policy.path), name);
  const source = path === null ? null : world.source(path);
  if (source === null) return null;
  const offset = offsetOf(source.text, ['servers', tool.server, 'tools', tool.name]);
  return { path: source.path, text: source.text, offset };
}
