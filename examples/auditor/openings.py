# SPDX-License-Identifier: Apache-2.0
"""Commitments and openings ("Commitments")."""
import base64
import hashlib
import hmac

from body import is_hash, is_natural, is_string
from notes import b64, hash_text, leaf_hash, sha256
from strictjson import NotStrict, canonical, parse, utf16
from tree import root_of, verify_inclusion

LARGE = {"size": 64 * 1024 * 1024, "depth": 80, "keys": 1_000_000}


def pointer_salt(salt, pointer):
    return hmac.new(salt, b"sepal.dev/salt/v1\n" + pointer.encode(), hashlib.sha256).digest()


def member_leaf(pointer, salt_text, value):
    return leaf_hash(canonical([pointer, salt_text, value]).encode())


def own_leaf(salt, pointer, value):
    return member_leaf(pointer, base64.b64encode(pointer_salt(salt, pointer)).decode(), value)


def commit(salt, prefix, values):
    """The root over the members of an object."""
    escape = lambda name: name.replace("~", "~0").replace("/", "~1")
    pairs = sorted(((f"{prefix}/{escape(n)}", v) for n, v in values.items()), key=lambda p: utf16(p[0]))
    leaves, size = [], 0
    for pointer, value in pairs:
        size += len(utf16(canonical(value))) // 2
        if len(leaves) >= 64 or size > 65_536:
            break
        leaves.append(own_leaf(salt, pointer, value))
    if len(leaves) < len(pairs):
        leaves.append(own_leaf(salt, "", [list(pair) for pair in pairs[len(leaves) :]]))
    return hash_text(root_of(leaves))


def check_opening(opening, root):
    hashes = [b64(h) for h in opening["hashes"]]
    if root is None or None in hashes:
        return False
    leaf = member_leaf(opening["pointer"], opening["salt"], opening["value"])
    return verify_inclusion(leaf, opening["index"], opening["leaves"], hashes, bytes.fromhex(root[7:]))


def is_opening(value):
    return (
        isinstance(value, dict)
        and all(is_string(value.get(name)) for name in ("pointer", "salt"))
        and "value" in value
        and all(is_natural(value.get(name)) for name in ("index", "leaves"))
        and isinstance(value.get("hashes"), list)
        and all(is_string(h) for h in value["hashes"])
    )


def parse_line(line):
    """A line of openings.jsonl; raises NotStrict."""
    value = parse(line, **LARGE)
    if not isinstance(value, dict) or not is_natural(value.get("seq")):
        raise NotStrict("a line has no seq")
    opened = value.get("open", {})
    if not set(value) <= {"seq", "open", "salt", "intent", "facts", "result"}:
        raise NotStrict("a line has an unknown member")
    if not isinstance(opened, dict) or not set(opened) <= {"args", "facts"}:
        raise NotStrict("open does not hold lists of openings")
    if not all(isinstance(items, list) and all(map(is_opening, items)) for items in opened.values()):
        raise NotStrict("open does not hold lists of openings")
    if not all(is_string(value[name]) for name in ("salt", "intent", "facts", "result") if name in value):
        raise NotStrict("a text is not a string")
    return value


def fault(body, line):
    """What is wrong with what a line discloses of a receipt, or None."""
    opened = line.get("open", {})
    intent = body.get("intent", {})
    if not all(check_opening(o, intent.get("args_root")) for o in opened.get("args", [])):
        return "an opened argument is not what the receipt commits to"
    if not all(check_opening(o, body.get("facts_root")) for o in opened.get("facts", [])):
        return "an opened fact is not what the receipt commits to"
    salt = b64(line["salt"]) if "salt" in line else None
    try:
        if "intent" in line:
            if hash_text(sha256(line["intent"].encode())) != intent.get("digest"):
                return "the intent is not the one that was digested"
            value = parse(line["intent"], **LARGE)
            if salt is None or canonical(value) != line["intent"]:
                return "the intent cannot be read"
            params, kind = value.get("params", {}), value.get("kind")
            whole = kind in ("sampling", "elicitation", "roots")
            member = {"tool": "arguments", "prompt": "arguments", "completion": "argument"}.get(kind, "")
            args = params if whole else params.get(member, {})
            args = args if isinstance(args, dict) else {}
            if commit(salt, "", {} if intent["args_count"] == 0 else args) != intent["args_root"]:
                return "the arguments are not what the receipt commits to"
        if "facts" in line:
            values = parse(line["facts"], **LARGE)
            if salt is None or commit(salt, "/facts", values) != body.get("facts_root"):
                return "the facts are not what the receipt commits to"
    except (NotStrict, AttributeError):
        return "the clear text cannot be read"
    if "result" in line:
        root = body.get("outcome", {}).get("result_root")
        if salt is None or hash_text(own_leaf(salt, "/result", line["result"])) != root:
            return "the result is not what the receipt commits to"
    return None
