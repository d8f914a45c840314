# SPDX-License-Identifier: Apache-2.0
"""Hashes, the strict Ed25519 profile, signed notes, checkpoints ("Bytes", "Checkpoint")."""
import base64
import binascii
import hashlib
import unicodedata

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    def _library(key, message, signature):
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
            return True
        except (InvalidSignature, ValueError):
            return False
except ImportError:
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    def _library(key, message, signature):
        try:
            VerifyKey(key).verify(message, signature)
            return True
        except (BadSignatureError, ValueError):
            return False


L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
SMALL_ORDER = {
    0,
    1,
    P - 1,
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
}
ED25519, COSIGNATURE = 1, 4
CONTEXT = b"sepal.dev/receipt/v1\n"
MAX_ENTRY = 65_534


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hash_text(digest):
    return "sha256:" + digest.hex()


def leaf_hash(entry):
    return sha256(b"\x00", entry)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def b64(text):
    """Strict base64, or None."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def admissible_key(key):
    y = int.from_bytes(key, "little") & (2**255 - 1)
    return len(key) == 32 and y < P and y not in SMALL_ORDER


def verify_signature(key, message, signature):
    """The strict profile, then the library."""
    if not admissible_key(key) or len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    return _library(key, message, signature)


def is_key_name(name):
    if not 1 <= len(name.encode("utf-16-le", "surrogatepass")) // 2 <= 255:
        return False
    return not any(c == "+" or c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in name)


def is_origin(text):
    if not 1 <= len(text.encode("utf-16-le", "surrogatepass")) // 2 <= 1024:
        return False
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


def key_id(name, key, kind=ED25519):
    return sha256(name.encode(), b"\n", bytes([kind]), key)[:4].hex()


class Key:
    """A verifier key."""

    def __init__(self, name, key, kind=ED25519):
        self.name, self.key, self.id, self.kind = name, key, key_id(name, key, kind), kind

    @property
    def vkey(self):
        return f"{self.name}+{self.id}+{base64.b64encode(bytes([self.kind]) + self.key).decode()}"

    @property
    def fingerprint(self):
        return hash_text(sha256(self.key))

    def verifies(self, message, signature):
        return verify_signature(self.key, message, signature)


def parse_vkey(text, kind=ED25519):
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]):
        return None
    data = b64(parts[2])
    if data is None or len(data) != 33 or data[0] != kind:
        return None
    key = Key(parts[0], data[1:], kind)
    return key if key.id == parts[1] else None


def parse_signature_line(line):
    """(name, key id, signature), or None."""
    if not line.startswith("— "):
        return None
    name, space, rest = line[2:].partition(" ")
    data = b64(rest)
    if not space or not is_key_name(name) or data is None or len(data) < 5:
        return None
    return name, data[:4].hex(), data[4:]


def parse_note(note):
    """(text, signatures), or None."""
    split = note.rfind("\n\n")
    if split < 0 or not note.endswith("\n"):
        return None
    text = note[: split + 1]
    if len(text) < 2 or any(c != "\n" and ord(c) < 0x20 for c in text):
        return None
    signatures = [parse_signature_line(line) for line in note[split + 2 : -1].split("\n")]
    return None if None in signatures else (text, signatures)


def parse_decimal(text):
    ok = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and int(text) <= 2**53 - 1
    return int(text) if ok else None


class Checkpoint:
    def __init__(self, origin, size, root, text, signatures):
        self.origin, self.size, self.root, self.text, self.signatures = origin, size, root, text, signatures

    def signed_by(self, key):
        return any(
            name == key.name and kid == key.id and key.verifies(self.text.encode(), signature)
            for name, kid, signature in self.signatures
        )

    def cosigned_at(self, witness):
        """Seconds since 1970, or None."""
        for name, kid, data in self.signatures:
            if name != witness.name or kid != witness.id or len(data) != 72:
                continue
            time = int.from_bytes(data[:8], "big")
            if time <= 2**53 - 1 and witness.verifies(f"cosignature/v1\ntime {time}\n{self.text}".encode(), data[8:]):
                return time
        return None


def parse_checkpoint(note):
    parsed = parse_note(note)
    if parsed is None:
        return None
    lines = parsed[0].split("\n")
    if len(lines) != 4 or lines[0] == "" or lines[3] != "":
        return None
    size, root = parse_decimal(lines[1]), b64(lines[2])
    if size is None or root is None or len(root) != 32:
        return None
    return Checkpoint(lines[0], size, root, *parsed)


def split_notes(data):
    """The notes of a file of checkpoints, and whether bytes follow the last whole one."""
    notes, at = [], 0
    while True:
        body = data.find(b"\n\n", at)
        end = -1 if body < 0 else data.find(b"\n\n", body + 2)
        if end < 0:
            return notes, at < len(data)
        try:
            notes.append(data[at : end + 1].decode("utf-8"))
        except UnicodeDecodeError:
            notes.append("")
        at = end + 2


def entry_end(data, at):
    """Where the entry that starts at `at` ends, or -1."""
    if data[at : at + len(CONTEXT)] != CONTEXT:
        return -1
    body = data.find(b"\n", at + len(CONTEXT))
    if body < 0 or data[body + 1 : body + 2] != b"\n":
        return -1
    end = data.find(b"\n", body + 2)
    return -1 if end < 0 or end + 1 - at > MAX_ENTRY else end + 1


def split_entries(data):
    """Entries that lie one after another, or None where other bytes are among them."""
    pieces, at = [], 0
    while at < len(data):
        end = entry_end(data, at)
        if end < 0:
            return None
        pieces.append(data[at:end])
        at = end
    return pieces
