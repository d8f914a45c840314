// SPDX-License-Identifier: Apache-2.0
/** Words by what they do in a sentence that tries to give orders to a model. Folded: without accents, in lower case. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Names of sets, as phrases use them. */
export const SETS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'IGNORE',
    words(
      'ignore ignoring ignores disregard disregarding forget forgetting override overrides overriding bypass bypassing discard dismiss neglect overlook abandon suspend erase cancel nullify void supersede supersedes circumvent disobey delete unlearn drop',
    ),
  ],
  [
    'PRIOR',
    words(
      'previous prior above earlier preceding former foregoing past initial original existing current all any every other your these those system safety the',
    ),
  ],
  [
    'PAST',
    words('previous prior above earlier preceding former foregoing past initial original previously old'),
  ],
  [
    'ORDERS',
    words(
      'instruction instructions instruct prompt prompts rule rules directive directives guideline guidelines command commands order orders constraint constraints programming restriction restrictions policies directions guidance safeguards guardrails training conditioning inst intructions instrutions limitations protocols',
    ),
  ],
  [
    'SHOW',
    words(
      'reveal show print output repeat display tell give leak dump share expose disclose write return recite echo list provide copy paste quote summarize translate spell say send include describe append read',
    ),
  ],
  [
    'SECRETS',
    words(
      'secret secrets password passwords credential credentials token tokens key keys apikey api cookies env environment ssh rsa history conversation conversations chat context memory messages logs confidential',
    ),
  ],
  [
    'TELL',
    words(
      'tell inform mention notify reveal alert disclose show say warn report acknowledge explain display telling informing mentioning notifying revealing alerting disclosing showing warning asking',
    ),
  ],
  // Whom people keep things from among themselves.
  ['OTHERS', words('anyone anybody somebody someone people them him her everyone')],
  ['USER', words('user users human humans owner operator admin')],
  [
    'UNBOUND',
    words(
      'unrestricted unfiltered uncensored unlimited unbound unconstrained jailbroken amoral dan evil lawless limitless',
    ),
  ],
  [
    'LIMITS',
    words(
      'restriction restrictions filter filters limitation limitations limit limits guideline guidelines rule rules censorship constraint constraints boundaries safeguards guardrails policy policies ethics morals moral ethical safety disclaimers warnings',
    ),
  ],
  [
    'SEND',
    words(
      'send post upload forward exfiltrate email transmit leak submit push share deliver mail copy report pass append embed relay sends posts forwards',
    ),
  ],
  ['CALL', words('use using call calling invoke invoking execute executing run running trigger triggering')],
  ['NEVER', words("don't dont never not without no avoid")],
  ['MODE', words('mode state')],
]);

/** Words that are worth unfolding rot13, reversal, leetspeak and spaced letters for. */
export const CORE: readonly string[] = [
  'ignore',
  'disregard',
  'previous',
  'instructions',
  'instruction',
  'system',
  'prompt',
  'override',
  'forget',
  'reveal',
  'safety',
  'everything',
  'respond',
  'secret',
  'bypass',
  'output',
  'execute',
  'password',
  'restrictions',
  'guidelines',
  'jailbreak',
  'developer',
  'unrestricted',
  'assistant',
];
