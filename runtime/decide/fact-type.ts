// SPDX-License-Identifier: Apache-2.0
/** Is a value what the policy declares its fact to be? Any other value is taken as one that could not be had (docs/language.md). */
import type { Json } from '../../stdlib/abi.js';
import { moment, span } from '../../stdlib/moment.js';

/** `type` as the manifest has it: `{ "kind": "int" }`, `{ "kind": "list", "element": … }`. A kind that is not known fits nothing. */
export function isOfType(type: unknown, value: Json): boolean {
  const { kind, members, element } = isRecord(type) ? type : {};
  switch (kind) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value);
    case 'decimal':
      return typeof value === 'number' && Number.isFinite(value);
    case 'string':
    case 'path':
    case 'url':
      return typeof value === 'string';
    case 'enum':
      return Array.isArray(members) && typeof value === 'string' && members.includes(value);
    case 'instant':
      return typeof value === 'string' && moment(value) !== undefined;
    case 'duration':
      return typeof value === 'string' && span(value) !== undefined;
    case 'list':
      return Array.isArray(value) && value.every((item: Json) => isOfType(element, item));
    default:
      return false;
  }
}

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value below `path`, by own members only, where it is of the type; undefined otherwise. */
export function typedAt(value: Json, path: readonly string[], type: unknown): Json | undefined {
  let found: Json = value;
  for (const key of path) {
    const inside = isRecord(found) && Object.hasOwn(found, key) ? (found[key] as Json) : undefined;
    if (inside === undefined) return undefined;
    found = inside;
  }
  return isOfType(type, found) ? found : undefined;
}
