# SPDX-License-Identifier: Apache-2.0
"""Strict JSON and its canonical form (docs/receipt-format.md, "Strict JSON"; RFC 8785)."""
import json
import re
from decimal import Decimal

FORBIDDEN = {"__proto__", "constructor", "prototype"}
SAFE = 2**53 - 1


class NotStrict(ValueError):
    """The text is not strict JSON; the message says why."""


def es_number(value):
    """The text that ECMAScript gives a number."""
    if value == 0:
        return "0"
    if value < 0:
        return "-" + es_number(-value)
    mantissa, _, exponent = repr(float(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    # value = 0.digits * 10^point
    point = int(exponent or 0) + len(whole) if whole != "0" else int(exponent or 0) - (len(fraction) - len(digits))
    digits = digits.rstrip("0")
    k = len(digits)
    if k <= point <= 21:
        return digits + "0" * (point - k)
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    e = point - 1
    tail = ("+" if e >= 0 else "-") + str(abs(e))
    return (digits if k == 1 else digits[0] + "." + digits[1:]) + "e" + tail


def _number(token):
    value = float(token)
    if value in (float("inf"), float("-inf")) or Decimal(es_number(value)) != Decimal(token):
        raise NotStrict("a number cannot be kept exactly")
    return int(value) if value.is_integer() and abs(value) <= SAFE else value


def _constant(token):
    raise NotStrict(token + " is not JSON")


def parse(text, size=4 * 1024 * 1024, depth=64, keys=10_000):
    """The value of a text; raises NotStrict."""
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > size:
        raise NotStrict("too long")
    count = 0

    def members(pairs):
        nonlocal count
        count += len(pairs)
        found = {}
        for key, value in pairs:
            if key in found:
                raise NotStrict("a key stands twice")
            if key in FORBIDDEN:
                raise NotStrict("a forbidden key")
            found[key] = value
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=members, parse_int=_number, parse_float=_number, parse_constant=_constant
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise NotStrict("not JSON") from error
    if count > keys:
        raise NotStrict("too many members")
    _check(value, depth)
    return value


def _check(value, left):
    if isinstance(value, str):
        _well_formed(value)
    elif isinstance(value, (dict, list)):
        if left == 0:
            raise NotStrict("nested too deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, left - 1)
        if isinstance(value, dict):
            for key in value:
                _well_formed(key)


def _well_formed(text):
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise NotStrict("a lone surrogate")


_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


def _string(text):
    return '"' + _ESCAPED.sub(lambda m: _SHORT.get(m[0]) or "\\u%04x" % ord(m[0]), text) + '"'


def utf16(text):
    """A sort key: order by UTF-16 unit."""
    return text.encode("utf-16-be")


def canonical(value):
    """JCS."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return es_number(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    return "{" + ",".join(_string(k) + ":" + canonical(value[k]) for k in sorted(value, key=utf16)) + "}"
