"""What the plane keeps of its inferences and of who asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Anomaly, Subject
from memoryos_tasks.core.plane.records import InferenceRecord, Pair, Slice, Tally


class Observer(Protocol):
    """What those who serve requests tell. Nothing is ever raised, and a call costs no more than adding to a list: it
    is written by a thread of its own, in batches, and dropped when too much waits."""

    def note(self, record: InferenceRecord) -> None:
        """An inference, or one try of it, has ended."""

    def asked(self, owner: Owner, ip: str) -> None:
        """An authenticated request has come, whatever becomes of it."""

    def refused(self, ip: str) -> None:
        """A request has failed to authenticate."""


class Recorded(Protocol):
    """What was noted, for whoever watches. Raises :class:`TruthDown` and :class:`TrafficDown`."""

    def slices(self, since: float, until: float) -> Sequence[Slice]:
        """What was recorded in [since, until), as finely as it is still kept, each time in one slice only."""

    def totals(self) -> Mapping[Pair, Tally]:
        """Everything since the beginning, by pair, without the pairs that were last used too long ago."""

    def rows(self, *, count: int) -> Sequence[InferenceRecord]:
        """The newest records, newest first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each subject was counted in one minute, and the active minutes before it, oldest first."""

    minute: int
    counts: Mapping[Subject, int]
    history: Mapping[Subject, tuple[int, ...]]


class Traces(Protocol):
    """Who asked how often, minute by minute, and what was odd about it. Raises :class:`TrafficDown`."""

    def counts(self, minute: int) -> Counts:
        """How often each user and address asked in a minute (minutes since the epoch)."""

    def failures(self, minutes: Sequence[int]) -> Mapping[Subject, int]:
        """How often authentication failed in these minutes, by address."""

    def settle(self, minute: int) -> bool:
        """Whether this caller is the one to add a finished minute to the histories: true once for each minute."""

    def remember(self, minute: int, history: Mapping[Subject, tuple[int, ...]]) -> None:
        """Keep these histories; those that were not heard of for long go."""

    def anomalies(self) -> Sequence[Anomaly]:
        """The anomalies that are kept, newest first."""

    def flag(self, anomalies: Sequence[Anomaly]) -> None:
        """Keep these, each in place of the one that its subject had."""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """How full a queue was on average: messages that waited, and jobs that ran."""

    waiting: float
    busy: float


class QueueLoads(Protocol):
    """Samples of the queues. Raises :class:`TruthDown` and :class:`TrafficDown`."""

    def take(self, now: float) -> None:
        """Look at the queues and remember what is seen."""

    def mean(self, since: float, until: float) -> Mapping[str, QueueLoad]:
        """The means of what was seen in that time (seconds, UTC), by queue."""
