"""Following one run to its end, whatever happens to the stores on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from memoryos_app.gone import ClientGone
from memoryos_app.numbers import HANGUPS
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import DeadlineExceeded, MemoryOSError, NotFound, TrafficDown, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Message, Runs, Saying, Wait

#: Seconds between two looks whether the client is still there.
TICK = 0.25
#: Seconds of silence after which the ledger is asked how the job stands.
CHECK = 2.0
#: The place before the first message of a run's stream.
START = "0-0"
#: Seconds without the traffic store after which a waiting request is given up.
PATIENCE = 2.0


class ReplayEar:
    """Listens to the run's own stream: for runs that another request, or another process, asked for."""

    def __init__(self, runs: Runs, owner: Owner, job_id: str, after: str = START) -> None:
        self._runs = runs
        self._owner = owner
        self._job_id = job_id
        self._after = after

    def messages(self, *, timeout: float) -> Iterator[Message]:
        while True:
            heard = self._runs.replay(self._owner, self._job_id, after=self._after, block_seconds=timeout)
            if not heard:
                raise TimeoutError
            for message in heard:
                self._after = message.id
                yield message
                if message.terminal:
                    return

    def close(self) -> None:
        """Nothing is held."""


class Run:
    """One request's wait for a run. ``until`` is its end in seconds of time.monotonic()."""

    def __init__(
        self,
        parts: Parts,
        owner: Owner,
        job_id: str,
        ear: Wait,
        *,
        until: float,
        ledgered: bool = True,
        settled_first: bool = False,
        watched: bool = True,
        after: str = START,
    ) -> None:
        self.job_id = job_id
        #: False for a chat that has no row, and so is not remembered.
        self.ledgered = ledgered
        #: True once the run itself has ended: there is nothing left to cancel.
        self.finished = False
        self._parts = parts
        self._owner = owner
        self._ear = ear
        self._until = until
        self._check_at = 0.0 if settled_first else time.monotonic() + CHECK
        self._watched = watched
        self._last = after
        self._resumed = after != START
        self._down_since: float | None = None
        self._closed = False
        if watched:
            parts.hangups.came(job_id)

    def close(self) -> None:
        """Stop waiting; an unfinished run is cancelled after the grace when nobody else waits for it."""
        if self._closed:
            return
        self._closed = True
        self._ear.close()
        if self._watched:
            if not self.finished:
                HANGUPS.inc()
            self._parts.hangups.left(self._owner, self.job_id, finished=self.finished)

    def messages(self, gone: Callable[[], bool]) -> Iterator[Message | None]:
        """What the run says, to its terminal message; None at each tick of silence.

        The terminal message may be made here: from the ledger when the traffic store lost it, or as an error
        when the store is away or time is up. Raises :class:`ClientGone`.
        """
        while True:
            try:
                for message in self._ear.messages(timeout=TICK):
                    self._check_at = time.monotonic() + CHECK
                    self._last = message.id
                    self.finished = message.terminal
                    yield message
                    if message.terminal:
                        return
            except TimeoutError:
                pass
            except TrafficDown:
                self._parts.watch.traffic_failed()
                time.sleep(TICK)
            if gone():
                raise ClientGone
            for message in self._healed():
                self._last = message.id or self._last
                yield message
                if message.terminal:
                    return
            yield None

    def _healed(self) -> list[Message]:
        """What silence means: nothing yet, an answer that was lost on the way, or the end."""
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK
            found = self._settled()
            self.finished = bool(found) and found[-1].terminal
            if found:
                return found
        if now >= self._until:
            return [_failure(DeadlineExceeded("The run did not end in time."))]
        if self._parts.watch.state.traffic:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        elif now - self._down_since >= PATIENCE:
            return [
                _failure(TrafficDown("The task broker went away before the answer was whole.", retry_after=1))
            ]
        return []

    def _settled(self) -> list[Message]:
        job = self._row()
        if isinstance(job, Message):
            return [job]
        if self.ledgered and (job is None or not job.status.final):
            return []
        try:
            missed = self._parts.runs.replay(self._owner, self.job_id, after=self._last)
        except TrafficDown:
            missed = []
        if missed and (missed[-1].terminal or job is None):
            return missed
        if job is None:
            return []
        return [self._resumed_end(job) if self._resumed else ending(job)]

    def _resumed_end(self, job: Job) -> Message:
        """The end for who has heard a part and goes on: never the whole answer again."""
        said = self._said_last()
        if said is not None and said.terminal:
            return Message(said.id, said.saying, {} if said.saying is Saying.DONE else said.data)
        if job.status is Status.SUCCEEDED:
            return lost()
        return ending(job)

    def _said_last(self) -> Message | None:
        """The newest message of the run's stream; None when the stream is gone."""
        last, place = None, START
        try:
            while found := self._parts.runs.replay(self._owner, self.job_id, after=place):
                last, place = found[-1], found[-1].id
                if last.terminal:
                    break
        except TrafficDown:
            self._parts.watch.traffic_failed()
        return last

    def _row(self) -> Job | Message | None:
        if not self.ledgered:
            return None
        try:
            return self._parts.ledger.get(self._owner.tenant, self.job_id)
        except TruthDown:
            return None
        except NotFound:
            return _failure(NotFound("The job is gone; it was erased or its result has expired."))


def ending(job: Job) -> Message:
    """The terminal message of a final job, from its row alone."""
    if job.status is Status.SUCCEEDED:
        return Message("", Saying.DONE, job.result or {})
    return Message(
        "", Saying.ERROR, job.error or MemoryOSError("The job ended without a reason.").described()
    )


def lost() -> Message:
    """What a client is told whose stream has a hole that the ledger cannot fill chunk by chunk."""
    return _failure(MemoryOSError("A part of the stream was lost; the job holds the whole answer."))


def _failure(error: MemoryOSError) -> Message:
    return Message("", Saying.ERROR, error.described())
