"""What a run says while it works, and the gateway's ear for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from memoryos_tasks.core.events import Owner


class Saying(StrEnum):
    """The kinds of messages; the last two are terminal, exactly one of them ends every run."""

    #: Facts for response headers before the first chunk: {"tier", "status", …}.
    START = "start"
    #: One chat.completion.chunk object.
    CHUNK = "chunk"
    #: The end: {} for a stream, the chat.completion object or another answer otherwise.
    DONE = "done"
    #: The end: the job's error object.
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a run; ``id`` is its place in the run's stream (what Last-Event-ID names)."""

    id: str
    saying: Saying
    data: Mapping[str, Any]

    @property
    def terminal(self) -> bool:
        return self.saying in (Saying.DONE, Saying.ERROR)


class Speech(Protocol):
    """The messages of one run, said one after the other without waiting for each."""

    def say(self, saying: Saying, data: Mapping[str, Any]) -> bool:
        """Say it; True when the run was cancelled, known at the latest with the next message."""


class Runs(Protocol):
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def say(self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str) -> bool:
        """Append to the run's stream and to the waiting gateway's inbox in one step; True when cancelled."""

    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> AbstractContextManager[Speech]:
        """Say much without waiting for each; all is said when the block ends."""

    def replay(
        self, owner: Owner, job_id: str, *, after: str = "0-0", block_seconds: float = 0.0
    ) -> list[Message]:
        """The messages of a run after that id; waits up to ``block_seconds`` when there are none."""

    def spoke(self, owner: Owner, job_id: str) -> bool:
        """Whether a run of this job has said more than its start, so that another run would repeat it."""

    def cancel(self, owner: Owner, job_id: str) -> None:
        """Make the next :meth:`say` of this run answer True."""

    def ask(self, owner: Owner, request_id: str, request: Mapping[str, Any]) -> None:
        """Leave the request of an unledgered call (a read, a chat without the truth) for a worker."""

    def asked(self, tenant: str, request_id: str) -> tuple[Owner, Mapping[str, Any]] | None:
        """Take such a request; None when it expired or was taken."""


class Wait(Protocol):
    """One gateway request's ear: made before the work is published, closed after."""

    def messages(self, *, timeout: float) -> Iterator[Message]:
        """Messages until the terminal one; raises :class:`TimeoutError` after that many silent seconds."""

    def close(self) -> None:
        """Stop listening."""
