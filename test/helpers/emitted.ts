// SPDX-License-Identifier: Apache-2.0
/** Emitted modules in tests: loaded as the gateway does, or, for very many of them, so that they can be collected again. */
import { compileFunction } from 'node:vm';
import type { CompiledModule, Decision, PolicyModule } from '../../stdlib/abi.js';
import { std } from '../../stdlib/std.js';

/** Through the module loader; a loaded module stays in memory for good. */
export async function load(js: string): Promise<PolicyModule> {
  const url = `data:text/javascript;base64,${Buffer.from(js).toString('base64')}`;
  return ((await import(url)) as CompiledModule).link(std);
}

/** The same text as a function. */
export function moduleOnce(js: string): CompiledModule {
  const body = `${js.replaceAll(/^export /gm, '')}\nreturn { abi, link };`;
  return compileFunction(body)() as CompiledModule;
}

/** Linked with the library or one like it. */
export const loadOnce = (js: string, library: object = std): PolicyModule => moduleOnce(js).link(library);

/** A decision but for the bound on its steps, which only the emitter knows. */
export const meaning = ({ steps: _, ...decision }: Decision): Omit<Decision, 'steps'> => decision;
