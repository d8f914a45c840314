// SPDX-License-Identifier: Apache-2.0
/** Values that stand in tests, as the plain data that a decision reads. */
import type { Expr, JsonObject, JsonValue } from '../../grammar/tree.js';
import type { Json, JsonRecord } from '../../stdlib/abi.js';

/** Arguments of a question; null prototypes, so that only own members are ever read. */
export function argumentsOf(object: JsonObject | null): JsonRecord {
  const record: { [key: string]: Json } = Object.create(null);
  for (const { key, value } of object?.members ?? []) record[key.text] = jsonOf(value);
  return record;
}

function jsonOf(value: JsonValue): Json {
  switch (value.kind) {
    case 'object':
      return argumentsOf(value);
    case 'array':
      return value.items.map(jsonOf);
    case 'scalar':
      return value.value;
  }
}

/** The value of a fact: a literal, an enum member or a list of them; undefined when it is none of these. */
export function factValue(expr: Expr): Json | undefined {
  switch (expr.kind) {
    case 'null':
      return null;
    case 'bool':
    case 'string':
      return expr.value;
    case 'number':
      return Number(expr.text);
    case 'negate': {
      const value = factValue(expr.operand);
      return typeof value === 'number' ? -value : undefined;
    }
    case 'name':
      return expr.name.text;
    case 'list': {
      const items = expr.items.map(factValue);
      return items.every((item): item is Json => item !== undefined) ? items : undefined;
    }
    case 'duration':
      return expr.text;
    case 'regex':
    case 'member':
    case 'call':
    case 'quantifier':
    case 'principal':
    case 'not':
    case 'and':
    case 'or':
    case 'arith':
    case 'compare':
    case 'test':
    case 'hasRole':
      return undefined;
  }
}
