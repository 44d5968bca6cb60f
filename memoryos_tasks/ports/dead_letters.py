"""Dead letters: work that failed for good, kept whole until it is replayed or purged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from memoryos_tasks.core.events import Owner

#: Whose key seals what cannot be told to be any user's.
SYSTEM_LETTERS = Owner("_system", "dead letters")
#: The list of events that never came into memory, beside one list per Celery queue.
EVENTS = "events"


class Replayed(StrEnum):
    """What a replay did with one letter."""

    #: It runs again; the letter is removed when it succeeds and opened again when it fails.
    REPLAYED = "replayed"
    #: It has succeeded since; the letter is removed.
    SKIPPED = "skipped"
    #: An earlier replay of it has not ended yet.
    BUSY = "busy"
    #: It cannot run: a message that no task takes, or an event id that another content holds.
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. Times are in seconds since the epoch, UTC.

    ``headers`` and ``body`` are the original: of a job its doorbell's headers and its request, of an event its
    stream fields and payload, of a message that no task took the message itself. ``body`` is plain JSON text here
    and sealed at rest; ``traceback`` names places, never values.
    """

    #: ``{list}:{number}``, such as ``memory:1700000000000-0``.
    id: str
    #: ``chat``, ``memory``, ``maintenance``, ``vectors`` or :data:`EVENTS`.
    queue: str
    #: ``chat``, ``consolidate``, … of a job; ``event``; ``message`` for what no task took.
    kind: str
    #: An error code: why it is here.
    reason: str
    #: The same in words.
    message: str
    tenant: str = ""
    #: The job's or the event's id.
    subject: str = ""
    task: str = ""
    exception: str = ""
    traceback: str = ""
    attempts: int = 0
    first_seen: float = 0.0
    last_seen: float = 0.0
    request_id: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    #: True while a replay of it has not ended.
    replaying: bool = False


class DeadLetters(Protocol):
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def counts(self) -> Mapping[str, int]:
        """How many letters each list holds."""

    def page(self, queue: str, *, count: int, after: str = "") -> tuple[Sequence[Letter], str | None]:
        """Letters of one list, oldest first, after the letter of that id; and the id to go on after, if any."""

    def get(self, id: str) -> Letter:
        """One letter. Raises :class:`NotFound`."""

    def replay(self, id: str) -> Replayed:
        """Run it again with its attempts at zero. Raises :class:`NotFound`."""

    def purge(self, id: str) -> bool:
        """Forget it for good; False when it was gone."""

    def bury(self, letter: Letter) -> str:
        """Keep what no ledger row and no journal entry stands for, such as an undecodable message; its id."""
