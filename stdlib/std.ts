// SPDX-License-Identifier: Apache-2.0
/** What `link(std)` hands to a compiled policy. */
import * as ask from './ask.js';
import { arith, decimal, negate } from './decimal.js';
import { dfa, matches } from './dfa.js';
import { policy } from './compose.js';
import { glob, like } from './glob.js';
import { addition, amount, measure } from './measure.js';
import { inCidr, ip, range } from './ip.js';
import { moment, span } from './moment.js';
import { under } from './path.js';
import * as sets from './sets.js';
import { schedule, within } from './schedule.js';
import * as tables from './tables.js';
import { inDomain, urlPart, urlPort } from './url.js';
import * as values from './values.js';

const underOrUnknown = (path: string | undefined, root: string | undefined): values.Kleene =>
  path === undefined || root === undefined ? 1 : under(path, root);

export const std = Object.freeze({
  ...values,
  ...sets,
  ...tables,
  ...ask,
  arith,
  decimal,
  dfa,
  matches,
  negate,
  glob,
  like,
  under: underOrUnknown,
  inCidr,
  inDomain,
  ip,
  moment,
  range,
  span,
  urlPart,
  urlPort,
  schedule,
  within,
  addition,
  amount,
  measure,
  policy,
});
