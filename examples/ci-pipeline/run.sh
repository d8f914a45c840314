#!/usr/bin/env bash
# What a pipeline asks of a policy before it goes live. Exit codes: docs/cli.md. SEPAL names the command (default: npx sepal).
set -euo pipefail
cd "$(dirname "$0")"
sepal() { ${SEPAL:-npx sepal} "$@"; }
policy=../filesystem/policy.sep
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

sepal fmt --check "$policy"                          # 6 when it is not in its canonical form
sepal check "$policy"                                # 3 when it has errors
sepal test "$policy" --coverage-min 90               # 6 when a test fails, or tests exercise less than 90 %
sepal prove "$policy"                                # 6 when a claim about every call does not hold
sepal diff "$policy" "$policy"                       # 6 when the second allows more than the first: name the one in force

# A bundle that gateways load only because of who signed it (`trustedPublishers`). A real key is made once and kept secret.
sepal keygen publisher --name example.org/policies --out "$out/publisher.pem" > "$out/publisher.vkey" 2> /dev/null
sign=(--sign "$out/publisher.pem" --publisher example.org/policies)

# The same source gives the same bytes: what is deployed can be built again by anyone.
sepal build "$policy" --out "$out/one" "${sign[@]}" > /dev/null
sepal build "$policy" --out "$out/two" "${sign[@]}" > /dev/null
diff -r "$out/one" "$out/two"

# Questions with the answers that were agreed on; asked of the built bundle, as the gateway would ask it.
cp ../filesystem/sepal.lock "$out"
sepal decide --policy "$out/one/policy.js" --batch questions.jsonl \
  | node -e 'for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) { const a = JSON.parse(line); console.log(a.decision, a.rules.join(",") || "default") }' \
  | diff answers.txt -
echo "the policy may go live"
