"""Following one run to its end, whatever happens to the stores on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from memoryos_app.ear import START, place
from memoryos_app.gone import ClientGone
from memoryos_app.numbers import HANGUPS
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import DeadlineExceeded, MemoryOSError, NotFound, TrafficDown, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.routing import ROUTE
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Message, Saying, Wait

#: Seconds between two looks whether the client is still there.
TICK = 0.25
#: Seconds of silence after which the ledger is asked how the job stands.
CHECK = 2.0
#: Seconds that a run whose job is final may take to say so, which on a busy machine comes late.
LAST_WORDS = 10.0
#: Seconds without the traffic store after which a waiting request is given up.
PATIENCE = 2.0


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
        #: Whether something was read before the ear heard it; whether a part of a stream was told.
        self._ahead, self._spoke = False, after != START
        #: When the job was final and its stream had no end.
        self._unended: float | None = None
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
        """What the run says, to its terminal message; None at each tick of silence. See :meth:`batches`."""
        for batch in self.batches(gone):
            if not batch:
                yield None
            yield from batch

    def batches(self, gone: Callable[[], bool]) -> Iterator[list[Message]]:
        """What the run says, to its terminal message, as much at a time as is there; nothing at each tick of silence.

        The terminal message may be made here: from the ledger when the traffic store lost it, or as an error
        when the store is away or time is up. Raises :class:`ClientGone`.
        """
        while True:
            heard: list[Message] = []
            try:
                heard = self._to_the_end(self._new(self._ear.batch(timeout=TICK)))
                self._check_at = time.monotonic() + CHECK
                if not heard:
                    continue
                self.finished = heard[-1].terminal
            except TimeoutError:
                pass
            except TrafficDown:
                self._parts.watch.traffic_failed()
                time.sleep(TICK)
            if not heard:
                if gone():
                    raise ClientGone
                heard = self._to_the_end(self._healed())
            if heard:
                self._last = heard[-1].id or self._last
                self._spoke = self._spoke or heard[-1].saying is Saying.CHUNK
            yield heard
            if heard and heard[-1].terminal:
                return

    def _new(self, heard: list[Message]) -> list[Message]:
        """Without what was read from the run's own stream meanwhile."""
        if not self._ahead:
            return heard
        return [message for message in heard if place(message.id) > place(self._last)]

    @staticmethod
    def _to_the_end(heard: list[Message]) -> list[Message]:
        """Up to the terminal message, after which nothing counts."""
        for number, message in enumerate(heard, 1):
            if message.terminal:
                return heard[:number]
        return heard

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
            said = None if missed or job is None else self._said_last()
        except TrafficDown:
            if job is None or self._spoke:
                return []  # The rest may still be there; who waits too long for the store is told so.
            return [ending(job)]
        if missed:
            self._ahead = True
            return missed
        if job is None:
            return []
        if said is not None and said.saying is Saying.CHUNK:
            # A job is final a moment before its run says so.
            self._unended = self._unended or time.monotonic()
            if time.monotonic() - self._unended < LAST_WORDS:
                return []
        return [self._resumed_end(job, said) if self._resumed else ending(job)]

    def _resumed_end(self, job: Job, said: Message | None) -> Message:
        """The end for who has heard a part and goes on: never the whole answer again."""
        if said is not None and said.terminal:
            return Message(said.id, said.saying, {} if said.saying is Saying.DONE else said.data)
        if job.status is Status.SUCCEEDED:
            return lost()
        return ending(job)

    def _said_last(self) -> Message | None:
        """The newest message of the run's stream; None when the stream is gone. Raises :class:`TrafficDown`."""
        last, after = None, START
        while found := self._parts.runs.replay(self._owner, self.job_id, after=after):
            last, after = found[-1], found[-1].id
            if last.terminal:
                break
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
        # How the answer came about is the job's to tell; a client gets the completion.
        return Message("", Saying.DONE, {key: value for key, value in (job.result or {}).items() if key != ROUTE})
    return Message(
        "", Saying.ERROR, job.error or MemoryOSError("The job ended without a reason.").described()
    )


def lost() -> Message:
    """What a client is told whose stream has a hole that the ledger cannot fill chunk by chunk."""
    return _failure(MemoryOSError("A part of the stream was lost; the job holds the whole answer."))


def _failure(error: MemoryOSError) -> Message:
    return Message("", Saying.ERROR, error.described())
