"""Short-term memory: the newest events of each session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from memoryos_tasks.core.events import Event, Owner


class Stm(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def newest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        """The newest events, oldest of them first."""

    def settled(self, owner: Owner, session: str, *, count: int) -> list[Event] | None:
        """As :meth:`newest`; None when the owner has events that neither this session shows nor the index has yet."""

    def unapplied(self, owner: Owner, session: str) -> int:
        """How many events the session shows that the index may not have yet."""

    def preceding(self, before: Mapping[tuple[Owner, str], int], *, count: int) -> list[list[Event]]:
        """The newest ``count`` events of each session before its sequence number, oldest of them first."""

    def oldest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        """The oldest events, oldest first."""

    def sizes(self, sessions: Sequence[tuple[Owner, str]]) -> list[int]:
        """How many events each of these sessions holds."""

    def size(self, owner: Owner, session: str) -> int:
        """How many events the session holds."""

    def drop(self, owner: Owner, session: str, events: Sequence[Event], *, token: int) -> None:
        """Take events out, after they have moved on. Raises :class:`LostClaim`, and takes none out, unless ``token``
        holds the owner's lock."""

    def latest(self, owner: Owner) -> int:
        """The tenant's newest sequence number: what was journaled before has this one or a smaller."""

    def following(self, owner: Owner, session: str | None, *, after: int, count: int) -> list[Event]:
        """The first ``count`` events of the session (None: of all the owner's) that come after this sequence number."""

    def sessions(self, owner: Owner, *, count: int) -> list[str]:
        """The owner's sessions, the one that heard something last first."""

    def idle(self, *, seconds: float, count: int) -> list[tuple[Owner, str]]:
        """Sessions that hold events and heard nothing for that long."""
