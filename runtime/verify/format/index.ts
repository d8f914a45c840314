// SPDX-License-Identifier: Apache-2.0
export * from './approval.js';
export type * from './body.js';
export * from './canonical.js';
export * from './check-body.js';
export * from './checkpoint.js';
export * from './commit.js';
export * from './ed25519.js';
export * from './entry.js';
export * from './hash.js';
export * from './json.js';
export * from './keys.js';
export * from './note.js';
export * from './proof.js';
export * from './segment.js';
export * from './tiles.js';
export * from './tlog-proof.js';
export * from './tree.js';
export * from './trust.js';
