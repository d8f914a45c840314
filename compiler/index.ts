// SPDX-License-Identifier: Apache-2.0
/** What others may use of the compiler: `import { check, compile, explain, format } from "sepal"`. */
export { type ParseResult, parse } from '../grammar/parse.js';
export {
  type Checked,
  check,
  type Compiled,
  compile,
  type Input,
  type Result,
  type SourceFile,
} from './compile.js';
export type { Code, Diagnostic, Fix, Label, Severity, Span } from './diagnostics/diagnostic.js';
export { type Explanation, explain } from './diagnostics/explain.js';
export { renderGithub, renderJunit, renderSarif } from './diagnostics/formats.js';
export { renderHuman, renderJson, renderPlain, type Sources } from './diagnostics/render.js';
export { format } from './format.js';
export type { PolicyIr } from './ir.js';
export type { Host, Lock, PinnedTool } from './lock.js';
