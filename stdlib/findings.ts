// SPDX-License-Identifier: Apache-2.0
/** What `findings(x, "…")` can count: detectors, and the kinds of their findings. A test holds them to the scanner's rules. */

export const DETECTOR_NAMES: readonly string[] = ['secret', 'pii', 'injection', 'exfiltration', 'code'];

export const FINDING_KINDS: readonly string[] = `
1password-key aadhaar adafruit-key address addressed adyen-key
age-key ai-key airtable-token alibaba-key anthropic-key artifactory-key
asana-token atlassian-token authority aws-key azure-key azure-secret
bank-account basic-credentials bearer-token birth-date bitbucket-token brevo-key
browserbase-key buildkite-token card cerebras-key chained-command checkout-key
china-id circleci-token clerk-key clickup-token clojars-token cloudflare-key
concealment contentful-token cpf crates-token databricks-token delimiter
deno-token deserialization digitalocean-token discord-token discord-webhook django-key
docker-token doppler-token driving-licence dropbox-token duffel-token dynatrace-token
easypost-key email encoded-order evaluation exfiltration-request extraction
facebook-token false-trust figma-token filled-url fiscal-code flutterwave-key
fly-token frameio-token generic github-token gitlab-token gocardless-token
google-key grafana-token harness-key heroku-key hidden-text honeycomb-key
hubspot-token huggingface-token iban infracost-key instagram-token intercom-token
intra42-secret ip itin jailbreak jwt langsmith-key
launchdarkly-key linear-key lob-key mailchimp-key mailgun-key mapbox-token
markdown-image maxmind-key mbi medical-record memory microsoft-webhook
mollie-key national-id neon-key netlify-token newrelic-key nhs
nif nino nir notion-token npm-token nric
nuget-key nvidia-key octopus-key okta-token openai-key openshift-token
override passport password password-hash path-traversal paypal-token
personnummer pesel phone pinecone-key plaid-token planetscale-token
polar-token posthog-key postman-key prefect-key private-key private-key-putty
prototype pulumi-token pypi-token razorpay-key readme-key render-key
resend-key reverse-shell riot-key rubygems-key salesforce-token scalingo-token
sender sendgrid-key sendinblue-key sensitive-file sentry-token shippo-token
shopify-token sidekiq-secret sin sink slack-token slack-webhook
sonar-token sourcegraph-token sql sql-union square-token ssn
stripe-key supabase-key tailscale-key tavily-key telegram-token tencent-key
terraform-token tool-poisoning trello-token turso-token twilio-key twitter-token
typeform-token unc-path url-password vault-token vercel-token vk-token
voyage-key wallet-key yandex-key zapier-webhook zuplo-key
`
  .trim()
  .split(/\s+/);
