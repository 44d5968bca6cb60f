"""Short-term memory in a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from memoryos_tasks.core.errors import LostClaim, TruthDown
from memoryos_tasks.core.events import Event, Owner


@dataclass
class FakeStm:
    """Short-term memory in lists, oldest first; ``down`` makes it unreachable."""

    held: dict[tuple[Owner, str], list[Event]] = field(default_factory=dict)
    down: bool = False
    #: The tenant's newest sequence number.
    newest_seq: int = 2**53
    #: The token that holds the owner's lock; None is any.
    token: int | None = None

    def _of(self, owner: Owner, session: str) -> list[Event]:
        if self.down:
            raise TruthDown
        return self.held.get((owner, session), [])

    def preceding(self, before: Mapping[tuple[Owner, str], int], *, count: int) -> list[list[Event]]:
        return [
            [event for event in self._of(owner, session) if event.seq < seq][-count:]
            for (owner, session), seq in before.items()
        ]

    def newest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        return self._of(owner, session)[-count:]

    def unapplied(self, owner: Owner, session: str) -> int:
        return 0

    def settled(self, owner: Owner, session: str, *, count: int) -> list[Event] | None:
        return self._of(owner, session)[-count:]

    def oldest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        return self._of(owner, session)[:count]

    def sizes(self, sessions: Sequence[tuple[Owner, str]]) -> list[int]:
        return [self.size(owner, session) for owner, session in sessions]

    def size(self, owner: Owner, session: str) -> int:
        return len(self._of(owner, session))

    def latest(self, owner: Owner) -> int:
        if self.down:
            raise TruthDown
        return self.newest_seq

    def following(self, owner: Owner, session: str | None, *, after: int, count: int) -> list[Event]:
        sessions = [name for holder, name in self.held if holder == owner] if session is None else [session]
        found = [event for name in sessions for event in self._of(owner, name) if event.seq > after]
        return sorted(found, key=lambda event: event.seq)[:count]

    def drop(self, owner: Owner, session: str, events: Sequence[Event], *, token: int) -> None:
        if self.token not in (None, token):
            raise LostClaim
        gone = {event.event_id for event in events}
        kept = [event for event in self._of(owner, session) if event.event_id not in gone]
        self.held[owner, session] = kept

    def sessions(self, owner: Owner, *, count: int) -> list[str]:
        if self.down:
            raise TruthDown
        return [session for holder, session in reversed(self.held) if holder == owner][:count]

    def idle(self, *, seconds: float, count: int) -> list[tuple[Owner, str]]:
        return [place for place, events in self.held.items() if events][:count]
