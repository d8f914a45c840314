# SPDX-License-Identifier: Apache-2.0
"""The life of each call, approvals included ("Life of a call")."""
from notes import b64, parse_vkey
from strictjson import canonical

MAX_OPEN, MAX_HELD = 50_000, 32 * 2**20


class Decided:
    def __init__(self, seq, leaf, body, first):
        self.seq, self.leaf, self.body, self.given = seq, leaf, body, []
        named = body.get("refs", {}).get("approve", [])
        self.lets_through = body["decision"]["effect"] == "allow" or (not first and len(named) > 0)


class Call:
    def __init__(self, propose=None):
        self.propose, self.decide = propose, None


def requester(body):
    who = body["principal"]
    return {who["id"], who.get("on_behalf_of", {}).get("id")}


def itself(body):
    who = body["principal"]
    if "on_behalf_of" in who:
        return who["on_behalf_of"]["id"]
    return who["id"] if who["id"].startswith("user:") else None


def asked(body):
    return body["decision"].get("approvals", [])


class Life:
    def __init__(self, findings, approvers):
        self.findings, self.approvers = findings, approvers
        self.open, self.policies = {}, {}
        self.boot, self.busy, self.stopped = None, False, False
        self.others, self.weights, self.held = {}, {}, 0

    def entry(self, body, leaf, size):
        if body["boot"] != self.boot:
            self.boot, self.busy = body["boot"], False
        kind = body["type"]
        if kind == "policy":
            self.policies[leaf] = body["policy"]
        if kind in ("ack", "anchor", "snapshot"):
            self.others[kind] = self.others.get(kind, 0) + 1
        if self.stopped or "call" not in body:
            return
        wrong = getattr(self, "_" + kind)(body, leaf) if kind != "ack" else None
        if wrong is not None:
            self.findings.fail("linkage", body["seq"], wrong)
        if body.get("outcome", {}).get("status") != "unknown":
            self.busy = True
        before = self.weights.pop(body["call"], 0)
        after = before + size if body["call"] in self.open else 0
        self.held += after - before
        if after:
            self.weights[body["call"]] = after
        if len(self.open) > MAX_OPEN or self.held > MAX_HELD:
            self.stopped = True
            self.findings.skip("linkage", "too many calls are open at once", body["seq"])
            self.open.clear()

    def _propose(self, body, leaf):
        if body["call"] in self.open:
            return "a call is proposed twice"
        self.open[body["call"]] = Call(leaf)
        return None

    def _decide(self, body, leaf):
        named = body["policy"].get("activation")
        active = self.policies.get(named)
        same = ("name", "version", "source", "module", "compiler")
        if active is None or any(body["policy"][m] != active[m] for m in same):
            return "the policy is not the one that its activation names"
        call = self.open.get(body["call"])
        if body["phase"] == "list":
            return None if call is None else "a list decision within the life of a call"
        before = None if call is None else call.decide
        refs = body.get("refs", {})
        if body["phase"] == "result":
            if before is None or not before.lets_through:
                return "a decision on the result of a call that was not to be forwarded"
            return None if refs.get("decide", before.leaf) == before.leaf else "refs.decide is another decision"
        proposed = None if call is None else call.propose
        if refs.get("propose") != proposed and (before is None or "propose" in refs):
            return "refs.propose is not the proposal of this call"
        if refs.get("decide") != (None if before is None else before.leaf):
            return "refs.decide is not the decision in force"
        if before is None and "approve" in refs:
            return "approvals without a review"
        wrong = None if before is None else self._redeemed(before, body)
        if body["decision"]["effect"] == "deny" or wrong is not None:
            self.open.pop(body["call"], None)
            return wrong
        call = Call(proposed)
        call.decide = Decided(body["seq"], leaf, body, before is None)
        self.open[body["call"]] = call
        return None

    @staticmethod
    def _redeemed(before, body):
        old = before.body
        user = lambda b: b["principal"].get("on_behalf_of", {}).get("id")
        if old["principal"]["id"] != body["principal"]["id"] or user(old) != user(body):
            return "the second decision is for somebody else"
        if old["intent"]["digest"] != body["intent"]["digest"]:
            return "the second decision is about another intent"
        named = body["refs"].get("approve", [])
        given = [(leaf, a) for leaf, a in before.given if leaf in named]
        if len(given) != len(named):
            return "refs.approve names an approval that this review does not have"
        effect = body["decision"]["effect"]
        if effect == "deny" or old["decision"]["effect"] != "review":
            return None
        if any(a["verdict"] == "deny" for _, a in before.given):
            return "the call goes on after an approver denied it"
        if not named:
            same = sorted(old["decision"]["rules"]) == sorted(body["decision"]["rules"])
            if effect == "review" or (not asked(body) and not same):
                return None
            return "a review was let through without an approval"
        if old["decision"].get("expires", body["time"]) < body["time"]:
            return "the review was redeemed after it had expired"
        for need in asked(body) or asked(old):
            people = set()
            for _, a in given:
                person = a["approver"]["id"]
                if "self" in need:
                    counts = person == itself(old)
                else:
                    roles = set(need.get("roles", [])) & set(a["approver"]["roles"])
                    counts = person not in requester(old) and bool(roles)
                if a["verdict"] == "approve" and counts:
                    people.add(person)
            if len(people) < max(1, need["quorum"]):
                return "the approvals do not meet what was asked for"
        return None

    def _approve(self, body, leaf):
        call = self.open.get(body["call"])
        review = None if call is None else call.decide
        if review is None or review.lets_through or body["refs"].get("decide") != review.leaf:
            return "the approval names no open review of this call"
        if len(review.given) >= 1000:
            return "more than 1,000 approvals of one review"
        approval = body["approval"]
        expires = review.body["decision"].get("expires", body["time"])
        if approval["expires"] < body["time"] or expires < body["time"]:
            return "the approval came too late"
        person = approval["approver"]["id"]
        spoken = [a["verdict"] for _, a in review.given if a["approver"]["id"] == person]
        if spoken and (approval["verdict"] == "approve" or "deny" in spoken):
            return "an approver has spoken twice about one review"
        if person in requester(review.body) and not any("self" in need for need in asked(review.body)):
            return "the requester approves the own call"
        wrong = self._signature(review, approval, person)
        if wrong is None:
            review.given.append((leaf, approval))
        return wrong

    def _signature(self, review, approval, person):
        proof = approval["proof"]
        if "key" not in proof:
            return None
        key, signature = parse_vkey(proof["key"]), b64(proof["signature"])
        if self.approvers is not None:
            if key is None or (person, key.name, key.key) not in self.approvers:
                return "the key is not one that the trust file lists for the approver"
        claim = {
            "approver": person,
            "decide": review.leaf,
            "expires": approval["expires"],
            "intent": review.body["intent"]["digest"],
            "nonce": approval["nonce"],
            "verdict": approval["verdict"],
        }
        text = f"sepal.dev/approval/v1\n{canonical(claim)}\n".encode()
        ok = key is not None and signature is not None and key.verifies(text, signature)
        return None if ok else "the approver's signature does not verify"

    def _outcome(self, body, _leaf):
        call = self.open.get(body["call"])
        before = None if call is None else call.decide
        if before is None or body["refs"].get("decide") != before.leaf:
            return "the outcome names no open decision of its call"
        del self.open[body["call"]]
        if before.lets_through or body["outcome"]["status"] in ("not_sent", "cancelled"):
            return None
        return "an outcome after a decision that does not let the call through"

    def finish(self):
        for kind, name in (("ack", "acknowledgements"), ("anchor", "anchors"), ("snapshot", "snapshots")):
            if kind in self.others:
                self.findings.skip(name, f"{self.others[kind]} entries are not followed")
        if self.stopped:
            return self.findings.skip("completeness", "linkage was not followed to the end")
        for call in self.open.values():
            decide = call.decide
            if decide is None or not decide.lets_through:
                continue
            if decide.body["boot"] != self.boot and self.busy:
                self.findings.fail("completeness", decide.seq, "an allowed call has no outcome")
            else:
                self.findings.skip("completeness", "allowed calls have no outcome yet")
