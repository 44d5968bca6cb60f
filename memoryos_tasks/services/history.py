"""Every event of a user and where it stands, oldest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind
from memoryos_tasks.ports.stm import Stm
from memoryos_tasks.ports.vectors import VectorStore, Where
from memoryos_tasks.services.recall import Recall

#: Events of a page when the request names no number.
LIMIT = 100
#: Events read in one step.
STEP = 100
#: Characters of text after which a page ends early, since an answer passes through Redis in one piece.
MOST_TEXT = 2_000_000
#: What a cursor says before its number.
_MARK = "seq:"


class History:
    """Reads events; writes nothing.

    An indexed event's home is its turn; one that is not indexed yet stands in short-term memory. Short-term memory is
    read first and the index after it, so that an event that moves in between is seen; and nothing is told that was
    numbered after the read began, so that no later event hides an earlier one that is still on its way.
    """

    def __init__(self, stm: Stm, vectors: VectorStore, recall: Recall, settle: Callable[[Owner], None]) -> None:
        self._stm = stm
        self._vectors = vectors
        self._recall = recall
        self._settle = settle

    def events(self, owner: Owner, request: Mapping[str, Any]) -> dict[str, Any]:
        """One page: ``limit`` events of the ``session`` (default: of all) after the ``cursor``, and the next cursor.

        Raises :class:`TruthDown` and :class:`VectorsDown`, since a list without some events would be wrong, and
        :class:`InvalidRequest` for a cursor that no page gave.
        """
        after, limit = _position(request.get("cursor")), int(request.get("limit") or LIMIT)
        self._settle(owner)
        newest = self._stm.latest(owner)
        found: list[tuple[Event, str]] = []
        room, more = MOST_TEXT, True
        while more and len(found) < limit and room > 0:
            count = min(STEP, limit - len(found))
            rows = self._step(owner, request.get("session_id"), after, count + 1, newest)
            told = _fitting(rows[:count], room)
            found += told
            more = len(rows) > len(told)
            room -= sum(len(event.content) for event, _ in told)
            after = told[-1][0].seq if told else after
        return {
            "events": [_told(event, place) for event, place in found],
            "next_cursor": _cursor(after) if more else None,
        }

    def _step(
        self, owner: Owner, session: str | None, after: int, count: int, newest: int
    ) -> list[tuple[Event, str]]:
        """The next ``count`` events up to the number ``newest``, each with its place."""
        recent = self._stm.following(owner, session, after=after, count=count)
        where = Where(owner, kinds=(Kind.TURN.value, FORGOTTEN), sessions=(session,) if session is not None else ())
        turns = self._vectors.in_order(where, after=after, limit=count)
        rows = [(self._recall.event(owner, hit), str(hit.payload["place"])) for hit in turns]
        listed = {event.event_id for event, _ in rows}
        others = [event for event in recent if event.event_id not in listed]
        # One that failed after it was indexed and was sent again has another number here than its turn has.
        indexed = self._vectors.get(owner, [event.turn_id for event in others]) if others else []
        numbers = {hit.payload["event_id"]: hit.payload["seq"] for hit in indexed}
        rows += [(event, IN_STM) for event in others if numbers.get(event.event_id, event.seq) == event.seq]
        told = [row for row in rows if row[0].seq <= newest]
        return sorted(told, key=lambda row: row[0].seq)[:count]


def _fitting(rows: Sequence[tuple[Event, str]], room: int) -> list[tuple[Event, str]]:
    """The first rows, up to the one whose text fills the room."""
    kept: list[tuple[Event, str]] = []
    for event, place in rows:
        if room <= 0:
            break
        kept.append((event, place))
        room -= len(event.content)
    return kept


def _told(event: Event, place: str) -> dict[str, Any]:
    """One event as clients see it."""
    return {
        "event_id": event.event_id,
        "role": event.role,
        "name": event.name,
        "content": event.content,
        "timestamp": event.timestamp,
        "session_id": event.session,
        "place": place,
    }


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{seq}".encode()).decode().rstrip("=")


def _position(cursor: str | None) -> int:
    """The number after which a page begins. Raises :class:`InvalidRequest`."""
    if cursor is None:
        return 0
    try:
        mark, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        mark, number = "", ""
    if f"{mark}:" != _MARK or not 0 < len(number) < 17 or not number.isdigit() or _cursor(int(number)) != cursor:
        raise InvalidRequest("The cursor is not one that a page of events gave; begin without one.", param="cursor")
    return int(number)
