// SPDX-License-Identifier: Apache-2.0
/**
 * Which values a JSON Schema lets stand in one place. Wider than the schema where it says more than is modelled (patterns, formats,
 * how members go together): what is proved for more values holds for fewer, and witnesses are checked against the schema itself.
 */
import type { TypeIr } from '../ir.js';
import { isObject, type JsonObject, type JsonValue } from '../lock.js';
import { decimalFraction, type Fraction, order } from './number-cover.js';

export interface Shape {
  readonly absent: boolean;
  readonly nothing: boolean;
  readonly bool: boolean;
  readonly number: NumberShape | null;
  readonly text: TextShape | null;
  readonly list: ListShape | null;
  readonly object: ObjectShape | null;
}
export interface NumberShape {
  readonly whole: boolean;
  readonly low: Fraction | null;
  readonly high: Fraction | null;
  /** The only values, where the schema lists them. */
  readonly values: readonly number[] | null;
}
export interface TextShape {
  readonly members: readonly string[] | null;
  readonly least: number;
}
export interface ListShape {
  readonly element: Shape;
  readonly least: number;
  readonly most: number;
}
export interface ObjectShape {
  member(name: string): Shape;
  readonly required: readonly string[];
}

const ANY_NUMBER: NumberShape = { whole: false, low: null, high: null, values: null };
const ANY_TEXT: TextShape = { members: null, least: 0 };

/** Any JSON value; lists of any values are taken as lists of scalars, since no condition looks deeper into them. */
export const ANY: Shape = {
  absent: false,
  nothing: true,
  bool: true,
  number: ANY_NUMBER,
  text: ANY_TEXT,
  get list() {
    return { element: SCALAR, least: 0, most: Number.POSITIVE_INFINITY };
  },
  object: { member: () => ({ ...ANY, absent: true }), required: [] },
};
const NONE: Shape = {
  absent: false,
  nothing: false,
  bool: false,
  number: null,
  text: null,
  list: null,
  object: null,
};
const SCALAR: Shape = { ...NONE, nothing: true, bool: true, number: ANY_NUMBER, text: ANY_TEXT };
export const TEXT: Shape = { ...NONE, text: ANY_TEXT };
export const BOOL: Shape = { ...NONE, bool: true };

const MAX_DEPTH = 12;
const MAX_WAYS = 32;

/** The values of the member `name` of objects that `schema` allows. */
export function memberShape(schema: JsonValue, name: string): Shape {
  return shapeOf(schema, schema, 0).object?.member(name) ?? { ...ANY, absent: true };
}

export const schemaShape = (schema: JsonValue): Shape => shapeOf(schema, schema, 0);

function shapeOf(schema: JsonValue, root: JsonValue, depth: number): Shape {
  return ways(schema, root, depth)
    .map((way) => wayShape(way, root, depth))
    .reduce(either, NONE);
}

/** The schema as one of several without `$ref`, `anyOf`, `oneOf`; `allOf` joined as far as keys do not collide. */
function ways(schema: JsonValue, root: JsonValue, depth: number): readonly JsonValue[] {
  if (!isObject(schema) || depth > MAX_DEPTH) return [schema === false ? false : true];
  if (typeof schema['$ref'] === 'string') {
    const target = pointer(schema['$ref'], root);
    return target === undefined ? [true] : ways(target, root, depth + 1);
  }
  const all = parts(schema['allOf']);
  const merged = all.reduce<JsonObject>((sum, part) => join(sum, part, root, depth), schema);
  const branches = ['anyOf', 'oneOf'].flatMap((key) => parts(merged[key]));
  if (branches.length === 0 || merged['type'] !== undefined || merged['properties'] !== undefined)
    return [merged];
  return branches.flatMap((branch) => ways(branch, root, depth + 1)).slice(0, MAX_WAYS);
}

function join(sum: JsonObject, part: JsonValue, root: JsonValue, depth: number): JsonObject {
  const [only, second] = ways(part, root, depth + 1);
  if (second !== undefined || !isObject(only ?? null)) return sum;
  const other = only as JsonObject;
  const [a, b] = [sum['properties'], other['properties']];
  const properties =
    isObject(a ?? null) && isObject(b ?? null) ? { ...(b as JsonObject), ...(a as JsonObject) } : (a ?? b);
  const required = [...parts(sum['required']), ...parts(other['required'])];
  return { ...other, ...sum, ...(properties === undefined ? {} : { properties }), required };
}

function wayShape(schema: JsonValue, root: JsonValue, depth: number): Shape {
  if (schema === false) return NONE;
  if (!isObject(schema)) return ANY;
  const listed = Object.hasOwn(schema, 'const') ? [schema['const'] ?? null] : schema['enum'];
  if (Array.isArray(listed)) return listedShape(listed as readonly JsonValue[]);
  const type = schema['type'];
  const types =
    typeof type === 'string' ? [type] : Array.isArray(type) ? (type as readonly JsonValue[]) : ['any'];
  const named = types.map((t) => typeShape(t, schema, root, depth)).reduce(either, NONE);
  return schema['nullable'] === true ? { ...named, nothing: true } : named;
}

function typeShape(type: JsonValue, schema: JsonObject, root: JsonValue, depth: number): Shape {
  switch (type) {
    case 'string':
      return { ...NONE, text: { members: null, least: count(schema['minLength'], 0) } };
    case 'boolean':
      return BOOL;
    case 'null':
      return { ...NONE, nothing: true };
    case 'integer':
    case 'number':
      return { ...NONE, number: numberShape(schema, type === 'integer') };
    case 'array':
      return { ...NONE, list: listShape(schema, root, depth) };
    case 'object':
      return { ...NONE, object: objectShape(schema, root, depth) };
    default: {
      const object = objectShape(schema, root, depth);
      return { ...ANY, number: numberShape(schema, false), list: listShape(schema, root, depth), object };
    }
  }
}

function numberShape(schema: JsonObject, whole: boolean): NumberShape {
  const bound = (key: string): Fraction | null => {
    const value = schema[key];
    return typeof value === 'number' ? decimalFraction(String(value)) : null;
  };
  // An open bound is taken as closed: one value more.
  return {
    whole,
    low: bound('minimum') ?? bound('exclusiveMinimum'),
    high: bound('maximum') ?? bound('exclusiveMaximum'),
    values: null,
  };
}

function listShape(schema: JsonObject, root: JsonValue, depth: number): ListShape {
  const items = schema['items'];
  const element =
    depth > MAX_DEPTH || items === undefined || Array.isArray(items)
      ? SCALAR
      : shapeOf(items, root, depth + 1);
  return {
    element,
    least: count(schema['minItems'], 0),
    most: count(schema['maxItems'], Number.POSITIVE_INFINITY),
  };
}

function objectShape(schema: JsonObject, root: JsonValue, depth: number): ObjectShape {
  const properties = isObject(schema['properties'] ?? null) ? (schema['properties'] as JsonObject) : {};
  const required = parts(schema['required']).filter((name) => typeof name === 'string');
  const rest = schema['additionalProperties'];
  return {
    required,
    member(name) {
      const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
      const found = own === undefined ? (rest ?? true) : own;
      const patterned = own === undefined && schema['patternProperties'] !== undefined;
      const shape = depth > MAX_DEPTH || patterned ? ANY : shapeOf(found, root, depth + 1);
      return { ...shape, absent: !required.includes(name) };
    },
  };
}

function listedShape(values: readonly JsonValue[]): Shape {
  const texts = values.filter((v) => typeof v === 'string');
  const numbers = values.filter((v) => typeof v === 'number');
  const other = values.some((v) => typeof v === 'object' && v !== null);
  return {
    ...(other ? ANY : NONE),
    nothing: values.includes(null),
    bool: values.includes(true) || values.includes(false),
    number: numbers.length === 0 ? null : { ...ANY_NUMBER, values: numbers },
    text: texts.length === 0 ? null : { members: texts, least: 0 },
  };
}

/** Values of one or of the other. */
export function either(a: Shape, b: Shape): Shape {
  return {
    absent: a.absent || b.absent,
    nothing: a.nothing || b.nothing,
    bool: a.bool || b.bool,
    number: a.number && b.number ? eitherNumber(a.number, b.number) : (a.number ?? b.number),
    text: a.text && b.text ? eitherText(a.text, b.text) : (a.text ?? b.text),
    list: a.list && b.list ? eitherList(a.list, b.list) : (a.list ?? b.list),
    object: a.object && b.object ? eitherObject(a.object, b.object) : (a.object ?? b.object),
  };
}

function eitherNumber(a: NumberShape, b: NumberShape): NumberShape {
  if (a.values !== null && b.values !== null)
    return { ...a, values: [...new Set([...a.values, ...b.values])] };
  if (a.values !== null || b.values !== null) return ANY_NUMBER;
  const low = a.low === null || b.low === null ? null : order(a.low, b.low) < 0 ? a.low : b.low;
  const high = a.high === null || b.high === null ? null : order(a.high, b.high) > 0 ? a.high : b.high;
  return { whole: a.whole && b.whole, low, high, values: null };
}
function eitherText(a: TextShape, b: TextShape): TextShape {
  const members = a.members && b.members ? [...new Set([...a.members, ...b.members])] : null;
  return { members, least: Math.min(a.least, b.least) };
}
const eitherList = (a: ListShape, b: ListShape): ListShape => ({
  element: either(a.element, b.element),
  least: Math.min(a.least, b.least),
  most: Math.max(a.most, b.most),
});
const eitherObject = (a: ObjectShape, b: ObjectShape): ObjectShape => ({
  required: a.required.filter((name) => b.required.includes(name)),
  member: (name) => either(a.member(name), b.member(name)),
});

/** The values of a fact of this type. No host checks a fact: a text may be any, and so may an element of a list. */
export function factShape(type: TypeIr): Shape {
  switch (type.kind) {
    case 'bool':
      return BOOL;
    case 'int':
    case 'decimal':
      return { ...NONE, number: { ...ANY_NUMBER, whole: type.kind === 'int' } };
    case 'list':
      return {
        ...NONE,
        list: { element: either(factShape(type.element), SCALAR), least: 0, most: Number.POSITIVE_INFINITY },
      };
    case 'union':
      return type.members.map(factShape).reduce(either, NONE);
    case 'enum':
    case 'string':
    case 'path':
    case 'url':
      return TEXT;
    default:
      return ANY;
  }
}

const parts = (value: JsonValue | undefined): readonly JsonValue[] =>
  Array.isArray(value) ? (value as readonly JsonValue[]) : [];
const count = (value: JsonValue | undefined, none: number): number =>
  typeof value === 'number' ? value : none;

function pointer(ref: string, root: JsonValue): JsonValue | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: JsonValue | undefined = root;
  for (const raw of ref.slice(2).split('/')) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = at[Number(name)] as JsonValue | undefined;
    else if (isObject(at ?? null) && Object.hasOwn(at as JsonObject, name)) at = (at as JsonObject)[name];
    else return undefined;
  }
  return at;
}
