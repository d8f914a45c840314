# SPDX-License-Identifier: Apache-2.0
"""The body of a receipt, member by member ("Body"). A check returns None, or what is wrong."""
import re
from datetime import datetime

SAFE = 2**53 - 1
HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")
ID = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==\Z")
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{0,40}[1-9])?\Z")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z")


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool) and -SAFE <= value <= SAFE


def is_natural(value):
    return is_integer(value) and value >= 0


def is_string(value):
    return isinstance(value, str)


def is_boolean(value):
    return isinstance(value, bool)


def is_hash(value):
    return is_string(value) and HASH.match(value) is not None


def is_id(value):
    return is_string(value) and ID.match(value) is not None


def is_time(value):
    if not is_string(value) or not TIME.match(value):
        return False
    try:
        # Year 0 exists in the format, not in Python; 2000 is a leap year as well.
        datetime.fromisoformat(("2000" if value.startswith("0000") else value[:4]) + value[4:-1])
        return True
    except ValueError:
        return False


def is_add(value):
    return is_integer(value) or (is_string(value) and DECIMAL.match(value) is not None and value != "-0")


def one_of(*values):
    return lambda value: any(type(value) is type(v) and value == v for v in values)


def list_of(check):
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def members(required, optional=None):
    known = {**required, **(optional or {})}
    return lambda value: (
        isinstance(value, dict)
        and all(name in value for name in required)
        and all(name in known and known[name](item) for name, item in value.items())
    )


def either(*checks):
    return lambda value: any(check(value) for check in checks)


strings = list_of(is_string)
effect = one_of("allow", "review", "deny")
who = members({"id": is_string, "roles": strings})
refs = members(
    {},
    {
        "propose": is_hash,
        "decide": is_hash,
        "approve": list_of(is_hash),
        "parent": members({"log": is_string, "leaf": is_hash}),
    },
)
principal = members(
    {
        "id": is_string,
        "roles": strings,
        "auth": members({"method": is_string}, {"credential": is_string}),
        "session": is_hash,
    },
    {"on_behalf_of": who},
)
intent = members(
    {
        **dict.fromkeys(("kind", "method", "server", "name"), is_string),
        "args_root": is_hash,
        "args_count": is_natural,
        "digest": is_hash,
    },
    {"definition": is_hash, "trace": is_string},
)
policy = members(
    {**dict.fromkeys(("name", "version"), is_string), **dict.fromkeys(("source", "module", "compiler"), is_hash)},
    {
        "activation": is_hash,
        "versions": members(dict.fromkeys(("node", "icu", "unicode", "tz", "ada"), is_string)),
    },
)
decision = members(
    {"effect": effect, "rules": strings, "default": is_boolean, "steps": is_natural},
    {
        "shadow": list_of(members({"name": is_string, "effect": is_string}, {"unknown": one_of(True)})),
        "reason": is_string,
        "approvals": list_of(
            members(
                {"rule": is_string, "quorum": is_natural, "timeout": is_natural},
                {"roles": strings, "self": one_of(True)},
            )
        ),
        "expires": is_time,
        "dry_run": effect,
        "masked": list_of(members({"kind": is_string, "count": is_natural})),
    },
)
approval = members(
    {
        "verdict": one_of("approve", "deny"),
        "approver": who,
        "nonce": is_id,
        "expires": is_time,
        "proof": either(
            members({"key": is_string, "signature": is_string}), members({"session": is_string, "method": is_string})
        ),
    }
)
STATUSES = ("ok", "tool_error", "upstream_error", "timeout", "cancelled", "not_sent", "unknown")
outcome = members(
    {"status": one_of(*STATUSES)}, {"result_root": is_hash, "bytes": is_natural, "ms": is_natural}
)
key = members(
    {"purpose": one_of("root+log", "log", "epoch"), "key": is_string, "fingerprint": is_hash},
    {"root": is_string, "certificate": is_string},
)
KINDS = (
    "refused_input",
    "failed_authentication",
    "pins_changed",
    "kill_switch",
    "dry_run",
    "reload_refused",
    "erase",
    "denied_method",
)
event = members(
    {"kind": one_of(*KINDS)},
    {"source": is_string, "detail": is_string, "count": is_natural, "minute": is_string},
)
CALL = {"call": is_id, "principal": principal, "intent": intent}
COUNTS = list_of(members({"name": is_string, "key": strings, "add": is_add}))
UNKNOWNS = list_of(members({"name": is_string, "why": is_string, "otherwise": effect}))
TYPES = {
    "genesis": ({"key": key}, {}),
    "key": ({"key": key}, {}),
    "revoke": (
        {"revoke": members({"key": is_string, "from": is_natural}, {"reason": is_string, "certificate": is_string})},
        {},
    ),
    "policy": ({"policy": policy}, {}),
    "propose": (CALL, {"refs": refs}),
    "decide": (
        {**CALL, "policy": policy, "phase": one_of("call", "result", "list"), "decision": decision},
        {
            "refs": refs,
            "facts": strings,
            "facts_root": is_hash,
            "reads": strings,
            "unknowns": UNKNOWNS,
            "counts": COUNTS,
        },
    ),
    "approve": ({"call": is_id, "refs": refs, "approval": approval}, {"principal": principal}),
    "outcome": ({"call": is_id, "refs": refs, "outcome": outcome}, {}),
    "ack": ({"call": is_id, "refs": refs}, {}),
    "anchor": ({"anchor": members({"checkpoint": is_string})}, {}),
    "seal": ({"seal": members({"key": is_string, "size": is_natural})}, {}),
    "snapshot": ({"snapshot": members({"hash": is_hash, "size": is_natural})}, {}),
    "recovery": ({"recovery": members({"cut": is_natural, "unknown": is_natural})}, {}),
    "event": ({"event": event}, {}),
}
COMMON = {
    "v": one_of(1),
    "type": is_string,
    "log": is_string,
    "seq": is_natural,
    "time": is_time,
    "boot": is_id,
}


def plain(value):
    """What may stand in ext."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return is_integer(value)
    if isinstance(value, list):
        return all(plain(item) for item in value)
    if isinstance(value, dict):
        return all(plain_key(name) and plain(item) for name, item in value.items())
    return True


def plain_key(name):
    return name != "" and all(" " <= c <= "~" for c in name) and not name.isdigit()


def check_body(value, extensions):
    """Is this a body? `extensions` are the members of ext that the trust file lists."""
    kind = value.get("type") if isinstance(value, dict) else None
    if not is_string(kind) or kind not in TYPES:
        return False
    required, optional = TYPES[kind]
    ext = value.get("ext", {})
    shape = members(
        {**COMMON, **required}, {"prev": is_hash, "clock": one_of("held"), "ext": lambda _: True, **optional}
    )
    return (
        shape(value)
        and isinstance(ext, dict)
        and all(name in extensions for name in ext)
        and plain(ext)
        and (kind == "genesis") == ("prev" not in value)
    )
