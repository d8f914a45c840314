# SPDX-License-Identifier: Apache-2.0
"""Certified keys, the log keys in force, and revocations ("Keys")."""
from notes import admissible_key, b64, parse_vkey
from strictjson import canonical

MAX_LOG_KEYS = 1_000


def checked_key(body, log, certifier, required):
    """The key that a `key` member names, or None."""
    key = parse_vkey(body["key"])
    if key is None or not admissible_key(key.key) or body["fingerprint"] != key.fingerprint:
        return None
    if "certificate" not in body:
        return None if required else key
    return key if certifies(certifier, log, body["purpose"], body["key"], body["certificate"]) else None


def certifies(certifier, log, purpose, vkey, certificate):
    text = f"sepal.dev/key/v1\n{canonical({'key': vkey, 'log': log, 'purpose': purpose})}\n".encode()
    signature = b64(certificate)
    return signature is not None and certifier.verifies(text, signature)


def revoked_by(root, log, revocation):
    """Did the root sign this revocation?"""
    claim = {"from": revocation["from"], "key": revocation["key"], "log": log}
    signature = b64(revocation.get("certificate", "-"))
    return signature is not None and root.verifies(f"sepal.dev/revoke/v1\n{canonical(claim)}\n".encode(), signature)


def is_statement(item, log):
    """A revocation as it stands in a trust file."""
    if not isinstance(item, dict) or not {"key", "from", "certificate"} <= set(item):
        return False
    texts = [item["key"], item["certificate"], item.get("reason", ""), item.get("log", log)]
    start = item["from"]
    number = isinstance(start, int) and not isinstance(start, bool) and 0 <= start < 2**53
    known = set(item) <= {"log", "key", "from", "reason", "certificate"}
    return known and number and all(isinstance(text, str) for text in texts) and texts[3] == log


class LogKeys:
    """The log key of the trust file, then those that the root certifies; `signed` is the largest checkpoint that each signed."""

    def __init__(self, trust):
        self.trust, self.keys = trust, [{"key": trust.log, "signed": 0}]

    @property
    def current(self):
        return self.keys[-1]

    def add(self, log, body):
        key = checked_key(body, log, self.trust.root, True)
        if key is None or len(self.keys) >= MAX_LOG_KEYS:
            return False
        self.keys.append({"key": key, "signed": 0})
        return True

    def signs(self, checkpoint):
        return checkpoint.origin == self.trust.origin and checkpoint.signed_by(self.current["key"])
