// SPDX-License-Identifier: Apache-2.0
/** What `link(std)` hands to a compiled policy. */
import type { PolicyModule } from './abi.js';
import { arith, decimal, negate } from './decimal.js';
import { dfa, matches } from './dfa.js';
import { policy as whole } from './compose.js';
import { glob, like } from './glob.js';
import { amount } from './measure.js';
import { inCidr, ip, range } from './ip.js';
import { moment, span } from './moment.js';
import { under } from './path.js';
import { anyone, hasRole, inWho, members, principal, role, userHasRole, userInWho, who } from './sets.js';
import { schedule, within } from './schedule.js';
import { addition, measure, type ModuleTables, read, tablesOf } from './rows.js';
import { approval, hint, standIn } from './tables.js';
import { inDomain, urlPart, urlPort } from './url.js';
import * as values from './values.js';

const underOrUnknown = (path: string | undefined, root: string | undefined): values.Kleene =>
  path === undefined || root === undefined ? 1 : under(path, root);

/** The policy of a module's tables. */
const policy = (module: ModuleTables): PolicyModule => whole(tablesOf(module));

export const std = Object.freeze({
  ...values,
  anyone,
  hasRole,
  inWho,
  members,
  principal,
  role,
  userHasRole,
  userInWho,
  who,
  approval,
  hint,
  standIn,
  read,
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
