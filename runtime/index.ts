// SPDX-License-Identifier: Apache-2.0
/** The runtime as a library: `import { createGateway, loadPolicy, decide } from "sepal/runtime"`. */
import type { Decision, Facts, Phase, Request } from '../stdlib/abi.js';
import type { LoadedPolicy } from './decide/load.js';

export type { Decision, Facts, Intent, Phase, PolicyModule, Request, Subject } from '../stdlib/abi.js';
export { type Config, type ConfigError, type ConfigResult, loadConfig, readConfig } from './config.js';
export { configSchema } from './config-schema.js';
export {
  type BundleManifest,
  type LoadedPolicy,
  LoadFailure,
  loadPolicy,
  type Trust,
} from './decide/load.js';
export { createGateway, type Gateway, type GatewayOptions } from './gateway/gateway.js';
export { StartRefused } from './gateway/start.js';

/** One decision of a loaded policy: pure, synchronous, without side effect. Facts that are missing are unknown. */
export function decide(
  policy: LoadedPolicy,
  request: Request,
  facts: Facts = {},
  phase: Phase = 'call',
): Decision {
  return policy.module.decide(request, facts, phase);
}
