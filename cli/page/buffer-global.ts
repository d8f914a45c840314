// SPDX-License-Identifier: Apache-2.0
/** Takes the place of the global `Buffer` in the bundle. */
export { Bytes as Buffer } from './bytes.js';
