// SPDX-License-Identifier: Apache-2.0
import { parse } from '../grammar/parse.js';
import { compilerHost } from './compiler-host.js';

/** For who has policies with mistakes to read all the time, as an editor has. */
export const fullCompiler = compilerHost(parse);
