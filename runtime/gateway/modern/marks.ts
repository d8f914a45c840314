// SPDX-License-Identifier: Apache-2.0
/**
 * `x-mcp-header` in a tool's schema (2026-07-28): which arguments a header repeats. A tool that marks them against the rules must not be offered by
 * who calls it over HTTP: whoever decides by the header and whoever reads the body would not see the same call.
 */
import type { JsonObject, JsonValue } from '../../verify/format/canonical.js';
import { isObject } from '../wire/message.js';

const MARK = 'x-mcp-header';
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Where a schema holds others that are not simply there: one schema, a list, or a map of them. */
const ELSEWHERE = [
  'items',
  'prefixItems',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'additionalItems',
  'propertyNames',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'contentSchema',
];
const MAPS = ['patternProperties', 'dependentSchemas', '$defs', 'definitions'];
const MAX_DEPTH = 64;

/** Why a definition marks headers wrongly; null where it does not. */
export function markFault(definition: JsonObject): string | null {
  const names = new Set<string>();
  const own = (schema: JsonObject, there: boolean): string | null => {
    if (!Object.hasOwn(schema, MARK)) return null;
    const name = schema[MARK];
    if (!there) return 'marks something that is not an argument by itself';
    if (typeof name !== 'string' || !TOKEN.test(name)) return 'gives a header a name that it cannot have';
    if (!TYPES.has(schema['type'])) return `marks what is no text, integer or boolean (\`${name}\`)`;
    if (names.has(name.toLowerCase())) return `gives two arguments one header (\`${name}\`)`;
    names.add(name.toLowerCase());
    return null;
  };
  const visit = (schema: JsonValue | undefined, depth: number, there: boolean): string | null => {
    if (!isObject(schema)) return null;
    if (depth > MAX_DEPTH) return 'is nested too deep to be read';
    const fault = own(schema, there && depth > 0);
    if (fault !== null) return fault;
    const properties = isObject(schema['properties']) ? Object.values(schema['properties']) : [];
    for (const one of properties) {
      const inner = visit(one, depth + 1, there);
      if (inner !== null) return inner;
    }
    for (const one of below(schema)) {
      const inner = visit(one, depth + 1, false);
      if (inner !== null) return inner;
    }
    return null;
  };
  return visit(definition['inputSchema'], 0, true);
}

function below(schema: JsonObject): readonly JsonValue[] {
  const found = ELSEWHERE.flatMap((key): readonly JsonValue[] => {
    const value = schema[key];
    return value === undefined ? [] : Array.isArray(value) ? value : [value as JsonValue];
  });
  const maps = MAPS.flatMap((key) => (isObject(schema[key]) ? Object.values(schema[key]) : []));
  return [...found, ...maps];
}
