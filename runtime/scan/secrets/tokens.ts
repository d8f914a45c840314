// SPDX-License-Identifier: Apache-2.0
/** Keys and tokens whose issuers gave them a form: a prefix, and runs of characters of known length. */
import {
  ALNUM,
  BASE64,
  type Class,
  DIGIT,
  DOTTED,
  HEX,
  LETTER,
  LOWER_DIGIT,
  runEnd,
  SLUG,
  startsRun,
  UPPER_DIGIT,
  WORD,
  entropy,
  isIn,
} from '../characters.js';
import type { Hit, Rule } from '../rule.js';
import { hasLetterAndDigit } from './forms.js';
import { isMasked } from './placeholder.js';

/** A literal, or a run of a class with its least and most length. */
type Segment = string | readonly [table: Class, least: number, most: number];

interface Shape {
  readonly kind: string;
  readonly prefixes: readonly string[];
  readonly rest: readonly Segment[];
  /** Least entropy of what follows the prefix, in bits per character. */
  readonly entropy?: number;
  readonly confidence?: number;
  /** Letters and digits: without a digit it is a name of a program. */
  readonly mixed?: true;
}

const shape = (kind: string, prefixes: string | readonly string[], ...rest: Segment[]): Shape => ({
  kind,
  prefixes: typeof prefixes === 'string' ? [prefixes] : prefixes,
  rest,
});

const run = (table: Class, least: number, most = least): Segment => [table, least, most];
const UUID: readonly Segment[] = [
  run(HEX, 8),
  '-',
  run(HEX, 4),
  '-',
  run(HEX, 4),
  '-',
  run(HEX, 4),
  '-',
  run(HEX, 12),
];

const SHAPES: readonly Shape[] = [
  shape('github-token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], run(ALNUM, 36, 255)),
  shape('github-token', 'github_pat_', run(WORD, 22, 255)),
  shape(
    'gitlab-token',
    [
      'glpat-',
      'gldt-',
      'glrt-',
      'glptt-',
      'glcbt-',
      'glft-',
      'glimt-',
      'glsoat-',
      'gloas-',
      'glagent-',
      'glffct-',
      'glwt-',
    ],
    run(DOTTED, 20, 320),
  ),
  shape('gitlab-token', 'GR1348941', run(SLUG, 20, 50)),
  shape('aws-key', ['AKIA', 'ASIA', 'ABIA', 'ACCA'], run(UPPER_DIGIT, 16)),
  shape('aws-key', 'A3T', run(UPPER_DIGIT, 17)),
  shape('aws-key', 'amzn.mws.', ...UUID),
  shape('aws-key', 'ABSK', run(BASE64, 109, 269)),
  shape(
    'slack-token',
    [
      'xoxb-',
      'xoxp-',
      'xoxa-',
      'xoxr-',
      'xoxs-',
      'xoxo-',
      'xoxe-',
      'xoxe.xoxb-',
      'xoxe.xoxp-',
      'xapp-',
      'xwfp-',
    ],
    run(SLUG, 10, 255),
  ),
  shape(
    'slack-webhook',
    'hooks.slack.com/',
    run(LETTER, 8, 10),
    '/',
    run(ALNUM, 6, 20),
    '/',
    run(ALNUM, 6, 20),
    '/',
    run(ALNUM, 18, 60),
  ),
  shape(
    'stripe-key',
    ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'sk_prod_', 'rk_prod_', 'whsec_'],
    run(ALNUM, 10, 255),
  ),
  { ...shape('openai-key', ['sk-proj-', 'sk-svcacct-', 'sk-admin-'], run(SLUG, 20, 255)), entropy: 3 },
  { ...shape('openai-key', 'sk-', run(ALNUM, 32, 64)), entropy: 3.5 },
  { ...shape('anthropic-key', 'sk-ant-', run(SLUG, 20, 255)), entropy: 3 },
  { ...shape('ai-key', 'gsk_', run(ALNUM, 52)), entropy: 3.5 },
  { ...shape('ai-key', ['pplx-', 'xai-', 'r8_', 'csk-', 'fw_'], run(ALNUM, 22, 100)), entropy: 3.5 },
  { ...shape('ai-key', 'sk-or-v1-', run(HEX, 64)) },
  // 35 as issued; keys that people copy lose or gain a letter.
  { ...shape('google-key', 'AIza', run(SLUG, 33, 40)), entropy: 4 },
  shape('google-key', 'GOCSPX-', run(SLUG, 28)),
  { ...shape('google-key', 'ya29.', run(SLUG, 20, 255)), entropy: 3 },
  shape('npm-token', 'npm_', run(ALNUM, 36)),
  shape('pypi-token', 'pypi-', run(SLUG, 85, 400)),
  shape('sendgrid-key', 'SG.', run(SLUG, 20, 24), '.', run(SLUG, 39, 50)),
  shape('twilio-key', 'SK', run(HEX, 32)),
  { ...shape('twilio-key', 'AC', run(HEX, 32)), confidence: 0.6 },
  shape('mailgun-key', 'key-', run(HEX, 32)),
  shape('mailgun-key', 'pubkey-', run(HEX, 32)),
  { ...shape('huggingface-token', 'hf_', run(ALNUM, 34, 40)), entropy: 3 },
  { ...shape('huggingface-token', 'api_org_', run(LETTER, 34)), entropy: 2 },
  shape('notion-token', 'ntn_', run(ALNUM, 40, 60)),
  { ...shape('notion-token', 'secret_', run(ALNUM, 43)), entropy: 3.5 },
  shape('figma-token', ['figd_', 'figu_', 'figo_'], run(SLUG, 38, 60)),
  { ...shape('fly-token', ['fo1_', 'fm1a_', 'fm1r_', 'fm2_'], run(BASE64, 30, 600)), entropy: 3 },
  { ...shape('fly-token', ['fo1_'], run(SLUG, 43)), entropy: 3 },
  { ...shape('grafana-token', 'glc_', run(BASE64, 32, 400)), entropy: 3 },
  shape('grafana-token', 'glsa_', run(ALNUM, 32), '_', run(HEX, 8)),
  { ...shape('grafana-token', 'eyJrIjoi', run(BASE64, 60, 400)), entropy: 3 },
  { ...shape('vault-token', ['hvs.', 'hvb.', 'hvr.'], run(SLUG, 24, 300)), entropy: 3 },
  { ...shape('vault-token', 's.', run(ALNUM, 24)), entropy: 3.6, mixed: true },
  {
    ...shape(
      '1password-key',
      'A3-',
      run(UPPER_DIGIT, 6),
      '-',
      run(UPPER_DIGIT, 6, 11),
      '-',
      run(UPPER_DIGIT, 5),
      '-',
      run(UPPER_DIGIT, 5),
      '-',
      run(UPPER_DIGIT, 5),
    ),
    entropy: 2,
  },
  {
    ...shape(
      '1password-key',
      'A3-',
      run(UPPER_DIGIT, 6),
      '-',
      run(UPPER_DIGIT, 6),
      '-',
      run(UPPER_DIGIT, 5),
      '-',
      run(UPPER_DIGIT, 5),
      '-',
      run(UPPER_DIGIT, 5),
      '-',
      run(UPPER_DIGIT, 5),
    ),
    entropy: 2,
  },
  { ...shape('1password-key', 'ops_eyJ', run(BASE64, 200, 4000)), entropy: 3 },
  { ...shape('artifactory-key', 'AKC', run(ALNUM, 10, 80)), entropy: 2.8 },
  { ...shape('artifactory-key', 'cmVmdGtuOj', run(ALNUM, 30, 80)), entropy: 3 },
  shape('azure-key', 'AccountKey=', run(BASE64, 86), '=='),
  { ...shape('doppler-token', ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.'], run(DOTTED, 40, 60)), entropy: 3 },
  shape('dynatrace-token', 'dt0c01.', run(UPPER_DIGIT, 24), '.', run(UPPER_DIGIT, 64)),
  shape('databricks-token', 'dapi', run(HEX, 32)),
  shape('digitalocean-token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], run(HEX, 64)),
  {
    ...shape('facebook-token', ['EAACEdEose0cBA', 'EAAM', 'EAAC', 'EAAG', 'EAAB'], run(ALNUM, 20, 300)),
    entropy: 3,
  },
  shape('heroku-key', 'HRKU-AA', run(SLUG, 58)),
  shape('linear-key', ['lin_api_', 'lin_oauth_'], run(ALNUM, 32, 64)),
  shape('newrelic-key', ['NRAK-', 'NRRA-'], run(UPPER_DIGIT, 27, 42)),
  shape('newrelic-key', ['NRII-', 'NRJS-', 'NRBR-'], run(SLUG, 19, 34)),
  { ...shape('openshift-token', 'sha256~', run(SLUG, 43)), entropy: 3.5 },
  shape('planetscale-token', ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], run(DOTTED, 32, 64)),
  shape('postman-key', 'PMAK-', run(HEX, 24), '-', run(HEX, 34)),
  shape('pulumi-token', 'pul-', run(HEX, 40)),
  shape('rubygems-key', 'rubygems_', run(HEX, 48)),
  { ...shape('sentry-token', 'sntrys_', run(BASE64, 30, 400)), entropy: 3.5 },
  shape('sentry-token', 'sntryu_', run(HEX, 64)),
  shape('shippo-token', ['shippo_live_', 'shippo_test_'], run(HEX, 40)),
  shape('shopify-token', ['shpat_', 'shpca_', 'shppa_', 'shpss_'], run(HEX, 32)),
  shape('sonar-token', ['squ_', 'sqp_', 'sqa_'], run(HEX, 40)),
  shape('sourcegraph-token', ['sgp_local_', 'sgp_'], run(HEX, 40)),
  shape('sourcegraph-token', 'sgp_', run(HEX, 16), '_', run(HEX, 40)),
  shape('sourcegraph-token', 'slk_', run(HEX, 64)),
  shape('square-token', ['sq0atp-', 'sq0csp-', 'sq0idp-'], run(SLUG, 22, 60)),
  { ...shape('square-token', 'EAAA', run(SLUG, 22, 60)), entropy: 3 },
  {
    ...shape('tailscale-key', 'tskey-', run(LETTER, 3, 10), '-', run(ALNUM, 6, 32), '-', run(ALNUM, 16, 64)),
  },
  { ...shape('tailscale-key', 'tskey-', run(LETTER, 3, 10), '-', run(ALNUM, 16, 64)) },
  shape('typeform-token', 'tfp_', run(DOTTED, 40, 60)),
  shape('atlassian-token', ['ATATT3', 'ATCTT3', 'ATSTT3'], run(TOKEN_BODY(), 100, 300)),
  shape('bitbucket-token', 'ATBB', run(ALNUM, 32)),
  shape('age-key', 'AGE-SECRET-KEY-1', run(UPPER_DIGIT, 58)),
  shape('airtable-token', 'pat', run(ALNUM, 14), '.', run(HEX, 64)),
  shape('alibaba-key', 'LTAI', run(ALNUM, 20)),
  { ...shape('adafruit-key', 'aio_', run(ALNUM, 28)) },
  shape('cloudflare-key', 'v1.0-', run(HEX, 24), '-', run(HEX, 146)),
  shape('contentful-token', 'CFPAT-', run(SLUG, 43)),
  shape('dropbox-token', 'sl.', run(SLUG, 130, 400)),
  shape('duffel-token', ['duffel_test_', 'duffel_live_'], run(SLUG, 43)),
  shape('easypost-key', ['EZAK', 'EZTK'], run(ALNUM, 54)),
  shape('infracost-key', 'ico-', run(ALNUM, 32)),
  { ...shape('mapbox-token', 'sk.eyJ', run(SLUG, 20, 200), '.', run(SLUG, 22)) },
  shape('netlify-token', ['nfp_', 'nfc_', 'nfo_'], run(ALNUM, 36, 60)),
  shape('plaid-token', ['access-sandbox-', 'access-development-', 'access-production-'], ...UUID),
  shape('prefect-key', ['pnu_', 'pnb_'], run(ALNUM, 36)),
  shape('readme-key', 'rdme_', run(LOWER_DIGIT, 70)),
  shape('brevo-key', 'xkeysib-', run(HEX, 64), '-', run(ALNUM, 16)),
  shape('supabase-key', ['sbp_', 'sb_secret_'], run(WORD, 30, 60)),
  shape('clojars-token', 'CLOJARS_', run(LOWER_DIGIT, 60)),
  shape('docker-token', ['dckr_pat_', 'dckr_oat_'], run(SLUG, 27, 32)),
  shape('buildkite-token', ['bkua_', 'bkct_'], run(LOWER_DIGIT, 40)),
  shape('circleci-token', 'CCIPAT_', run(SLUG, 40, 80)),
  shape('nuget-key', 'oy2', run(LOWER_DIGIT, 43)),
  shape('vercel-token', ['vcp_', 'vck_', 'vci_', 'vca_', 'vcr_'], run(ALNUM, 24, 80)),
  shape('scalingo-token', 'tk-us-', run(SLUG, 48)),
  shape('frameio-token', 'fio-u-', run(SLUG, 64)),
  shape('flutterwave-key', ['FLWSECK_TEST-', 'FLWSECK-'], run(ALNUM, 12, 40)),
  shape('lob-key', ['live_', 'test_'], run(HEX, 35)),
  shape('maxmind-key', 'mmk_', run(WORD, 30, 40)),
  shape('intra42-secret', ['s-s4t2ud-', 's-s4t2af-'], run(HEX, 64)),
  shape('microsoft-webhook', 'webhook.office.com/webhookb2/', run(WEBHOOK(), 30, 240)),
  shape(
    'discord-webhook',
    ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'],
    run(DIGIT, 15, 25),
    '/',
    run(SLUG, 40, 90),
  ),
  shape('zapier-webhook', 'hooks.zapier.com/hooks/catch/', run(DIGIT, 4, 12), '/', run(ALNUM, 5, 12)),
  shape('harness-key', ['pat.', 'sat.'], run(SLUG, 22), '.', run(HEX, 24), '.', run(ALNUM, 20)),
  shape('yandex-key', 'AQVN', run(SLUG, 35, 38)),
  shape('yandex-key', 'YC', run(SLUG, 38)),
  shape('octopus-key', 'API-', run(UPPER_DIGIT, 26)),
  shape('langsmith-key', ['lsv2_pt_', 'lsv2_sk_'], run(HEX, 32), '_', run(HEX, 10)),
  shape('nvidia-key', 'nvapi-', run(SLUG, 60, 70)),
  shape('pinecone-key', 'pcsk_', run(ALNUM, 5, 7), '_', run(ALNUM, 60, 70)),
  shape('tavily-key', ['tvly-', 'tvly-dev-', 'tvly-prod-'], run(ALNUM, 32)),
  { ...shape('launchdarkly-key', ['sdk-', 'mob-'], ...UUID), confidence: 0.7 },
  shape('neon-key', 'napi_', run(LOWER_DIGIT, 60, 70)),
  shape(
    'paypal-token',
    ['access_token$production$', 'access_token$sandbox$'],
    run(LOWER_DIGIT, 16),
    '$',
    run(HEX, 32),
  ),
  { ...shape('adyen-key', 'AQE', run(BASE64, 100, 300)), entropy: 4.5 },
  shape('hubspot-token', ['pat-na1-', 'pat-eu1-', 'pat-na2-'], ...UUID),
  shape('okta-token', ['SSWS 00', 'SSWS: 00'], run(SLUG, 38, 42)),
  shape('crates-token', 'cio', run(ALNUM, 32)),
  { ...shape('intercom-token', 'dG9rO', run(BASE64, 40, 90)), entropy: 4 },
  { ...shape('twitter-token', 'AAAAAAAAAAAAAAAAAAAAA', run(PERCENT_TOKEN(), 60, 200)), entropy: 4 },
  { ...shape('django-key', 'django-insecure-', run(PRINTED(), 30, 80)), entropy: 3 },
  { ...shape('cerebras-key', 'csk-', run(LOWER_DIGIT, 48)), entropy: 3.5 },
  { ...shape('voyage-key', ['pa-', 'al-'], run(SLUG, 43)), entropy: 4.2 },
  { ...shape('resend-key', 're_', run(ALNUM, 8), '_', run(ALNUM, 24)), entropy: 3.5 },
  { ...shape('clerk-key', ['sk_live_', 'sk_test_'], run(ALNUM, 40, 60)), entropy: 3.5 },
  shape('sendinblue-key', 'xsmtpsib-', run(HEX, 64), '-', run(ALNUM, 16)),
  shape('posthog-key', ['phx_', 'phs_'], run(ALNUM, 40, 60)),
  shape('turso-token', 'libsql://', run(DOTTED, 8, 80), '?authToken=', run(DOTTED, 40, 400)),
  shape('zuplo-key', 'zpka_', run(WORD, 40, 80)),
  shape('polar-token', ['polar_oat_', 'polar_pat_'], run(ALNUM, 40, 60)),
  { ...shape('ai-key', ['jina_', 'wandb_v1_', 'apify_api_'], run(WORD, 36, 120)), entropy: 3.5 },
  { ...shape('ai-key', 'fc-', run(HEX, 32)), entropy: 3 },
  { ...shape('ai-key', 'e2b_', run(HEX, 40)), entropy: 3 },
  { ...shape('ai-key', 'sk_', run(HEX, 48)), entropy: 3 },
  { ...shape('ai-key', 'BSA', run(SLUG, 27, 28)), entropy: 3.8, mixed: true },
  { ...shape('ai-key', ['ak-', 'as-'], run(ALNUM, 22)), entropy: 3.6, mixed: true },
  { ...shape('browserbase-key', 'bb_live_', run(SLUG, 24, 40)), entropy: 3 },
  shape('razorpay-key', ['rzp_live_', 'rzp_test_'], run(ALNUM, 14)),
  { ...shape('mollie-key', ['live_', 'test_'], run(ALNUM, 30)), entropy: 3.6, mixed: true },
  { ...shape('gocardless-token', ['live_', 'sandbox_'], run(SLUG, 40)), entropy: 4, mixed: true },
  { ...shape('checkout-key', ['sk_sbox_', 'sk_'], run(LOWER_DIGIT, 26)), entropy: 3.4, mixed: true },
  { ...shape('cloudflare-key', ['cfut_', 'cfat_', 'cfk_'], run(ALNUM, 36, 60)), entropy: 3.5 },
  { ...shape('render-key', 'rnd_', run(ALNUM, 24, 40)), entropy: 3.5, mixed: true },
  { ...shape('deno-token', ['ddp_', 'ddw_'], run(ALNUM, 36)), entropy: 3.5 },
  { ...shape('tencent-key', 'AKID', run(ALNUM, 32)), entropy: 3.5 },
  { ...shape('honeycomb-key', ['hcaik_', 'hcalk_', 'hcxik_'], run(LOWER_DIGIT, 58)), entropy: 3.5 },
  shape('trello-token', 'ATTA', run(HEX, 64)),
  { ...shape('clickup-token', 'pk_', run(DIGIT, 6, 10), '_', run(UPPER_DIGIT, 32)), entropy: 3.4 },
  { ...shape('salesforce-token', '00D', run(ALNUM, 12, 15), '!', run(DOTTED, 80, 120)), entropy: 3.5 },
  { ...shape('google-key', 'AAAA', run(SLUG, 7), ':', run(SLUG, 134, 180)), entropy: 4 },
  { ...shape('google-key', '1//0', run(SLUG, 40, 140)), entropy: 4 },
  { ...shape('yandex-key', 'y0_', run(SLUG, 40, 80)), entropy: 3.5 },
  { ...shape('yandex-key', 't1.', run(SLUG, 40, 200), '.', run(SLUG, 86)), entropy: 3.5 },
  { ...shape('vk-token', 'vk1.a.', run(SLUG, 80, 300)), entropy: 4 },
  { ...shape('instagram-token', ['IGQVJ', 'IGQWR', 'IGAA'], run(SLUG, 80, 300)), entropy: 3.5 },
  shape('riot-key', 'RGAPI-', ...UUID),
  shape('sidekiq-secret', 'BUNDLE_ENTERPRISE__CONTRIBSYS__COM=', run(HEX, 8), ':', run(HEX, 8)),
];

function TOKEN_BODY(): Class {
  const table = new Uint8Array(SLUG);
  table['='.charCodeAt(0)] = 1;
  return table;
}

function WEBHOOK(): Class {
  const table = new Uint8Array(SLUG);
  for (const c of '@/') table[c.charCodeAt(0)] = 1;
  return table;
}

function PERCENT_TOKEN(): Class {
  const table = new Uint8Array(SLUG);
  table['%'.charCodeAt(0)] = 1;
  return table;
}

function PRINTED(): Class {
  const table = new Uint8Array(SLUG);
  for (const c of '!@#$%^&*()=+') table[c.charCodeAt(0)] = 1;
  return table;
}

/** Where the segments end that start at `at`; runs are taken whole, so nothing is read twice. */
function follow(text: string, at: number, rest: readonly Segment[]): number | null {
  let end = at;
  for (const segment of rest) {
    if (typeof segment === 'string') {
      if (!text.startsWith(segment, end)) return null;
      end += segment.length;
      continue;
    }
    const [table, least, most] = segment;
    const stop = runEnd(text, end, table, most);
    if (stop - end < least) return null;
    end = stop;
  }
  const last = rest.at(-1);
  const goesOn =
    typeof last === 'object' &&
    last[2] < 200 &&
    isIn(last[0], text.charCodeAt(end)) &&
    isIn(ALNUM, text.charCodeAt(end));
  return goesOn ? null : end;
}

/** A run that is long enough holds its first character and the last that it needs. */
function mayGoOn(text: string, at: number, segment: Segment | undefined): boolean {
  if (segment === undefined) return true;
  if (typeof segment === 'string') return text.startsWith(segment, at);
  const [table, least] = segment;
  return isIn(table, text.charCodeAt(at)) && isIn(table, text.charCodeAt(at + least - 1));
}

function match(shape: Shape, text: string, at: number, anchor: string): Hit | null {
  const end = follow(text, at + anchor.length, shape.rest);
  if (end === null) return null;
  const body = text.slice(at + anchor.length, end);
  if (entropy(body) < (shape.entropy ?? 2) || isMasked(body)) return null;
  if (shape.mixed === true && !hasLetterAndDigit(body)) return null;
  return { start: at, end, confidence: shape.confidence ?? 0.95 };
}

/** Characters that a look may read, several times over. */
const longest = (rest: readonly Segment[]): number =>
  rest.reduce((sum, segment) => sum + (typeof segment === 'string' ? segment.length : segment[2]), 0);

export const tokenRules: readonly Rule[] = SHAPES.map((s, i) => ({
  id: `secret/${s.kind}${SHAPES.findIndex((other) => other.kind === s.kind) === i ? '' : `-${i}`}`,
  detector: 'secret',
  kind: s.kind,
  anchors: s.prefixes,
  reach: 1600 + 4 * longest(s.rest),
  starts: (text, at, anchor) =>
    startsRun(text, at, ALNUM) && text.startsWith(anchor, at) && mayGoOn(text, at + anchor.length, s.rest[0]),
  check: (text, at, anchor) => match(s, text, at, anchor),
}));
