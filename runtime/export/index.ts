// SPDX-License-Identifier: Apache-2.0
/** A log in the forms that others read. */
export { ActaChain, dsseLine, pae } from './attest.js';
export { exportFolder } from './folder.js';
export { type Disclose, sealedOpenings } from './openings.js';
export { ExportFailure, proveReceipts } from './prove.js';
export {
  type Difference,
  parseMessages,
  reconcile,
  type Reconciled,
} from './reconcile.js';
export { type Receipt, receipts } from './read.js';
export { CSV_HEADER, csvLine, jsonLine } from './rows.js';
export { auditorKey, Sealer, unsealFile } from './sealed.js';
export { exportTiles } from './tiles.js';
