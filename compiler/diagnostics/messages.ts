// SPDX-License-Identifier: Apache-2.0
/**
 * The one table of what the compiler can say. 1xxx syntax (from the grammar), 2xxx names and files, 3xxx types, 4xxx lints,
 * 5xxx loading. A code is never used again.
 */
import { FAULTS, type FaultCode } from '../../grammar/faults.js';

export type Severity = 'error' | 'warning';
export interface MessageText {
  readonly severity: Severity;
  readonly title: string;
  readonly message: string;
  readonly help: string | null;
}

const error = (title: string, message: string, help: string | null = null): MessageText => ({
  severity: 'error',
  title,
  message,
  help,
});
const warning = (title: string, message: string, help: string | null = null): MessageText => ({
  severity: 'warning',
  title,
  message,
  help,
});
const syntax = Object.fromEntries(
  Object.entries(FAULTS).map(([code, { title, message, help }]) => [
    code,
    { severity: 'error', title, message, help },
  ]),
) as { readonly [code in FaultCode]: MessageText };

export const MESSAGES = {
  ...syntax,

  SEP2001: error(
    'unknown name',
    '`{name}` is not defined',
    'define it with `principals`, `actions`, `let` or `fact`',
  ),
  SEP2002: error(
    'duplicate name',
    'the name `{name}` is already taken',
    'rename one of the two: rules, sets, lets and facts share one namespace',
  ),
  SEP2003: error('name of another kind', '`{name}` is {is}, not {wanted}'),
  SEP2004: error('unknown role', 'the role `{name}` is not declared', 'declare it: `role {name}`'),
  SEP2005: error(
    'unknown tool',
    'no {kind} `{name}` is pinned',
    'pin it with `sepal tools pull`, or write a pattern with `*`',
  ),
  SEP2006: error(
    'grant that matches nothing',
    'no pinned {kind} matches `{name}`, so this grants nothing',
    'run `sepal tools pull`, or correct the pattern',
  ),
  SEP2007: error(
    'definition in terms of itself',
    '`{name}` is defined in terms of itself',
    'sets and predicates cannot be recursive',
  ),
  SEP2008: error(
    'no pinned tools',
    'the policy names tools but pins none',
    'add `tools "sepal.lock"` and run `sepal tools pull`',
  ),
  SEP2009: error('two tools statements', 'a policy has one `tools` statement', 'remove one of the two'),
  SEP2010: error(
    'unusable lock',
    '{what}',
    'restore it from version control, or pin the tools anew with `sepal tools pull --replace` and look at what changed',
  ),
  SEP2011: error('unknown argument', '{tools} has no argument `{name}`', null),
  SEP2012: error(
    'unknown function',
    '`{name}` is not a function of the language',
    'known are `has`, `size`, `lower`, `url`, `ip` and those of the scanner',
  ),
  SEP2013: error('unknown member', '`{object}` has no member `{name}`', null),
  SEP2014: error('not a value', '{name} is not a value', null),
  SEP2015: error(
    'module that cannot be used',
    '{what}',
    'a module is `LAST_PART.sep` beside the file that imports it, or in `modules/`, with that policy name in its header',
  ),
  SEP2016: error(
    'import in a circle',
    '`{name}` imports itself: {chain}',
    'move what both need into a third module',
  ),
  SEP2017: error(
    'module that is not pinned',
    'the module `{name}` {is}',
    'read it, then pin it in the lock: `"modules": { "{name}": "{hash}" }`',
  ),
  SEP2018: error(
    'unknown time zone',
    'there is no time zone `{zone}`',
    'name a zone of the IANA database, as `Europe/Paris`; `UTC` is one',
  ),

  SEP2019: error(
    'statement that a template cannot hold',
    '`{what}` cannot stand inside a template',
    'write it outside: tools, imports, delegation and tests are those of the file',
  ),

  SEP3001: error('type mismatch', '{what} needs {wanted}, but this is {found}', null),
  SEP3002: error(
    'optional argument without has',
    '`{name}` is optional and may be absent',
    'test it first: `has({name}) and …`',
  ),
  SEP3003: error(
    'not a condition',
    'a condition is true or false, but this is {found}',
    'there is no truthiness; compare it with a value',
  ),
  SEP3004: error('unknown enum member', '`{member}` is none of {members}', null),
  SEP3005: error(
    'hint in a grant',
    "a hint is the server's own claim and may only tighten, never allow",
    'use it in a `deny` or `escalate`',
  ),
  SEP3006: error(
    'value without a type',
    '{what} does not work on {name}, which the schema does not type',
    'only `==`, `!=`, `in` and `has` work on it',
  ),
  SEP3007: error('wrong number of arguments', '`{name}` takes {wanted}, not {found}', null),
  SEP3008: error(
    'path that under refuses',
    '`{path}` is not a path that `under` can compare',
    'write an absolute POSIX path without `..`, `~`, `%`, backslashes or odd segments',
  ),
  SEP3009: error(
    'review without approval',
    '`{effect}` needs to say who approves',
    'add `by role:NAME timeout 15m`',
  ),
  SEP3010: error(
    'approval that means nothing',
    '`{effect}` takes no approval',
    'only `review` and `escalate` ask people',
  ),
  SEP3011: error(
    'block without otherwise',
    'the block `{name}` has no `otherwise`',
    'add `otherwise => …`, or mark the block `partial`',
  ),
  SEP3012: error('value out of range', '`{found}` is not {wanted}', null),
  SEP3013: error(
    'arguments of something that is not a tool',
    '`{name}` can be read only in rules about tools',
    'write a rule of its own for tools',
  ),
  SEP3014: error(
    'test of nothing',
    'this test asks about {what}',
    'a test is `as agent:x` and then calls, each with `=>` and the answer that is expected',
  ),
  SEP3015: error(
    'condition or set too large',
    'written out, this grows too large',
    'predicates and sets are written out where they are used; nest them less deeply, or use them less often',
  ),
  SEP3017: error(
    'pattern that cannot be matched',
    'this pattern cannot be used: {what}',
    'a pattern is what a machine with finitely many states can run: `.`, `[a-z]`, `(…)`, `|`, `*`, `+`, `?`, `{2,5}`, `\\d`, `\\w`, `\\s`, `(?i)` at the start',
  ),
  SEP3016: error(
    'grant in a tighten module',
    'a module marked `tighten` only restricts, and this is `{what}`',
    'write a `deny` or `escalate`, or remove `tighten` from the header',
  ),
  SEP3019: error('address that cannot be used', '`{text}` is not {wanted}: {what}', null),
  SEP3020: error(
    'effect that does not belong to the phase',
    '`{effect}` cannot stand in the `{phase}` phase, which knows {wanted}',
    'grants belong to the call; the other phases only restrict what has been admitted',
  ),
  SEP3021: error(
    'value that the phase does not have',
    '`{name}` cannot be read in the `{phase}` phase',
    null,
  ),
  SEP3022: error('mask of nothing', '`{name}` is nothing that can be masked', null),
  SEP3023: error(
    'rule in the shadow past its date',
    '`{name}` was to stay in the shadow until {until}, and today is {today}',
    'remove `shadow until` to put the rule in force, give it a later date, or remove the rule',
  ),

  SEP3024: error(
    'fact that nobody can stand in for',
    '`{name}` cannot be `on unknown review`: {what}',
    'compare it with constants only, and with few of them, or leave the clause out: without it an unknown fact denies',
  ),

  SEP3025: error(
    'mask of arguments that cannot hold',
    'this mask of arguments {what}',
    'what receipts hold is settled before any rule is asked, by the tool alone: `redact NAME: any -> TOOLS on call mask args.x`, with no clause, and no measure that sums `args.x`',
  ),

  SEP4001: warning(
    'path prefix as text',
    '{op} compares text: `{path}/../etc` passes',
    'compare by segments with `under`',
  ),
  SEP4002: warning('unused name', '`{name}` is never used', 'remove it, or use it'),
  SEP4003: warning(
    'block that allows anyone',
    'the block `{name}` allows without asking who calls',
    'add `for WHO`, or test the principal in a case',
  ),
  SEP4004: warning(
    'restriction that matches nothing yet',
    'no pinned {kind} matches `{name}` yet',
    'keep it as a guard for tools to come, or correct the pattern',
  ),
  SEP4005: warning(
    'path that no condition reads',
    '`{rule}` grants `{tool}`, whose argument `{name}` no condition reads',
    'bound it: `when { args.{name} under "/…" }`',
  ),
  SEP4006: warning(
    'all of an empty list',
    '`all` of an empty list is true, and `{name}` may be empty',
    'add `size({name}) > 0`',
  ),
  SEP4007: warning(
    'bound on one side only',
    '`{name}` is bounded on one side only',
    'say how {other} it may be, too',
  ),
  SEP4008: warning(
    'URL prefix as text',
    'this compares text, and hosts can be spelt in many ways: a URL that starts with `{prefix}` may lead elsewhere',
    'compare its parts: `url(x).scheme`, `.host`, `.port`, `.path`',
  ),
  SEP4009: warning(
    'deny-list of words',
    'this looks for words in `{name}`, and every spelling that is not listed passes',
    'allow what is known to be good instead',
  ),
  SEP4010: warning(
    'role of a test that is not declared',
    'the role `{name}` is not declared, so no rule can ask for it',
    'roles that a credential carries and the policy does not know change nothing',
  ),

  SEP4011: warning(
    'grant that no delegated call can pass',
    '`{name}` grants to agents only: under `delegation strict` a call for a user needs a grant to that user too',
    'grant it to the users as well, by a role or `user:…`, or to `any`',
  ),
  SEP4012: warning(
    'rule that can never apply',
    '{what}: no call fits who, what and condition at once',
    'remove it, or correct the condition',
  ),
  SEP4013: warning(
    'grant that is always denied',
    '`{name}` can never allow: {covers} denies all of it',
    'remove it, or narrow what denies it',
  ),
  SEP4014: warning(
    'restriction that others cover',
    '`{name}` changes nothing: {covers} denies all of it already',
    'remove it, or narrow the wider one if this was to say more',
  ),
  SEP4016: warning(
    'condition that may take long',
    'one decision of this may take {steps} steps',
    '`all` and `any` may walk over 1,000 items each, and inside one another they multiply; ask about fewer lists at a time',
  ),
  SEP4017: warning(
    'clause that means nothing',
    '`{clause}` means nothing here: the counter `{name}` denies nothing',
    'remove it, or write a `limit`',
  ),
  SEP4015: warning(
    'review that grants to more than others',
    '`{name}` grants: it lets `{who}` call, once approved, what other rules grant to fewer',
    '`escalate` asks about calls that something else allows, and grants nothing',
  ),
} as const satisfies { readonly [code: string]: MessageText };

export type Code = keyof typeof MESSAGES;
export const CODES = Object.keys(MESSAGES).sort() as readonly Code[];
