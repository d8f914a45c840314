# SPDX-License-Identifier: Apache-2.0
"""Answers every vector of a folder and compares with its expected.json: python3 check_vectors.py ../../test/vectors"""
import json
import sys
from pathlib import Path

from verify import Refused, verify_path


def answer(place):
    text = lambda name: (place / name).read_text("utf-8") if (place / name).is_file() else None
    log = next(p for p in (place / "receipt.tlog-proof", place / "equivocation.txt", place / "log") if p.exists())
    seen = (place / "seen").read_bytes() if (place / "seen").is_file() else None
    try:
        report = verify_path(log, text("trust.json"), text("held"), seen)
    except Refused:
        return {"result": "refused", "properties": {}}
    properties = {
        name: {"status": p["status"]} | ({} if p["status"] == "pass" else {"entry": p["entry"]})
        for name, p in report["properties"].items()
    }
    return {"result": report["result"], "entries": report["entries"], "properties": properties}


def main():
    folder, wrong, count = Path(sys.argv[1]), 0, 0
    for path in sorted(folder.glob("*/*/expected.json")):
        expected = json.loads(path.read_text("utf-8"))
        del expected["about"]
        found = answer(path.parent)
        count += 1
        if found != expected:
            wrong += 1
            print(f"{path.parent.relative_to(folder)}\n  expected {expected}\n  found    {found}")
    print(f"{count - wrong} of {count} vectors agree")
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
