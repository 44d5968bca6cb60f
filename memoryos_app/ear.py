"""One request's ear for one run: fed by the inbox's thread, read by the request's."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.pace import Pace
from memoryos_tasks.ports.runs import Message, Saying

if TYPE_CHECKING:
    from memoryos_app.inbox import Inbox

#: Messages that wait for one request; a slower reader goes on from the run's own stream.
EAR_BOUND = 2_000
#: Most messages that are taken at a time.
MOST = 500
#: How often ears wake this process, all together, and how long one is left alone at most.
PACE = Pace(per_second=3_000.0, longest=0.15)
#: The place before the first message of a run's stream.
START = "0-0"


class Ear:
    """See :class:`memoryos_tasks.ports.runs.Wait`.

    It hears what the run says into the inbox; or, once it ``follows``, what stands in the run's own stream after
    ``after``, whoever the run speaks to.
    """

    def __init__(self, inbox: Inbox, owner: Owner, job_id: str, *, after: str = START, follows: bool = False) -> None:
        self.owner = owner
        self.job_id = job_id
        self._inbox = inbox
        self._heard: queue.SimpleQueue[tuple[str, Mapping[str, str]]] = queue.SimpleQueue()
        self._last = after
        #: When a chunk was heard last; 0.0 before.
        self._heard_at = 0.0
        self._overflowed = False
        self._follows = self._behind = follows

    def put(self, id: str, fields: Mapping[str, str]) -> None:
        """Take a message, from the inbox's thread."""
        if self._overflowed:
            return
        if self._heard.qsize() >= EAR_BOUND:
            self._overflowed = True
        else:
            self._heard.put((id, fields))

    def batch(self, *, timeout: float) -> list[Message]:
        while True:
            if self._overflowed and self._heard.empty():
                self.close()
                self._overflowed, self._follows, self._behind = False, True, True
            if self._behind and (missed := self._missed()):
                return missed
            if heard := self._next(timeout):
                return heard

    def close(self) -> None:
        """Stop listening."""
        if self._heard_at:
            self._heard_at = 0.0
            PACE.leave()
        self._inbox.forget(self)

    def _paced(self) -> None:
        if not self._heard_at:
            PACE.join()
        self._heard_at = time.monotonic()

    def _missed(self) -> list[Message]:
        """What the stream holds already. Who has read all of it is told of the rest."""
        missed = self._inbox.runs.replay(self.owner, self.job_id, after=self._last)
        if not missed:
            # In this order nothing falls between the two; what comes twice is left out by its place.
            self._inbox.follow(self, self._last)
            self._behind = False
            missed = self._inbox.runs.replay(self.owner, self.job_id, after=self._last)
        if missed:
            self._last = missed[-1].id
        return missed

    def _next(self, timeout: float) -> list[Message]:
        if self._heard_at and (rest := PACE.rest(self._heard_at, time.monotonic())):
            time.sleep(rest)
        try:
            heard = [self._heard.get(timeout=timeout)]
        except queue.Empty:
            raise TimeoutError from None
        while len(heard) < MOST and not self._heard.empty():
            heard.append(self._heard.get())
        if heard[-1][1]["say"] == Saying.CHUNK:
            self._paced()
        if self._follows:
            heard = [one for one in heard if place(one[0]) > place(self._last)]
        if heard:
            self._last = heard[-1][0]
        return [
            Message(id, Saying(fields["say"]), text=self._inbox.codec.open(self.owner, fields["data"]))
            for id, fields in heard
        ]


def place(id: str) -> tuple[int, int]:
    """Where in a stream an id stands."""
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number or 0)
