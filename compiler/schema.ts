// SPDX-License-Identifier: Apache-2.0
/** From a tool's JSON Schema to the types of its arguments. What cannot be typed is `json`. */
import type { TypeIr } from './ir.js';
import { isObject, type JsonObject, type JsonValue } from './lock.js';

export interface Property {
  readonly type: TypeIr;
  readonly required: boolean;
  /** `null` is a value of it. */
  readonly nullable: boolean;
  /** Of a list; 0 when not said. */
  readonly minItems: number;
}

export const JSON_TYPE: TypeIr = { kind: 'json' };

/** The property at `path` below the arguments, or null when the schema has none. */
export function propertyAt(schema: JsonValue, path: readonly string[]): Property | null {
  let at: JsonValue = schema;
  let required = true;
  for (const name of path) {
    const [found, must]: readonly [JsonValue | undefined, boolean] = member(at, name, schema, 0);
    if (found === undefined) return null;
    required &&= must;
    at = found;
  }
  const typed = typeOf(at, schema, 0);
  const resolved = resolve(at, schema);
  const least = isObject(resolved) ? resolved['minItems'] : undefined;
  return { ...typed, required, minItems: typeof least === 'number' ? least : 0 };
}

/** Names of the properties of the arguments, for suggestions. */
export function propertyNames(schema: JsonValue, path: readonly string[] = []): readonly string[] {
  let at: JsonValue = schema;
  for (const name of path) at = member(at, name, schema, 0)[0] ?? null;
  return [...names(at, schema, 0)];
}

const MAX_DEPTH = 16;

function* names(at: JsonValue, root: JsonValue, depth: number): Generator<string> {
  const schema = resolve(at, root);
  if (!isObject(schema) || depth > MAX_DEPTH) return;
  if (isObject(schema['properties'])) yield* Object.keys(schema['properties']);
  for (const part of list(schema['allOf'])) yield* names(part, root, depth + 1);
}

function member(
  at: JsonValue,
  name: string,
  root: JsonValue,
  depth: number,
): readonly [JsonValue | undefined, boolean] {
  const schema = resolve(at, root);
  if (!isObject(schema) || depth > MAX_DEPTH) return [undefined, false];
  const properties = schema['properties'];
  const must = list(schema['required']).includes(name);
  if (isObject(properties) && Object.hasOwn(properties, name)) return [properties[name], must];
  for (const part of list(schema['allOf'])) {
    const [found, required] = member(part, name, root, depth + 1);
    if (found !== undefined) return [found, required || must];
  }
  return [undefined, false];
}

function typeOf(
  at: JsonValue,
  root: JsonValue,
  depth: number,
): { readonly type: TypeIr; readonly nullable: boolean } {
  const schema = resolve(at, root);
  if (!isObject(schema) || depth > MAX_DEPTH) return { type: JSON_TYPE, nullable: true };
  const branches = [...list(schema['anyOf']), ...list(schema['oneOf'])];
  if (branches.length > 0) return union(branches.map((branch) => typeOf(branch, root, depth + 1)));
  if (Object.hasOwn(schema, 'const')) return constants([schema['const'] ?? null]);
  if (Array.isArray(schema['enum'])) return constants(list(schema['enum']));
  const types = typeof schema['type'] === 'string' ? [schema['type']] : list(schema['type']);
  if (types.length > 0) return union(types.map((type) => named(type, schema, root, depth)));
  for (const part of list(schema['allOf'])) {
    const typed = typeOf(part, root, depth + 1);
    if (typed.type.kind !== 'json') return typed;
  }
  if (isObject(schema['properties'])) return { type: { kind: 'object' }, nullable: false };
  return { type: JSON_TYPE, nullable: true };
}

type Typed = { readonly type: TypeIr; readonly nullable: boolean };

function named(type: JsonValue, schema: JsonObject, root: JsonValue, depth: number): Typed {
  switch (type) {
    case 'string':
      return { type: { kind: 'string' }, nullable: false };
    case 'integer':
      return { type: { kind: 'int' }, nullable: false };
    case 'number':
      return { type: { kind: 'decimal' }, nullable: false };
    case 'boolean':
      return { type: { kind: 'bool' }, nullable: false };
    case 'object':
      return { type: { kind: 'object' }, nullable: false };
    case 'null':
      return { type: { kind: 'null' }, nullable: true };
    case 'array': {
      const items = Object.hasOwn(schema, 'items') ? typeOf(schema['items'] ?? null, root, depth + 1) : null;
      const element = items === null || items.nullable ? JSON_TYPE : items.type;
      return { type: { kind: 'list', element }, nullable: false };
    }
    default:
      return { type: JSON_TYPE, nullable: true };
  }
}

function constants(values: readonly JsonValue[]): Typed {
  const nullable = values.includes(null);
  const rest = values.filter((value) => value !== null);
  if (rest.every((value): value is string => typeof value === 'string') && rest.length > 0) {
    return { type: { kind: 'enum', members: rest }, nullable };
  }
  const kinds = new Set(rest.map((value) => typeof value));
  if (kinds.size === 1 && kinds.has('boolean')) return { type: { kind: 'bool' }, nullable };
  if (kinds.size === 1 && kinds.has('number')) return { type: { kind: 'decimal' }, nullable };
  return { type: JSON_TYPE, nullable: true };
}

/** One type for several: equal ones merge, `null` becomes nullable, `json` swallows the rest. */
export function union(members: readonly Typed[]): Typed {
  const nullable = members.some((m) => m.nullable);
  const flat = members
    .flatMap((m) => (m.type.kind === 'union' ? m.type.members : [m.type]))
    .filter((type) => type.kind !== 'null');
  const unique = [...new Map(flat.map((type) => [JSON.stringify(type), type])).values()];
  const [first] = unique;
  if (first === undefined) return { type: { kind: 'null' }, nullable: true };
  if (unique.length === 1) return { type: first, nullable };
  if (unique.some((type) => type.kind === 'json')) return { type: JSON_TYPE, nullable: true };
  return { type: { kind: 'union', members: unique }, nullable };
}

/** Follows local `$ref`s, at most sixteen; anything else that cannot be followed is unknown. */
function resolve(at: JsonValue, root: JsonValue): JsonValue {
  let schema = at;
  for (let i = 0; i < MAX_DEPTH; i++) {
    if (!isObject(schema) || typeof schema['$ref'] !== 'string') return schema;
    const next = pointer(schema['$ref'], root);
    if (next === undefined) return null;
    schema = next;
  }
  return null;
}

function pointer(ref: string, root: JsonValue): JsonValue | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: JsonValue | undefined = root;
  for (const raw of ref.slice(2).split('/')) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** A type in the author's words. */
export function describeType(type: TypeIr): string {
  switch (type.kind) {
    case 'list':
      return `a list of ${describeType(type.element).replace(/^an? /, '')} values`;
    case 'enum':
      return `one of ${type.members.map((m) => `\`${m}\``).join(', ')}`;
    case 'union':
      return type.members.map(describeType).join(' or ');
    case 'json':
      return 'a value that the schema does not type';
    case 'int':
      return 'a whole number';
    case 'decimal':
      return 'a number';
    case 'bool':
      return 'true or false';
    case 'object':
      return 'an object';
    case 'null':
      return 'null';
    case 'string':
    case 'path':
    case 'url':
    case 'duration':
      return `a ${type.kind}`;
    case 'instant':
      return 'an instant';
  }
}
