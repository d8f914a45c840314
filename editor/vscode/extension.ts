// SPDX-License-Identifier: Apache-2.0
/** The extension as VS Code starts and ends it. */
import * as vscode from 'vscode';
import { Client } from './client.js';
import { registerFeatures } from './features.js';

const RUN_TEST = 'sepal.runTest';
let client: Client | null = null;

export async function activate({ subscriptions }: vscode.ExtensionContext): Promise<void> {
  const started = new Client();
  client = started;
  subscriptions.push(
    ...started.follow(),
    vscode.commands.registerCommand('sepal.restart', async () => {
      await started.stop();
      await started.start();
    }),
    vscode.commands.registerCommand(RUN_TEST, async (...args) =>
      started.ask('workspace/executeCommand', { command: RUN_TEST, arguments: args }),
    ),
  );
  const capabilities = await started.start();
  const ask = async <R>(method: string, params: object): Promise<R | null> => started.ask<R>(method, params);
  subscriptions.push(...registerFeatures(ask, capabilities ?? {}));
}

export async function deactivate(): Promise<void> {
  await client?.stop();
  client = null;
}
