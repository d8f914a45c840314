// SPDX-License-Identifier: Apache-2.0
/** From a tool's JSON Schema to the types of its arguments. What cannot be typed is `json`. */
import type { TypeIr } from './ir.js';
import { isObject, type JsonObject, type JsonValue } from './lock.js';
import { JSON_TYPE, unionOf } from './types.js';

export interface Property {
  readonly type: TypeIr;
  /** `null` is a value of it. */
  readonly nullable: boolean;
  /** Prefixes of the path, itself included, that a valid call may leave out. */
  readonly optional: readonly (readonly string[])[];
  /** Of a list; 0 when not said. */
  readonly minItems: number;
  /** Of a number: does the schema bound it from below, from above? */
  readonly bounded: { readonly below: boolean; readonly above: boolean };
}

/** Stands in a path for an element of a list; no author can write it as a name. */
export const ELEMENT = '\u0000element';

/** Schemas come from servers, which may send anything: one question looks at no more than this many parts of one. */
const MAX_PARTS = 1_000;
const MAX_ALTERNATIVES = 64;
const MAX_REFERENCES = 16;

interface Walk {
  readonly root: JsonValue;
  left: number;
}
const walkOf = (root: JsonValue): Walk => ({ root, left: MAX_PARTS });

/** What was found in a schema: many rules ask many tools for the same argument. */
const asked = new WeakMap<JsonObject, Map<string, Property | null>>();

/** The property at `path` below the arguments, or null when the schema has none. */
export function propertyAt(schema: JsonValue, path: readonly string[]): Property | null {
  if (!isObject(schema)) return find(schema, path);
  const known = asked.get(schema) ?? new Map<string, Property | null>();
  asked.set(schema, known);
  const key = path.length === 1 ? `.${path[0] ?? ''}` : JSON.stringify(path);
  const before = known.get(key);
  if (before !== undefined) return before;
  const found = find(schema, path);
  known.set(key, found);
  return found;
}

function find(schema: JsonValue, path: readonly string[]): Property | null {
  const walk = walkOf(schema);
  let at: readonly JsonValue[] = [schema];
  const optional: (readonly string[])[] = [];
  for (const [i, name] of path.entries()) {
    const found = name === ELEMENT ? elements(at, walk) : lookUp(at, name, walk, i > 0);
    if (found === null) return null;
    if (!found.required) optional.push(path.slice(0, i + 1));
    at = found.schemas;
  }
  const shapes = at.flatMap((s) => alternatives(s, walk));
  const typed = shapes.map((s) => typeOf(s, walk));
  const objects = shapes.filter(isObject);
  const every = (...keys: readonly string[]): boolean =>
    objects.length > 0 && objects.every((s) => keys.some((key) => typeof s[key] === 'number'));
  return {
    type: unionOf(typed.map((t) => t.type).filter((t) => t.kind !== 'null' || typed.length === 1)),
    nullable: typed.some((t) => t.nullable),
    optional,
    minItems: Math.min(...shapes.map(minItems)),
    bounded: { below: every('minimum', 'exclusiveMinimum'), above: every('maximum', 'exclusiveMaximum') },
  };
}

function minItems(schema: JsonValue): number {
  const least = isObject(schema) ? schema['minItems'] : undefined;
  return typeof least === 'number' ? least : 0;
}

/** Names of the properties below `path`, for suggestions. */
export function propertyNames(schema: JsonValue, path: readonly string[] = []): readonly string[] {
  if (!isObject(schema) || path.length > 0) return namesAt(schema, path);
  const found = topNames.get(schema) ?? namesAt(schema, path);
  topNames.set(schema, found);
  return found;
}
const topNames = new WeakMap<JsonObject, readonly string[]>();

function namesAt(schema: JsonValue, path: readonly string[]): readonly string[] {
  const walk = walkOf(schema);
  let at: readonly JsonValue[] = [schema];
  for (const [i, name] of path.entries())
    at = (name === ELEMENT ? elements(at, walk) : lookUp(at, name, walk, i > 0))?.schemas ?? [];
  return [...new Set(at.flatMap((s) => [...names(s, walk)]))];
}

function* names(at: JsonValue, walk: Walk): Generator<string> {
  const schema = follow(at, walk);
  if (!isObject(schema)) return;
  if (isObject(schema['properties'])) yield* Object.keys(schema['properties']);
  for (const part of parts(schema, 'allOf', 'anyOf', 'oneOf')) yield* names(part, walk);
}

/** What the elements of a list may be, over all that it may be. */
function elements(at: readonly JsonValue[], walk: Walk): Found {
  const items = at
    .flatMap((schema) => alternatives(schema, walk))
    .map((schema) => {
      const list = isObject(schema) ? schema : {};
      const said = [list, ...parts(list, 'allOf').map((part) => follow(part, walk))].find(
        (part) => isObject(part) && Object.hasOwn(part, 'items'),
      );
      return isObject(said ?? null) ? ((said as JsonObject)['items'] ?? true) : true;
    });
  return { schemas: items, required: true };
}

interface Found {
  /** What it may be: one of these. */
  readonly schemas: readonly JsonValue[];
  readonly required: boolean;
}

/** `name` in an object that is one of `at`: required only if each of them requires it. */
function lookUp(at: readonly JsonValue[], name: string, walk: Walk, nested: boolean): Found | null {
  return either(at.map((schema) => member(schema, name, walk, nested)));
}

function either(all: readonly (Found | null)[]): Found | null {
  const found = all.filter((f): f is Found => f !== null);
  if (found.length === 0) return null;
  const required = found.length === all.length && found.every((f) => f.required);
  return { schemas: found.flatMap((f) => f.schemas).slice(0, MAX_ALTERNATIVES), required };
}

function member(at: JsonValue, name: string, walk: Walk, nested: boolean): Found | null {
  const schema = follow(at, walk);
  if (isObject(schema) && isNoObject(schema)) return null;
  if (!isObject(schema) || mayBeOther(schema)) {
    const found = isObject(schema) ? own(schema, name, walk, nested) : null;
    return found && { ...found, required: false };
  }
  return own(schema, name, walk, nested);
}

/** Says `type` that a value need not be an object? Then no member of it is certain. */
function mayBeOther(schema: JsonObject): boolean {
  const type = schema['type'];
  return Array.isArray(type) && type.some((t) => t !== 'object');
}

const isNoObject = ({ type }: JsonObject): boolean =>
  typeof type === 'string' ? type !== 'object' : Array.isArray(type) && !type.includes('object');

function own(schema: JsonObject, name: string, walk: Walk, nested: boolean): Found | null {
  const properties = schema['properties'];
  const must = list(schema['required']).includes(name);
  if (isObject(properties) && Object.hasOwn(properties, name)) {
    return { schemas: [properties[name] ?? true], required: must };
  }
  const all = list(schema['allOf']).map((part) => member(part, name, walk, false));
  const conjunct = all.find((f) => f !== null);
  if (conjunct) return { ...conjunct, required: must || all.some((f) => f?.required === true) };
  const branches = parts(schema, 'anyOf', 'oneOf');
  const branch = either(branches.map((part) => member(part, name, walk, false)));
  if (branch !== null) return { ...branch, required: branch.required || must };
  const rest = schema['additionalProperties'];
  if (isObject(rest)) return { schemas: [rest], required: must };
  // An object inside the arguments without a word on its members may have any.
  const open = nested && !isObject(properties) && rest !== false && branches.length + all.length === 0;
  return open ? { schemas: [true], required: must } : null;
}

/** The schema without `anyOf` and `oneOf`: each way it can be. */
function alternatives(at: JsonValue, walk: Walk): readonly JsonValue[] {
  const schema = follow(at, walk);
  const branches = isObject(schema) && !saysType(schema) ? parts(schema, 'anyOf', 'oneOf') : [];
  if (branches.length === 0) return [schema];
  const all = branches.flatMap((branch) => alternatives(branch, walk));
  return all.slice(0, MAX_ALTERNATIVES);
}

/** `anyOf` beside a type only narrows it further (often to say which members go together). */
const saysType = (schema: JsonObject): boolean =>
  ['type', 'enum', 'const', 'properties'].some((key) => Object.hasOwn(schema, key));

interface Shape {
  readonly type: TypeIr;
  readonly nullable: boolean;
}
const OPEN: Shape = { type: JSON_TYPE, nullable: true };

function typeOf(at: JsonValue, walk: Walk): Shape {
  const schema = follow(at, walk);
  if (!isObject(schema)) return OPEN;
  if (Object.hasOwn(schema, 'const')) return constants([schema['const'] ?? null]);
  if (Array.isArray(schema['enum'])) return constants(list(schema['enum']));
  const types = typeof schema['type'] === 'string' ? [schema['type']] : list(schema['type']);
  if (types.length > 0) {
    return together(
      types.map((type) => named(type, schema, walk)),
      schema['nullable'] === true,
    );
  }
  const branches = parts(schema, 'anyOf', 'oneOf');
  if (branches.length > 0) return together(branches.map((branch) => typeOf(branch, walk)));
  for (const part of list(schema['allOf'])) {
    const typed = typeOf(part, walk);
    if (typed.type.kind !== 'json') return typed;
  }
  return isObject(schema['properties']) ? { type: { kind: 'object' }, nullable: false } : OPEN;
}

function named(type: JsonValue, schema: JsonObject, walk: Walk): Shape {
  switch (type) {
    case 'string':
      return { type: formatted(schema['format']), nullable: false };
    case 'object':
      return { type: { kind: type }, nullable: false };
    case 'integer':
      return { type: { kind: 'int' }, nullable: false };
    case 'number':
      return { type: { kind: 'decimal' }, nullable: false };
    case 'boolean':
      return { type: { kind: 'bool' }, nullable: false };
    case 'null':
      return { type: { kind: 'null' }, nullable: true };
    case 'array': {
      const items = Object.hasOwn(schema, 'items') ? typeOf(schema['items'] ?? true, walk) : OPEN;
      return { type: { kind: 'list', element: items.type }, nullable: false };
    }
    default:
      return OPEN;
  }
}

/** An instant is a text as well; other formats say nothing that an operator asks for. */
function formatted(format: JsonValue | undefined): TypeIr {
  if (format === 'uri') return { kind: 'url' };
  return format === 'date-time'
    ? { kind: 'union', members: [{ kind: 'instant' }, { kind: 'string' }] }
    : { kind: 'string' };
}

function constants(values: readonly JsonValue[]): Shape {
  const rest = values.filter((value) => value !== null);
  const nullable = rest.length < values.length;
  if (rest.length === 0) return { type: { kind: 'null' }, nullable };
  const texts = rest.filter((value) => typeof value === 'string');
  if (texts.length === rest.length) return { type: { kind: 'enum', members: texts }, nullable };
  const kinds = [...new Set(rest.map((value) => typeof value))];
  if (kinds.length > 1 && !kinds.includes('object'))
    return together(
      kinds.map((kind) => constants(rest.filter((value) => typeof value === kind))),
      nullable,
    );
  if (rest.every((value) => typeof value === 'boolean')) return { type: { kind: 'bool' }, nullable };
  if (rest.every((value) => typeof value === 'number')) {
    return { type: { kind: rest.every(Number.isInteger) ? 'int' : 'decimal' }, nullable };
  }
  return OPEN;
}

function together(members: readonly Shape[], nullable = false): Shape {
  const types = members.map((m) => m.type).filter((type) => type.kind !== 'null');
  return { type: unionOf(types), nullable: nullable || members.some((m) => m.nullable) };
}

/** Follows local `$ref`s; one that cannot be followed, and what lies past the bound, says nothing about the value. */
function follow(at: JsonValue, walk: Walk): JsonValue {
  let schema = at;
  for (let i = 0; i < MAX_REFERENCES && walk.left-- > 0; i++) {
    if (!isObject(schema) || typeof schema['$ref'] !== 'string') return schema;
    schema = pointer(schema['$ref'], walk.root) ?? true;
  }
  return true;
}

function pointer(ref: string, root: JsonValue): JsonValue | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: JsonValue | undefined = root;
  for (const raw of ref.slice(2).split('/')) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = at[Number(name)];
    else if (isObject(at) && Object.hasOwn(at, name)) at = at[name];
    else return undefined;
  }
  return at;
}

const parts = (schema: JsonObject, ...keys: readonly string[]): readonly JsonValue[] =>
  keys.flatMap((key) => list(schema[key]));

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
