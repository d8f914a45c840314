// SPDX-License-Identifier: Apache-2.0
/** `agent:${claim.act.sub}`: a name made of the claims of a verified token. Nothing but `${claim.x}` can be substituted. */
import type { JsonObject, JsonValue } from '../verify/format/canonical.js';

/** Literal text and paths of claims, in order. */
export type Template = readonly (string | { readonly claim: readonly string[] })[];

const STEP = /^[A-Za-z0-9_:/-]{1,100}$/;

/** The template, or what is wrong with it. */
export function readTemplate(text: string): Template | string {
  const parts: (string | { readonly claim: readonly string[] })[] = [];
  let from = 0;
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', from)) {
    const close = text.indexOf('}', open);
    const inner = close < 0 ? '' : text.slice(open + 2, close);
    const claim = inner.startsWith('claim.') ? inner.slice('claim.'.length).split('.') : [];
    if (claim.length === 0 || !claim.every((step) => STEP.test(step)))
      return 'only `${claim.NAME}` can be substituted here';
    if (open > from) parts.push(text.slice(from, open));
    else if (typeof parts.at(-1) === 'object') return 'two claims need text between them';
    parts.push({ claim });
    from = close + 1;
  }
  if (from < text.length) parts.push(text.slice(from));
  const [first] = parts;
  return typeof first === 'string' && /^(?:agent|user|service):/.test(first)
    ? parts
    : 'it must begin with `agent:`, `user:` or `service:`';
}

/**
 * The name, or what is wrong. With several claims none may hold the text that stands between them: two tokens would get one name.
 */
export function fillTemplate(
  template: Template,
  claims: JsonObject,
): { readonly name: string } | { readonly why: string } {
  const between = template.filter(
    (part, i): part is string => typeof part === 'string' && i > 0 && i < template.length - 1,
  );
  let name = '';
  for (const part of template) {
    if (typeof part === 'string') name += part;
    else {
      const value = claimAt(claims, part.claim);
      if (typeof value !== 'string' || value === '')
        return { why: `the claim ${part.claim.join('.')} is no text` };
      if (between.some((text) => value.includes(text)))
        return { why: `the claim ${part.claim.join('.')} holds a separator` };
      name += value;
    }
  }
  return { name };
}

/** By own property only; undefined where there is none. */
export function claimAt(claims: JsonObject, path: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = claims;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found) || !Object.hasOwn(found, step))
      return undefined;
    found = (found as JsonObject)[step];
  }
  return found;
}

/** A claim by its whole name (which may be a URL), else by the path that its dots make. */
export function claimNamed(claims: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : claimAt(claims, name.split('.'));
}
