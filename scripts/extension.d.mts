// SPDX-License-Identifier: Apache-2.0
/** Writes the extension as VS Code loads it into `folder`. */
export function stageExtension(root: string, folder: string): Promise<void>;
