// SPDX-License-Identifier: Apache-2.0
import { check } from '../../compiler/check.js';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';
import { renderGithub, renderJunit, renderSarif } from '../../compiler/diagnostics/formats.js';
import { renderHuman, renderJson, renderPlain, type Sources } from '../../compiler/diagnostics/render.js';
import { choice, defineCommand } from '../command.js';
import { withCompiler } from '../compiler-host.js';
import { EXIT } from '../exit-codes.js';
import { version } from '../install.js';
import { dayOf, openPolicy, policyPaths, shortPath } from '../sources.js';

export const command = defineCommand({
  usage: 'check [POLICY...] [--deny-warnings] [--format FORMAT] [--today DAY]',
  about:
    'Checks policies: syntax, names, types against the pinned tools, lints, rules that decide nothing.\nExit 3 when there are errors; warnings alone pass, unless --deny-warnings is given.',
  options: {
    'deny-warnings': { type: 'boolean', help: 'exit 3 for warnings too' },
    format: {
      type: 'string',
      value: 'FORMAT',
      help: 'human (default), json, sarif, github, junit, or plain: one line each',
    },
    today: {
      type: 'string',
      value: 'DAY',
      help: 'the day with which `shadow until` is compared (default: today)',
    },
  },
  takes: ['POLICY...'],
  run: async ({ values, rest }, io) => {
    const format = choice('format', values.format, ['human', 'json', 'sarif', 'github', 'junit', 'plain']);
    const paths = await policyPaths(rest, io);
    const diagnostics: Diagnostic[] = [];
    const sources = new Map<string, string>();
    for (const path of paths) {
      const policy = openPolicy(path, io, dayOf(values.today));
      const found = await withCompiler((host) => check({ ...policy.input, deep: true }, host).diagnostics);
      diagnostics.push(...found);
      for (const [name, text] of policy.sources) sources.set(name, text);
    }
    if (format === 'human') {
      if (diagnostics.length > 0) io.out(`${renderHuman(diagnostics, sources, io.colour)}\n`);
    } else {
      const files = paths.map((path) => shortPath(path, io));
      io.out(machineReadable(format, files, diagnostics, sources));
    }
    const errors = diagnostics.filter((d) => d.severity === 'error').length;
    const warnings = diagnostics.length - errors;
    if (format === 'human')
      io.err(
        `${count(paths.length, 'policy', 'policies')}: ${count(errors, 'error', 'errors')}, ${count(warnings, 'warning', 'warnings')}\n`,
      );
    const bad = values['deny-warnings'] === true ? diagnostics.length : errors;
    return bad > 0 ? EXIT.policy : EXIT.ok;
  },
});

type Format = 'json' | 'sarif' | 'github' | 'junit' | 'plain';

function machineReadable(
  format: Format,
  files: readonly string[],
  diagnostics: readonly Diagnostic[],
  sources: Sources,
): string {
  switch (format) {
    case 'json':
      return renderJson(diagnostics, sources);
    case 'sarif':
      return renderSarif(diagnostics, sources, version());
    case 'github':
      return renderGithub(diagnostics, sources);
    case 'junit':
      return renderJunit(files, diagnostics, sources);
    case 'plain':
      return renderPlain(diagnostics, sources);
  }
}

const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
