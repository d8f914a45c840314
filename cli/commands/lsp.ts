// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from '../command.js';

export const command = defineCommand({
  usage: 'lsp [--stdio]',
  about:
    'The language server for editors, over stdin and stdout: diagnostics with fixes, hover, definition, references,\nrename, completion, formatting, colours, outline, and a lens that runs a test. See docs/editors.md.\nIt ends with its client.',
  options: {
    stdio: { type: 'boolean', help: 'for clients that name the transport; there is no other' },
  },
  run: async () => {
    const { serve } = await import('../../editor/lsp/server.js');
    serve(process.stdin, process.stdout);
    // The connection ends the process.
    return await new Promise<never>(() => undefined);
  },
});
