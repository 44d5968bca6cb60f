"""What is believed about a user: facts as points, learned one owner at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from memoryos_tasks.core.by_value import names_no_slot, placed
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.slots import concerned, fact_id, resolve
from memoryos_tasks.core.validity import family, same
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.vectors import Hit, Point, VectorStore, Where
from memoryos_tasks.services.endings import Endings
from memoryos_tasks.services.fillings import Fillings
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.speakers import Speakers
from memoryos_tasks.services.standing import Asked

#: Most facts of one owner that are weighed against new ones, far above what a person tells.
MOST_FACTS = 5_000
FACTS = (Kind.TRAIT.value, Kind.KNOWLEDGE.value)
#: The payload field of a fact that was removed by hand: its id and sources are kept, so that it is not learned again.
DELETED = "deleted"
#: Owners of whom it is remembered that all their facts have keys.
MOST_KEYED = 50_000


def _no_secret(_tenant: str) -> bytes:
    return b""


class Beliefs:
    """Facts in the vector store. What takes a ``fence`` is to be called under the owner's lock, with its token.

    ``secret`` gives a tenant's key for the hashes by which the facts of a slot are found; it must never change.
    """

    def __init__(
        self, vectors: VectorStore, recall: Recall, codec: Codec, secret: Callable[[str], bytes] = _no_secret
    ) -> None:
        self._vectors = vectors
        self._recall = recall
        self._codec = codec
        self._secret = secret
        self._endings = Endings(vectors, codec)
        self._fillings = Fillings(vectors, self._slot, self._fact)
        self._speakers = Speakers(vectors, secret)
        self._keyed: set[Owner] = set()

    def believed(
        self,
        owner: Owner,
        *,
        kinds: Sequence[str] = FACTS,
        as_of: float | None = None,
        now: float | None = None,
    ) -> list[Fact]:
        """The facts believed now, or at a time in seconds since the epoch; oldest first.

        Those whose own end has passed are left out where ``now`` is given.
        """
        where = Where(owner, kinds=tuple(kinds), equals={"valid_to": None})
        if as_of is not None:
            where = Where(owner, kinds=tuple(kinds), at_most={"valid_from": as_of})
        at = now if as_of is None else as_of
        facts = self._facts(owner, self._scroll(where))
        stood = [fact for fact in facts if at is None or fact.valid_to is None or fact.valid_to > at]
        return sorted(stood, key=lambda fact: fact.valid_from)

    def asked(self, owner: Owner, question: str, *, as_of: float | None = None, now: float | None = None) -> Asked:
        """The slots that a question asks for, and the facts that fill them now or at that time, newest first.

        With ``now``, a question that asks for the past gets what held then, or what was before.
        """
        return self._fillings.asked(owner, question, as_of=as_of, now=now)

    def get(self, owner: Owner, ids: Sequence[str]) -> list[Fact]:
        """The facts that exist among these ids, believed or ended, in the order asked for."""
        return self._facts(owner, self._vectors.get(owner, ids))

    def all(self, owner: Owner) -> list[Fact]:
        """All facts, believed and ended, in the order of their ids."""
        return self._facts(owner, self._scroll(Where(owner, kinds=FACTS)))

    def save(self, owner: Owner, facts: Sequence[Fact], *, fence: int) -> None:
        """Write facts exactly as they stand, with their ids; nothing is weighed against them."""
        self._vectors.upsert(owner, [self._point(owner, fact) for fact in facts], fence=fence)

    def mark(
        self, owner: Owner, over: Iterable[Fact], again: Iterable[Fact], told: Iterable[Fact], *, fence: int
    ) -> None:
        """Note on the messages that the words of the ``over`` facts hold no longer, and those of others hold again.

        ``told`` are the facts that messages state: what was put right by hand has its words in none.
        """
        self._endings.clear(owner, again, self.key, fence=fence)
        self._endings.mark(owner, over, {fact.id: fact for fact in told}, self.key, fence=fence)

    def learn(self, owner: Owner, facts: Sequence[Fact], *, fence: int) -> int:
        """Believe these facts; how many are new. What they contradict is kept and ends."""
        if not facts:
            return 0
        facts = self._speakers.apart(owner, facts, fence=fence)
        if any(names_no_slot(fact.attribute) for fact in facts):
            facts = placed(facts, self.believed(owner))
        facts = [fact if fact.id else replace(fact, id=fact_id(owner, fact)) for fact in facts]
        # What was learned before and has ended is known too, or learning it again would bring it back.
        known = self._vectors.get(owner, [fact.id for fact in facts])
        removed = {hit.id for hit in known if hit.payload.get(DELETED)}
        stored = self._facts(owner, known)
        self._key_all(owner, fence)
        existing = {fact.id: fact for fact in (*stored, *self._around(owner, facts))}
        changes = resolve(owner, existing.values(), [fact for fact in facts if fact.id not in removed])
        points = [self._point(owner, fact) for fact in (*changes.to_insert, *changes.to_update)]
        starts = {fact.id: fact.valid_from for fact in changes.to_insert}
        # The old ends before the new stands: interrupted in between, learning again completes it.
        for old, new in changes.to_supersede:
            ended = {"valid_to": starts[new], "superseded_by": new}
            self._vectors.patch(owner, [old], ended, fence=fence)
        if points:
            self._vectors.upsert(owner, points, fence=fence)
        # Also of what ended before, when an earlier run was interrupted behind the writes above.
        over = {fact.id: fact for fact in (*stored, *changes.ended) if fact.superseded_by is not None}
        if over:
            board = existing | {fact.id: fact for fact in (*changes.to_insert, *changes.to_update)} | over
            self._endings.mark(owner, over.values(), board, self.key, fence=fence)
        return len(changes.to_insert)

    def history(self, owner: Owner, id: str) -> list[Fact]:
        """The versions of the fact's slot, oldest first; where a slot holds many values, what replaced this one."""
        found = self.get(owner, [id])
        if not found:
            return []
        fact = found[0]
        slot = {one.id: one for one in self._filling(owner, [self.key(owner, fact)])} | {id: fact}
        chain = {id}
        while True:
            linked = {one.id for one in slot.values() if one.superseded_by in chain}
            linked |= {by for one in chain if (by := slot[one].superseded_by) is not None and by in slot}
            if not fact.many:
                linked |= {one.id for one in slot.values() if same(one.attribute) == same(fact.attribute)}
            if linked <= chain:
                return sorted((slot[one] for one in chain), key=lambda one: (one.valid_from, one.valid_to or 1e18))
            chain |= linked

    def replace(self, owner: Owner, id: str, value: str, *, at: float, fence: int) -> Fact:
        """A new version by hand, from ``at`` on, with the sources of the old. Raises :class:`NotFound`."""
        old, value = self._known(owner, id), value.strip()
        text = old.text.replace(old.value, value) if old.value in old.text else f"{old.attribute}: {value}"
        new = replace(old, value=value, text=text, valid_from=at, valid_to=None, superseded_by=None, confidence=1.0)
        new = replace(new, id=owner.derive("fact", "by hand", old.id, same(value), repr(at)))
        self._supersede(owner, old, new, fence)
        self._vectors.upsert(owner, [self._point(owner, new)], fence=fence)
        return new

    def undo(self, owner: Owner, id: str, *, fence: int) -> Fact | None:
        """Take back the last change of the fact's slot; the fact believed again, None where there was none before.

        What was believed is kept as history that never held. Raises :class:`NotFound`.
        """
        self._known(owner, id)
        versions = self.history(owner, id)
        standing = [one for one in versions if one.superseded_by is None]
        last = standing[-1] if standing else versions[-1]
        held = [one for one in versions if one.valid_to is None or one.valid_to > one.valid_from]
        before = [one for one in held if one.superseded_by == last.id]
        revived = [replace(one, valid_to=None, superseded_by=None) for one in before]
        by = revived[-1].id if revived else None
        never = {"valid_to": last.valid_from, "superseded_by": by}
        self._vectors.patch(owner, [last.id], never, fence=fence)
        for one in revived:
            self._vectors.patch(owner, [one.id], {"valid_to": None, "superseded_by": None}, fence=fence)
        over = replace(last, valid_to=last.valid_from, superseded_by=by)
        self._endings.clear(owner, revived, self.key, fence=fence)
        self._endings.mark(owner, [over], {one.id: one for one in revived}, self.key, fence=fence)
        return revived[-1] if revived else None

    def remove(self, owner: Owner, id: str, *, fence: int) -> bool:
        """Forget a fact; its id alone stays, so that its sources do not teach it again. False for an unknown id."""
        found = self.get(owner, [id])
        for fact in found:
            payload = {
                "kind": fact.kind.value,
                DELETED: True,
                "slot": self._codec.seal(owner, json.dumps(["", "", ""])),
                "text": self._codec.seal(owner, ""),
                "sources": list(fact.sources),
                "valid_from": fact.valid_from,
                "valid_to": fact.valid_from,
                "created_at": fact.valid_from,
            }
            # Each of its sources would teach it under an id of its own.
            ids = dict.fromkeys([id, *(fact_id(owner, replace(fact, sources=(one,))) for one in fact.sources)])
            self._vectors.upsert(owner, [Point(one, payload) for one in ids], fence=fence)
        return bool(found)

    def rate(self, owner: Owner, id: str, delta: float, *, fence: int) -> Fact:
        """Believe a fact more or less: its confidence moves by ``delta`` within 0 and 1. Raises :class:`NotFound`."""
        fact = self._known(owner, id)
        sure = min(1.0, max(0.0, fact.confidence + delta))
        self._vectors.patch(owner, [id], {"confidence": sure}, fence=fence)
        return replace(fact, confidence=sure)

    def key(self, owner: Owner, fact: Fact) -> str:
        """The key of the fact's slot; slots whose facts can end each other share it."""
        return self._slot(owner, fact.subject, fact.attribute)

    def _slot(self, owner: Owner, subject: str, attribute: str) -> str:
        said = json.dumps([owner.tenant, owner.user, same(subject), family(attribute)], ensure_ascii=False)
        return hashlib.blake2b(said.encode(), digest_size=12, key=self._secret(owner.tenant)).hexdigest()

    def _known(self, owner: Owner, id: str) -> Fact:
        found = self.get(owner, [id])
        if not found:
            raise NotFound(param="id")
        return found[0]

    def _key_all(self, owner: Owner, fence: int) -> None:
        """Give keys to facts that were written before there were keys; looked for once an owner and process."""
        if owner in self._keyed:
            return
        for fact in self._facts(owner, self._scroll(Where(owner, kinds=FACTS, equals={"key": None, "valid_to": None}))):
            self._vectors.patch(owner, [fact.id], {"key": self.key(owner, fact)}, fence=fence)
        if len(self._keyed) >= MOST_KEYED:
            self._keyed.clear()
        self._keyed.add(owner)

    def _supersede(self, owner: Owner, old: Fact, new: Fact, fence: int) -> None:
        ended = {"valid_to": new.valid_from, "superseded_by": new.id}
        self._vectors.patch(owner, [old.id], ended, fence=fence)
        over = replace(old, valid_to=new.valid_from, superseded_by=new.id)
        self._endings.mark(owner, [over], {}, self.key, fence=fence)

    def _around(self, owner: Owner, facts: Iterable[Fact]) -> list[Fact]:
        """The believed facts that these can concern: of the same slots, and of an animal that is no more."""
        keys = dict.fromkeys(
            self._slot(owner, subject, attribute) for fact in facts for subject, attribute in concerned(fact)
        )
        where = Where(owner, kinds=FACTS, equals={"valid_to": None}, among={"key": [*keys]})
        return self._facts(owner, self._scroll(where)) if keys else []

    def _filling(self, owner: Owner, keys: Iterable[str]) -> list[Fact]:
        return self._facts(owner, self._scroll(Where(owner, kinds=FACTS, among={"key": [*keys]})))

    def _scroll(self, where: Where) -> list[Hit]:
        found: list[Hit] = []
        cursor: str | None = None
        while len(found) < MOST_FACTS:
            hits, cursor = self._vectors.scroll(where, limit=500, cursor=cursor)
            found += hits
            if cursor is None:
                break
        return found

    def _point(self, owner: Owner, fact: Fact) -> Point:
        slot = json.dumps([fact.subject, fact.attribute, fact.value], ensure_ascii=False)
        planned = fact.superseded_by is None and fact.valid_to is not None and fact.valid_to > fact.valid_from
        payload: dict[str, Any] = {
            "slot": self._codec.seal(owner, slot),
            "key": self.key(owner, fact),
            "valid_from": fact.valid_from,
            "valid_to": None if planned else fact.valid_to,
            "expires": fact.valid_to if planned else None,
            "superseded_by": fact.superseded_by,
            "many": fact.many,
            "confidence": fact.confidence,
        }
        return self._recall.point(
            owner, fact.id, fact.kind, fact.text, sources=fact.sources, created_at=fact.valid_from, payload=payload
        )

    def _facts(self, owner: Owner, hits: Iterable[Hit]) -> list[Fact]:
        kept = [hit for hit in hits if hit.payload.get("kind") in FACTS and not hit.payload.get(DELETED)]
        return [self._fact(owner, hit) for hit in kept]

    def _fact(self, owner: Owner, hit: Hit) -> Fact:
        payload = hit.payload
        subject, attribute, value = json.loads(self._codec.open(owner, payload["slot"]))
        ended = payload.get("valid_to")
        return Fact(
            kind=Kind(payload["kind"]),
            subject=subject,
            attribute=attribute,
            value=value,
            text=self._codec.open(owner, payload["text"]),
            sources=tuple(payload["sources"]),
            valid_from=payload["valid_from"],
            valid_to=payload.get("expires") if ended is None else ended,
            superseded_by=payload.get("superseded_by"),
            many=payload["many"],
            confidence=payload["confidence"],
            id=hit.id,
        )
