// SPDX-License-Identifier: Apache-2.0
/** Values that stand where a secret would and are none: examples, references, masks. */
import { entropy } from '../characters.js';

const WORDS = [
  'example',
  'sample',
  'dummy',
  'placeholder',
  'changeme',
  'change_me',
  'change-me',
  'replace',
  'redacted',
  'your_',
  'your-',
  'yourapi',
  'yourtoken',
  'yoursecret',
  'yourpassword',
  'xxxx',
  '****',
  '....',
  '____',
  '00000000',
  'insert',
  'fixme',
  'not_a_real',
  'notasecret',
  'not-a-secret',
  'notreal',
];

/** Whole values that are words of programs. */
const LITERALS = new Set([
  'true',
  'false',
  'null',
  'none',
  'nil',
  'undefined',
  'string',
  'password',
  'passwd',
  'secret',
  'token',
  'required',
  'optional',
  'hidden',
  'input',
  'text',
  'default',
  'empty',
  'test',
  'testing',
  'disabled',
  'enabled',
]);

const REFERENCES = [
  '${',
  '{{',
  '<',
  '$(',
  '%(',
  '@{',
  '#{',
  '$env',
  'process.env',
  'os.environ',
  'env.',
  'secrets.',
  'var.',
  'getenv',
];

/** True for what nobody would call a leaked secret. */
export function isPlaceholder(value: string): boolean {
  const low = value.slice(0, 96).toLowerCase();
  if (LITERALS.has(low)) return true;
  if (REFERENCES.some((start) => low.startsWith(start))) return true;
  if (WORDS.some((word) => low.includes(word))) return true;
  return value.length >= 8 && entropy(value) < 1.8;
}

/** For what has an issuer's form, only an example that says so, or a mask, is none. */
export function isMasked(body: string): boolean {
  const low = body.toLowerCase();
  return low.includes('example') || low.includes('xxxx') || low.includes('your_') || low.includes('****');
}
