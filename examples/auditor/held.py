# SPDX-License-Identifier: Apache-2.0
"""Receipts that somebody else holds ("Held receipts")."""
from body import is_hash, is_natural
from notes import b64, hash_text, leaf_hash, parse_decimal, split_entries
from openings import LARGE
from strictjson import NotStrict, parse

PROOF_HEADER = "c2sp.org/tlog-proof@v1\n"


class Held:
    """A receipt that was kept; `proof` and `signed` are what its holder can show to others, if anything."""

    def __init__(self, origin, seq, digest, proof=None, signed=None):
        self.origin, self.seq, self.digest, self.proof, self.signed = origin, seq, digest, proof, signed


def held_receipts(text):
    """What a holder kept: one .tlog-proof, or JSON, one value or one a line, with receipts somewhere inside."""
    if text.startswith(PROOF_HEADER):
        return [held_proof(text)]
    try:
        values = [parse(text, **LARGE)]
    except NotStrict:
        values = [parse(line, **LARGE) for line in text.split("\n") if line.strip() != ""]
    found = []

    def walk(value):
        if isinstance(value, dict):
            if is_natural(value.get("seq")) and is_hash(value.get("hash")):
                found.append(held_receipt(value))
                return
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                walk(item)

    walk(values)
    if not found:
        raise NotStrict("what is held holds no receipt")
    return found


def held_receipt(value):
    origin, mark, _ = str(value.get("id", "")).rpartition("#")
    seq, signed = value["seq"], None
    if "signed" in value:
        signed = b64(value["signed"]) if isinstance(value["signed"], str) else None
        pieces = split_entries(signed or b"")
        if not pieces or hash_text(leaf_hash(pieces[-1])) != value["hash"]:
            raise NotStrict(f"the signed bytes of receipt {seq} are not those of its hash")
    return Held(origin if mark and origin else None, seq, value["hash"], signed=signed)


def held_proof(text):
    lines = text.split("\n")[1:3]
    extra = b64(lines[0][6:]) if lines[0].startswith("extra ") else None
    index = parse_decimal(lines[1][6:]) if lines[1:] and lines[1].startswith("index ") else None
    pieces = split_entries(extra or b"")
    if not pieces or index is None:
        raise NotStrict("what is held is not a receipt with its proof")
    return Held(None, index, hash_text(leaf_hash(pieces[-1])), proof=text)
