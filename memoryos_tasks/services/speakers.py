"""Who of several named speakers is the user: whose facts are the user's, and whose are somebody else's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from memoryos_tasks.core.by_value import names_no_slot
from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.slots import fact_id
from memoryos_tasks.core.validity import same
from memoryos_tasks.core.wording import named
from memoryos_tasks.ports.vectors import Point, VectorStore

#: The kind of the point that holds the user's name, as a keyed hash.
SPEAKER = "speaker"


class Speakers:
    """The first named speaker who states a fact is the user, and so is who speaks without a name.

    ``secret`` gives a tenant's key for the hash of the name.
    """

    def __init__(self, vectors: VectorStore, secret: Callable[[str], bytes]) -> None:
        self._vectors = vectors
        self._secret = secret

    def apart(self, owner: Owner, facts: Sequence[Fact], *, fence: int) -> list[Fact]:
        """The facts, with those that another speaker told of themselves about that speaker."""
        first = next((fact.speaker for fact in facts if fact.speaker), None)
        if first is None:
            return [*facts]
        found = self._vectors.get(owner, [owner.derive(SPEAKER, USER)])
        user = str(found[0].payload["mark"]) if found else self._mark(owner, first)
        if not found:
            payload = {"kind": SPEAKER, "mark": user}
            self._vectors.upsert(owner, [Point(owner.derive(SPEAKER, USER), payload)], fence=fence)
        own = {fact.speaker: fact.speaker is None or self._mark(owner, fact.speaker) == user for fact in facts}
        # What names no slot is looked up among what is known of the user.
        return [
            fact if own[fact.speaker] else _about(owner, fact, fact.speaker or "")
            for fact in facts
            if own[fact.speaker] or not names_no_slot(fact.attribute)
        ]

    def _mark(self, owner: Owner, name: str) -> str:
        said = f"{owner.tenant}\n{owner.user}\n{same(name)}".encode()
        return hashlib.blake2b(said, digest_size=12, key=self._secret(owner.tenant)).hexdigest()


def _about(owner: Owner, fact: Fact, name: str) -> Fact:
    """The fact as it is about this speaker instead of the user."""
    subject = name if fact.subject == USER else f"{name}'s {fact.subject}"
    moved = replace(fact, kind=Kind.KNOWLEDGE, subject=subject, text=named(fact.text, name))
    return replace(moved, id=fact_id(owner, moved))
