"""What a run says while it works, and the gateway's ear for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
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


class Message:
    """One message of a run; ``id`` is its place in the run's stream (what Last-Event-ID names).

    Made from ``data`` or from its JSON ``text``; the other is made when it is asked for, so that who only passes a
    chunk on never parses it.
    """

    __slots__ = ("_data", "_text", "id", "saying")

    def __init__(
        self, id: str, saying: Saying, data: Mapping[str, Any] | None = None, *, text: str | None = None
    ) -> None:
        self.id = id
        self.saying = saying
        self._data = data
        self._text = text

    @property
    def data(self) -> Mapping[str, Any]:
        """What is said."""
        if self._data is None:
            parsed: Mapping[str, Any] = json.loads(self._text or "{}")
            self._data = parsed
        return self._data

    @property
    def text(self) -> str:
        """The same as JSON on one line, as it was written."""
        if self._text is None:
            self._text = json.dumps(self._data, ensure_ascii=False, separators=(",", ":"))
        return self._text

    @property
    def terminal(self) -> bool:
        """Whether it ends the run."""
        return self.saying in (Saying.DONE, Saying.ERROR)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.id, self.saying, self.data) == (other.id, other.saying, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Message({self.id!r}, {self.saying!r})"


class Speech(Protocol):
    """The messages of one run, said one after the other without waiting for each.

    Pieces of text that are said faster than they can be passed on become one chunk (see core/merging).
    """

    def say(self, saying: Saying, data: Mapping[str, Any]) -> bool:
        """Say it; True when the run was cancelled, known a moment after a message was passed on."""


class Runs(Protocol):
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def say(
        self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str, behind: bool = False
    ) -> bool:
        """Append to the run's stream and to the waiting gateway's inbox in one step; True when cancelled.

        ``behind``: it ends a stream, and is said only while what was said before still stands; otherwise the listener
        would take a part for the whole. Raises :class:`TrafficDown` when it does not.
        """

    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> AbstractContextManager[Speech]:
        """Say much without waiting for each; all is said, in order, when the block ends."""

    def replay(self, owner: Owner, job_id: str, *, after: str = "0-0") -> list[Message]:
        """The messages of a run after that id, the oldest first and not all at once when they are many."""

    def spoke(self, owner: Owner, job_id: str) -> bool:
        """Whether a run of this job has said more than its start, so that another run would repeat it."""

    def cancel(self, owner: Owner, job_id: str) -> None:
        """Make the next :meth:`say` of this run answer True."""

    def watching(self, owner: Owner, job_id: str) -> AbstractContextManager[Callable[[], bool]]:
        """Whether the run was cancelled, also while it says nothing: known within half a second, and cheap to ask."""

    def ask(self, owner: Owner, request_id: str, request: Mapping[str, Any]) -> None:
        """Leave the request of an unledgered call (a read, a chat without the truth) for a worker."""

    def asked(self, tenant: str, request_id: str) -> tuple[Owner, Mapping[str, Any]] | None:
        """Take such a request; None when it expired or was taken."""


class Wait(Protocol):
    """One gateway request's ear: made before the work is published, closed after."""

    def batch(self, *, timeout: float) -> list[Message]:
        """All messages that are there, at least one; raises :class:`TimeoutError` after that many silent seconds.

        Not to be called after the terminal one.
        """

    def close(self) -> None:
        """Stop listening."""
