# SPDX-License-Identifier: Apache-2.0
"""A second verifier of receipt logs, written from docs/receipt-format.md alone: python3 verify.py LOG --trust trust.json"""
import argparse
import json
import re
import sys
from pathlib import Path

from body import check_body
from held import held_receipts
from life import Life
from logkeys import LogKeys, certifies, checked_key, is_statement, revoked_by
from notes import (
    CONTEXT,
    COSIGNATURE,
    MAX_ENTRY,
    admissible_key,
    b64,
    entry_end,
    hash_text,
    is_origin,
    leaf_hash,
    parse_checkpoint,
    parse_decimal,
    parse_signature_line,
    parse_vkey,
    split_entries,
    split_notes,
)
from openings import fault, parse_line
from strictjson import NotStrict, canonical, parse
from tree import Tree, verify_consistency, verify_inclusion

NAMES = (
    "bytes", "signatures", "keys", "chain", "tree", "tail", "split view", "time", "linkage", "completeness",
)  # fmt: skip
REQUIRED = ("bytes", "signatures", "keys", "chain", "tree", "tail", "linkage")


class Refused(Exception):
    """The trust file is not one, or what was given beside the log cannot be used."""


class Findings:
    """The first failure of a property counts; a failure outweighs "not checked"."""

    def __init__(self, names=NAMES, required=REQUIRED):
        self.found, self.required = {name: {} for name in names}, required

    def fail(self, name, entry, why):
        self.found.setdefault(name, {}).setdefault("fail", (entry, why))

    def skip(self, name, why, entry=None):
        self.found.setdefault(name, {}).setdefault("not checked", (entry, why))

    def touch(self, name):
        self.found.setdefault(name, {})

    def failed(self, name):
        return "fail" in self.found.get(name, {})

    def report(self, entries):
        properties = {}
        for name, found in self.found.items():
            status = "fail" if "fail" in found else "not checked" if found else "pass"
            entry, why = found.get(status, (None, ""))
            properties[name] = {"status": status, "entry": entry, "detail": why}
        states = {name: p["status"] for name, p in properties.items()}
        bad = "fail" in states.values()
        result = "fail" if bad else "incomplete" if any(states[n] != "pass" for n in self.required) else "pass"
        return {"entries": entries, "result": result, "properties": properties}


class Trust:
    MEMBERS = ("origin", "root", "logKey", "genesis", "witnesses", "quorum", "approvers", "extensions", "revoked")  # fmt: skip

    def __init__(self, text):
        try:
            value = parse(text)
        except NotStrict as error:
            raise Refused("the trust file is not strict JSON") from error
        if not isinstance(value, dict) or not set(value) <= set(self.MEMBERS):
            raise Refused("the trust file has unknown members")
        self.origin = value.get("origin")
        if not isinstance(self.origin, str) or not is_origin(self.origin):
            raise Refused("origin is not one line of text")
        self.root, self.log = self.key(value.get("root")), self.key(value.get("logKey"))
        self.genesis = value.get("genesis")
        if self.genesis is not None and not re.match(r"sha256:[0-9a-f]{64}\Z", str(self.genesis)):
            raise Refused("genesis is not a hash")
        self.witnesses = [self.key(text, COSIGNATURE) for text in self.list(value.get("witnesses", []))]
        self.quorum = value.get("quorum", 0)
        quorum_ok = isinstance(self.quorum, int) and not isinstance(self.quorum, bool)
        if not quorum_ok or not 0 <= self.quorum <= len(self.witnesses):
            raise Refused("quorum is not a number of witnesses")
        if len({w.key for w in self.witnesses}) < len(self.witnesses):
            raise Refused("one key witnesses twice")
        self.approvers = None
        if "approvers" in value:
            self.approvers = set()
            for item in self.list(value["approvers"]):
                if not isinstance(item, dict) or set(item) != {"id", "key"} or not isinstance(item["id"], str):
                    raise Refused("approvers is not a list of id and key")
                key = self.key(item["key"])
                self.approvers.add((item["id"], key.name, key.key))
        self.extensions = self.list(value.get("extensions", []))
        if not all(isinstance(name, str) for name in self.extensions):
            raise Refused("extensions is not a list of names")
        self.revoked = self.list(value.get("revoked", []))
        if not all(is_statement(item, self.origin) and revoked_by(self.root, self.origin, item) for item in self.revoked):
            raise Refused("revoked is not a list of revocations by the root")

    @staticmethod
    def list(value):
        if not isinstance(value, list):
            raise Refused("a list is not one")
        return value

    @staticmethod
    def key(text, kind=1):
        key = parse_vkey(text, kind) if isinstance(text, str) else None
        if key is None or not admissible_key(key.key):
            raise Refused("a key is not an admissible verifier key")
        return key


class Entry:
    def __init__(self, text, body, signature):
        self.text, self.body, self.signature = text, body, signature


def parse_entry(data, extensions):
    """An Entry, or None."""
    if len(data) > MAX_ENTRY or entry_end(data, 0) != len(data):
        return None
    split = data.index(b"\n", len(CONTEXT))
    try:
        line = data[split + 2 : -1].decode("utf-8")
        json_text = data[len(CONTEXT) : split].decode("utf-8")
        value = parse(json_text, size=MAX_ENTRY)
    except (UnicodeDecodeError, NotStrict):
        return None
    signature = parse_signature_line(line)
    if signature is None or canonical(value) != json_text or not check_body(value, extensions):
        return None
    return Entry(data[: split + 1], value, signature)


class Signatures:
    def __init__(self, trust, log_keys, findings):
        self.trust, self.log_keys, self.findings = trust, log_keys, findings
        self.epochs, self.revoked, self.genesis = [], list(trust.revoked), None

    def entry(self, seq, entry, leaf):
        body = entry.body
        if seq == 0:
            return self._begin(entry, leaf)
        if body["type"] == "key":
            self._key(seq, body)
        elif seq == 1:
            self.findings.fail("keys", 1, "entry 1 does not certify the first epoch key")
        if seq == 1 and self.genesis is not None:
            self._check(0, self.genesis)
        self._check(seq, entry)
        if "seal" in body and self.epochs:
            epoch = self.epochs[-1]
            epoch["sealed"] = True
            own = (epoch["key"].vkey, epoch["key"].fingerprint)
            if body["seal"]["key"] not in own or body["seal"]["size"] != seq:
                self.findings.fail("keys", seq, "the seal is not of the key in force at this place")
        if "revoke" in body:
            if "certificate" in body["revoke"] and not revoked_by(self.trust.root, body["log"], body["revoke"]):
                self.findings.fail("keys", seq, "the certificate of the revocation is not the root's")
            self.revoked.append(body["revoke"])
        return None

    def _begin(self, entry, leaf):
        body, trust = entry.body, self.trust
        if body["type"] != "genesis":
            return self.findings.fail("keys", 0, "entry 0 is not genesis")
        self.genesis, key = entry, body["key"]
        fits = (
            (trust.genesis is None or trust.genesis == hash_text(leaf))
            and key["purpose"] == "root+log"
            and key.get("root") == trust.root.vkey
            and key["key"] == trust.log.vkey
            and checked_key(key, body["log"], trust.root, False) is not None
        )
        if not fits:
            self.findings.fail("keys", 0, "genesis is not the one of the trust file")
        return None

    def _key(self, seq, body):
        purpose = body["key"]["purpose"]
        if purpose == "log":
            if not self.log_keys.add(body["log"], body["key"]):
                self.findings.fail("keys", seq, "the log key is not certified by the root")
            return None
        by = self.log_keys.current
        key = checked_key(body["key"], body["log"], by["key"], True) if purpose == "epoch" else None
        if key is None:
            return self.findings.fail("keys", seq, "the epoch key is not certified by the log key")
        start = 0 if seq == 1 else seq
        self.epochs.append({"key": key, "from": start, "to": seq, "sealed": False, "by": by, "at": seq})
        return None

    def _check(self, seq, entry):
        if not self.epochs:
            return self.findings.skip("signatures", "no epoch key is certified", seq)
        epoch = self.epochs[-1]
        name, kid, signature = entry.signature
        if name != epoch["key"].name or kid != epoch["key"].id:
            return self.findings.fail("keys", seq, "not signed by the epoch key in force")
        if epoch["sealed"]:
            return self.findings.fail("keys", seq, "signed by an epoch key after its seal")
        epoch["to"] = seq
        if not epoch["key"].verifies(entry.text, signature):
            self.findings.fail("signatures", seq, "the signature does not verify")
        return None

    def finish(self):
        for revoke in self.revoked:
            names = lambda one: revoke["key"] in (one["key"].vkey, one["key"].fingerprint)
            for epoch in filter(names, self.epochs):
                first = max(revoke["from"], epoch["from"])
                if first <= epoch["to"]:
                    self.findings.fail("keys", first, "signed by a key that is revoked from here on")
            for key in filter(names, self.log_keys.keys):
                late = [epoch["at"] for epoch in self.epochs if epoch["by"] is key and epoch["at"] >= revoke["from"]]
                if key["signed"] > revoke["from"]:
                    self.findings.fail("keys", revoke["from"], "covered by a checkpoint of a revoked log key")
                elif late:
                    self.findings.fail("keys", late[0], "certified by a revoked log key")
        if not self.epochs and self.genesis is not None:
            self.findings.skip("signatures", "no epoch key is certified", 0)


class Checkpoints:
    """The notes of both files in order of size, compared when the tree has grown to it."""

    def __init__(self, own, cosigned, trust, log_keys, findings):
        self.trust, self.log_keys, self.findings = trust, log_keys, findings
        notes, self.torn = split_notes(own)
        sized = [((parse_checkpoint(n).size if parse_checkpoint(n) else 0), n) for n in split_notes(cosigned)[0]]
        self.notes = self._merge(notes, sized)
        self.count, self.last, self.proven, self.next, self.done = 0, 0, 0, None, False
        self.witnessed = -1

    @staticmethod
    def _merge(own, cosigned):
        for note in own:
            checkpoint = parse_checkpoint(note)
            size = checkpoint.size if checkpoint else 0
            while cosigned and cosigned[0][0] < size:
                yield cosigned.pop(0)[1]
            yield note
        while cosigned:
            yield cosigned.pop(0)[1]

    def _read(self):
        note = next(self.notes, None)
        self.next = None
        if note is None:
            self.done = True
            return
        self.count += 1
        checkpoint, trust = parse_checkpoint(note), self.trust
        if checkpoint is None:
            return self.findings.fail("tree", None, "a checkpoint is not in its form")
        if trust is not None and checkpoint.origin != trust.origin:
            return self.findings.fail("tree", None, "a checkpoint is of another log")
        if checkpoint.size < self.last:
            return self.findings.fail("tree", None, "a checkpoint has a smaller size than the one before")
        self.last, self.next = checkpoint.size, checkpoint
        return None

    def meet(self, tree, time):
        while not self.done and (self.next is None or self.next.size <= tree.size):
            if self.next is not None and self.next.size == tree.size:
                self._compare(self.next, tree, time)
            self._read()

    def _signed(self, checkpoint):
        if self.log_keys is None or self.log_keys.signs(checkpoint):
            return True
        self.findings.fail("tree", None, "a checkpoint is not signed by the log key in force")
        return False

    def _compare(self, checkpoint, tree, time):
        if not self._signed(checkpoint):
            return
        if checkpoint.root != tree.root():
            entry = None if checkpoint.size == 0 else checkpoint.size - 1
            self.findings.fail("tree", entry, "the entries do not have the root of a checkpoint")
        elif not self.findings.failed("tree"):
            self.proven = checkpoint.size
            if self.log_keys is not None:
                self.log_keys.current["signed"] = checkpoint.size
            self.witnessed = max(self.witnessed, witness(self.trust, checkpoint, time, self.findings))

    def finish(self, tree, time):
        self.meet(tree, time)
        split_view(self.trust, self.witnessed, tree.size, self.findings)
        while not self.done:
            if self.next is not None and self._signed(self.next):
                self.findings.fail("tail", tree.size, "the log is cut")
            self._read()
        if self.count == 0 or self.trust is None:
            why = "there is no checkpoint" if self.count == 0 else "no trust file"
            self.findings.skip("tree", why)
            self.findings.skip("tail", why)
            return
        if self.torn:
            self.findings.skip("tail", "the file of checkpoints ends in the middle of one")
        if self.proven < tree.size:
            self.findings.skip("tail", f"tail not proven since entry {self.proven}", self.proven)


def witness(trust, checkpoint, time, findings):
    """The size of the checkpoint if a quorum cosigned it, else -1."""
    if trust is None or trust.quorum == 0:
        return -1
    times = sorted(t for t in map(checkpoint.cosigned_at, trust.witnesses) if t is not None)
    if len(times) < trust.quorum:
        return -1
    if time is not None and seconds(time) > times[trust.quorum - 1] + 300:
        findings.fail("time", checkpoint.size - 1, "the entry says a later time than the witnesses that saw it")
    return checkpoint.size


def seconds(time):
    from datetime import datetime, timezone

    return datetime.fromisoformat(time[:-1]).replace(tzinfo=timezone.utc).timestamp()


def split_view(trust, witnessed, size, findings):
    if trust is None or findings.failed("tree") or trust.quorum == 0 or witnessed < 0:
        findings.skip("split view", "no witnessed checkpoint, or none asked for")
    elif witnessed < size:
        findings.skip("split view", f"witnessed up to entry {witnessed}", witnessed)


def entries_of(log):
    """The bytes of each entry, then (where, torn) if reading stopped before the end."""
    if not (log / "entries").exists() and (log / "tile").exists():
        data, count, tiled = [tiles(log)], 1, True
    else:
        names = sorted(p for p in (log / "entries").iterdir() if re.match(r"[0-9]{6}\.log\Z", p.name))
        data, count, tiled = (path.read_bytes() for path in names), len(names), False
    for index, segment in enumerate(data):
        at = 0
        while (end := entry_end(segment, at)) >= 0:
            yield segment[at:end]
            at = end
        last = index == count - 1 and not tiled
        rest = segment[at:]
        if rest and not (last and rest.count(0) == len(rest)):
            yield (f"segment {index}, offset {at}", last)
            return


def tiles(log):
    """All entries of the full bundles, then those of the widest partial one."""
    found = bytearray()
    for index in range(10**9):
        groups = f"{index:03d}"
        groups = groups.zfill(-(-len(groups) // 3) * 3)
        parts = [groups[i : i + 3] for i in range(0, len(groups), 3)]
        path = log / "tile/entries" / "/".join([*("x" + p for p in parts[:-1]), parts[-1]])
        partial = path.with_name(path.name + ".p")
        widths = [int(p.name) for p in partial.iterdir() if p.name.isdigit()] if partial.is_dir() else []
        source = path if path.is_file() else partial / str(max(widths)) if widths else None
        if source is None:
            return bytes(found)
        data, at = source.read_bytes(), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            found += data[at + 2 : at + 2 + length]
            at += 2 + length
        if source is not path:
            return bytes(found)
    return bytes(found)


def read(path):
    return path.read_bytes() if path.is_file() else b""


def verify_log(log, trust, held=None, seen=None):
    """The report on a log folder or an export as tiles."""
    findings, tree = Findings(), Tree()
    checkpoints = read(log / "checkpoints")
    if not (log / "entries").exists() and (log / "tile").exists():
        checkpoints = read(log / "checkpoint") + b"\n" if (log / "checkpoint").is_file() else b""
    log_keys = None if trust is None else LogKeys(trust)
    follower = Checkpoints(checkpoints, read(log / "cosigned"), trust, log_keys, findings)
    others = sorted(seen_elsewhere(seen, trust), key=lambda c: c.size) if seen is not None else []
    claims = {}
    for one in held_receipts(held) if held is not None else []:
        claims.setdefault(one.seq, []).append(one)
    opened = read(log / "openings.jsonl").split(b"\n") if (log / "openings.jsonl").is_file() else None
    lines = disclosed(opened, findings) if opened is not None else {}
    signatures = None if trust is None else Signatures(trust, log_keys, findings)
    life = Life(findings, None if trust is None else trust.approvers)
    for name, given in (("openings", opened), ("held receipts", held), ("seen elsewhere", seen)):
        if given is not None:
            findings.touch(name)
    previous, time, unread = None, None, 0
    origin = None if trust is None else trust.origin
    follower.meet(tree, None)
    for data in entries_of(log):
        seq = tree.size
        if isinstance(data, tuple):
            where, torn = data
            if torn:
                findings.skip("tail", f"a write was cut short at {where}", seq)
            else:
                findings.fail("bytes", seq, f"what stands at {where} is not an entry")
            break
        leaf = leaf_hash(data)
        own = hash_text(leaf)
        tree.append(leaf)
        for one in claims.pop(seq, []):
            if one.origin is not None and origin is not None and one.origin != origin:
                findings.fail("held receipts", seq, "a held receipt is of another log")
            elif one.digest != own:
                findings.fail("held receipts", seq, f"a held receipt is not the entry in the log {weight(one, trust)}")
        entry = parse_entry(data, [] if trust is None else trust.extensions)
        if entry is None:
            findings.fail("bytes", seq, "the entry is not in its only form")
            unread += 1
        else:
            body = entry.body
            origin = origin or body["log"]
            wrong = body["seq"] != seq or body.get("prev") != previous or body["log"] != origin
            if wrong or (body["type"] == "genesis") != (seq == 0):
                findings.fail("chain", seq, "log, seq or prev does not fit")
            if time is not None and body["time"] < time:
                findings.fail("time", seq, "the time goes back")
            if signatures is not None:
                signatures.entry(seq, entry, leaf)
            life.entry(body, own, len(data))
            time = body["time"]
            line = lines.pop(body["seq"], None)
            if line is not None and (why := fault(body, line)) is not None:
                findings.fail("openings", body["seq"], why)
        previous = own
        while others and others[0].size <= tree.size:
            other = others.pop(0)
            require_signed(other, log_keys)
            if other.root != tree.root():
                for name in ("split view", "seen elsewhere"):
                    findings.fail(name, tree.size - 1 if tree.size else None, "the log key signed another tree")
        follower.meet(tree, time)
    follower.finish(tree, time)
    for other in others:
        require_signed(other, log_keys)
    if others:
        for name in ("tail", "seen elsewhere"):
            findings.fail(name, tree.size, "a checkpoint seen elsewhere speaks of more entries")
    for seq in lines:
        findings.fail("openings", seq, "there is no such entry")
    for seq, (one, *_) in claims.items():
        why = f"a receipt of this entry was handed out; there is no such entry {weight(one, trust)}"
        findings.fail("held receipts", seq, why)
    if tree.size == 0:
        findings.fail("chain", None, "the log is empty")
    if signatures is None:
        findings.skip("signatures", "no trust file")
        findings.skip("keys", "no trust file")
    else:
        signatures.finish()
    if unread:
        for name in ("signatures", "keys", "chain", "linkage", "completeness", "time"):
            findings.skip(name, f"{unread} entries could not be read")
    life.finish()
    return findings.report(tree.size)


def disclosed(lines, findings):
    found, last = {}, -1
    for raw in lines:
        if raw == b"":
            continue
        try:
            line = parse_line(raw.decode("utf-8"))
        except (NotStrict, UnicodeDecodeError):
            findings.fail("openings", None, "a line is not in its form")
            continue
        if line["seq"] <= last:
            findings.fail("openings", None, "the lines are not in the order of the entries")
            continue
        last = line["seq"]
        found[last] = line
    return found


def seen_elsewhere(data, trust):
    if trust is None:
        raise Refused("--seen needs --trust")
    notes, _ = split_notes(data.rstrip(b"\n") + b"\n\n")
    checkpoints = [parse_checkpoint(note) for note in notes]
    if not checkpoints or None in checkpoints:
        raise Refused("what was seen elsewhere is not checkpoints")
    return checkpoints


def require_signed(checkpoint, log_keys):
    if not log_keys.signs(checkpoint):
        raise Refused("what was seen elsewhere is not signed by a log key of this log")


def verify_receipt(text, trust):
    """The report on a .tlog-proof."""
    names = ("bytes", "signatures", "keys", "tree", "split view")
    findings = Findings(names, names[:4])
    head, _, note = text.partition("\n\n")
    lines, checkpoint = head.split("\n"), parse_checkpoint(note)
    form = lines.pop(0) == "c2sp.org/tlog-proof@v1"
    extra = b64(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else b""
    index = parse_decimal(lines.pop(0)[6:]) if lines and lines[0].startswith("index ") else None
    hashes = [b64(line) for line in lines]
    form = form and extra is not None and index is not None and checkpoint is not None and len(hashes) <= 63
    if not form or any(h is None or len(h) != 32 for h in hashes):
        findings.fail("bytes", None, "this is not a proof")
        for name in names[1:]:
            findings.skip(name, "there is no proof to read")
        return findings.report(0)
    pieces = split_entries(extra)
    extensions = [] if trust is None else trust.extensions
    entry = parse_entry(pieces[-1], extensions) if pieces and len(pieces) <= 16 else None
    if entry is None:
        findings.fail("bytes", None, "there is no receipt to read")
        for name in names[1:]:
            findings.skip(name, "there is no receipt to read")
        return findings.report(1)
    body = entry.body
    if body["seq"] != index or (trust is not None and body["log"] != trust.origin):
        findings.fail("bytes", index, "the receipt is of another number or log")
    if not verify_inclusion(leaf_hash(pieces[-1]), index, checkpoint.size, hashes, checkpoint.root):
        findings.fail("tree", index, "the proof does not lead to the root")
    if trust is None:
        for name in names[1:]:
            findings.skip(name, "no trust file")
        return findings.report(1)
    log_keys = LogKeys(trust)
    receipt_signature(pieces, entry, index, trust, log_keys, checkpoint.size, findings)
    if not log_keys.signs(checkpoint):
        findings.fail("tree", None, "the checkpoint is not signed by the log key")
    size = witness(trust, checkpoint, body["time"], findings)
    split_view(trust, size, checkpoint.size, findings)
    if size >= 0:
        findings.touch("time")
    return findings.report(1)


def receipt_signature(pieces, entry, index, trust, log_keys, size, findings):
    """Whether a receipt, the last of the pieces, is signed by a key that the key entries before it certify."""
    epoch = receipt_keys(pieces[:-1], entry, index, trust, log_keys, findings)
    if epoch is None:
        findings.fail("keys", index, "no key entry certifies the key")
        return
    if entry.signature[:2] != (epoch["key"].name, epoch["key"].id):
        findings.fail("keys", index, "signed by another key than the one certified")
    elif not epoch["key"].verifies(entry.text, entry.signature[2]):
        findings.fail("signatures", index, "the signature does not verify")
    for revoke in trust.revoked:
        is_revoked = lambda key: revoke["key"] in (key.vkey, key.fingerprint)
        start = revoke["from"]
        by_epoch = is_revoked(epoch["key"]) and index >= start
        by_log = is_revoked(epoch["by"]["key"]) and epoch["at"] >= start
        if by_epoch or by_log or (is_revoked(log_keys.current["key"]) and size > start):
            findings.fail("keys", index, "signed by a key that the trust file revokes")


def weight(held, trust):
    """What the holder of a receipt that the log lacks can show to others."""
    if held.proof is not None:
        sound = trust is not None and verify_receipt(held.proof, trust)["result"] == "pass"
        return f"({'its proof is signed by the log key: anybody can check this' if sound else 'its own proof does not verify'})"
    if held.signed is None:
        return "(by the holder's own word)"
    sound = trust is not None and is_signed_receipt(held.signed, trust)
    return f"({'it is signed by a key that the log key certified: anybody can check this' if sound else 'its own signature does not verify'})"


def is_signed_receipt(data, trust):
    pieces, names = split_entries(data), ("signatures", "keys")
    entry = parse_entry(pieces[-1], trust.extensions) if pieces and len(pieces) <= 16 else None
    if entry is None or entry.body["log"] != trust.origin:
        return False
    findings = Findings(names, names)
    seq = entry.body["seq"]
    receipt_signature(pieces, entry, seq, trust, LogKeys(trust), seq, findings)
    return findings.report(1)["result"] == "pass"


def receipt_keys(pieces, receipt, index, trust, log_keys, findings):
    """Takes in the key entries in the order of the log, the receipt among them if it is one; the epoch key in force, or None."""
    found, last, own = {"epoch": None}, -1, receipt if receipt.body["type"] == "key" else None

    def bring(entry):
        body, seq = entry.body, entry.body["seq"]
        if body["key"]["purpose"] == "log":
            if not log_keys.add(body["log"], body["key"]):
                findings.fail("keys", index, "a log key is not certified by the root")
        elif body["key"]["purpose"] == "epoch" and (seq <= index or (index == 0 and seq == 1)):
            by = log_keys.current
            key = checked_key(body["key"], body["log"], by["key"], True)
            proven = key is not None and entry.signature[:2] == (key.name, key.id)
            if key is None or (seq != index and not (proven and key.verifies(entry.text, entry.signature[2]))):
                findings.fail("keys", index, "the key entry does not hold")
            else:
                found["epoch"] = {"key": key, "at": seq, "by": by}

    for piece in pieces:
        entry = parse_entry(piece, trust.extensions)
        body = None if entry is None else entry.body
        if body is None or body["type"] != "key" or body["log"] != trust.origin or body["seq"] == index or body["seq"] <= last:
            findings.fail("keys", index, "what stands before the receipt is not key entries in order")
            return found["epoch"]
        last = body["seq"]
        if own is not None and last > index:
            bring(own)
            own = None
        bring(entry)
    if own is not None:
        bring(own)
    return found["epoch"]


def verify_equivocation(text, trust):
    """The report on a proof that a log key signed two histories: fail when it holds."""
    findings = Findings(("split view",), ("split view",))
    if trust is not None and equivocates(text, trust):
        findings.fail("split view", None, "the log key signed two histories")
    else:
        findings.skip("split view", "this proves nothing")
    return findings.report(0)


def equivocates(text, trust):
    parts = text.split("\n\n")
    if len(parts) != 5:
        return False
    first = parse_checkpoint(f"{parts[1]}\n\n{parts[2]}\n")
    second = parse_checkpoint(f"{parts[3]}\n\n{parts[4]}")
    head, *lines = parts[0].split("\n")
    if head != "sepal.dev/equivocation/v1" or first is None or second is None:
        return False
    keys = [trust.log]
    while lines and lines[0].startswith("key "):
        certificate, vkey = (lines.pop(0).split(" ") + ["", ""])[1:3]
        key = parse_vkey(vkey)
        if key is None or not admissible_key(key.key) or not certifies(trust.root, trust.origin, "log", vkey, certificate):
            return False
        keys.append(key)
    if any(c.origin != trust.origin or not any(map(c.signed_by, keys)) for c in (first, second)):
        return False
    if first.size == second.size:
        return lines == [] and first.root != second.root
    if not lines or not lines[0].startswith("root "):
        return False
    root, hashes = b64(lines[0][5:]), [b64(line) for line in lines[1:]]
    leads = root is not None and None not in hashes
    return leads and verify_consistency(first.size, second.size, hashes, root, second.root) and root != first.root


def verify_path(path, trust_text=None, held=None, seen=None):
    """The report on a log folder, a receipt with its proof, or a proof of equivocation."""
    trust = None if trust_text is None else Trust(trust_text)
    if path.is_dir():
        return verify_log(path, trust, held, seen)
    text = path.read_bytes().decode("utf-8", "replace")
    if text.startswith("sepal.dev/equivocation/v1\n"):
        return verify_equivocation(text, trust)
    return verify_receipt(text, trust)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--trust", type=Path)
    parser.add_argument("--held", type=Path)
    parser.add_argument("--seen", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        report = verify_path(
            args.log,
            args.trust.read_text("utf-8") if args.trust else None,
            args.held.read_text("utf-8") if args.held else None,
            args.seen.read_bytes() if args.seen else None,
        )
    except (Refused, NotStrict, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(report))
    else:
        for name, found in report["properties"].items():
            at = "" if found["entry"] is None else f" at entry {found['entry']}"
            detail = "".join(c if " " <= c <= "~" else "?" for c in found["detail"])
            print(f"{name:15} {found['status']}{at}  {detail}".rstrip())
        print(f"\n{report['result']}: {report['entries']} entries")
    return {"pass": 0, "fail": 5, "incomplete": 7}[report["result"]]


if __name__ == "__main__":
    sys.exit(main())
