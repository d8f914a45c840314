// SPDX-License-Identifier: Apache-2.0
import { format as print } from '../grammar/format.js';
import { parse } from '../grammar/parse.js';
import type { Result, SourceFile } from './check.js';
import { type Code, diagnose } from './diagnostics/diagnostic.js';

/** The canonical form of a policy, comments kept; null with diagnostics when the text is not one. */
export function format({ path, text }: SourceFile): Result<string> {
  const { file, faults } = parse(text);
  const diagnostics = faults.map((fault) => diagnose(fault.code as Code, path, fault.span, fault.args));
  return { output: faults.length > 0 ? null : print(file, text), diagnostics };
}
