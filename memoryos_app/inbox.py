"""How answers reach this process: one stream in the traffic store, one thread that reads it.

The stream's id is made up before any work is published and read from its start, so nothing can be missed.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import structlog

from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Message, Runs, Saying, Wait

log = structlog.get_logger(__name__)

#: Messages that wait for one request; a slower reader goes on from the run's own stream.
EAR_BOUND = 2_000
#: Ends of runs that nobody waited for yet, kept for a waiter that comes a moment later; number and seconds.
EARLY_BOUND, EARLY_SECONDS = 1_024, 10.0
#: Entries after which the read part of the stream is cut off.
TRIM_EVERY = 256
#: Seconds that one read waits for news, and the longest pause after a failed one.
BLOCK_SECONDS, PAUSE_SECONDS = 2.0, 1.0

Fields = Mapping[str, str]


class Source(Protocol):
    """The stream as a reader needs it."""

    def read(self, after: str, block_seconds: float) -> list[tuple[str, Fields]]:
        """Entries after that id, waiting for them when there are none."""

    def trim(self, before: str) -> None:
        """Forget the entries before that id."""


class Listening(Protocol):
    """What requests need of an inbox."""

    @property
    def id(self) -> str: ...

    def listen(self, owner: Owner, job_id: str) -> Wait:
        """An ear for one run; made before the work is published where that can be."""


class Ear:
    """See :class:`memoryos_tasks.ports.runs.Wait`."""

    def __init__(self, inbox: Inbox, owner: Owner, job_id: str) -> None:
        self._inbox = inbox
        self._owner = owner
        self._job_id = job_id
        self._heard: queue.Queue[Fields] = queue.Queue(EAR_BOUND)
        self._overflowed = False
        self._last = "0-0"

    def put(self, fields: Fields) -> None:
        """Take a message, from the reader's thread."""
        if self._overflowed:
            return
        try:
            self._heard.put_nowait(fields)
        except queue.Full:
            self._overflowed = True

    def messages(self, *, timeout: float) -> Iterator[Message]:
        while True:
            for message in self._next(timeout):
                self._last = message.id
                yield message
                if message.terminal:
                    return

    def _next(self, timeout: float) -> list[Message]:
        if self._overflowed and self._heard.empty():
            missed = self._inbox.runs.replay(
                self._owner, self._job_id, after=self._last, block_seconds=timeout
            )
            if not missed:
                raise TimeoutError
            return missed
        try:
            fields = self._heard.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        data = json.loads(self._inbox.codec.open(self._owner, fields["data"]))
        return [Message(fields["id"], Saying(fields["say"]), data)]

    def close(self) -> None:
        self._inbox.forget(self._job_id, self)


class Inbox:
    """Hands what the stream says to the ears of this process."""

    def __init__(self, source: Source, codec: Codec, runs: Runs, id: str) -> None:
        self.id = id
        self.codec = codec
        self.runs = runs
        self._source = source
        self._lock = threading.Lock()
        self._ears: dict[str, list[Ear]] = {}
        self._early: OrderedDict[str, tuple[float, Fields]] = OrderedDict()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=BLOCK_SECONDS + 3)

    def listen(self, owner: Owner, job_id: str) -> Ear:
        ear = Ear(self, owner, job_id)
        with self._lock:
            self._ears.setdefault(job_id, []).append(ear)
            early = self._early.pop(job_id, None)
        if early is not None:
            ear.put(early[1])
        return ear

    def forget(self, job_id: str, ear: Ear) -> None:
        with self._lock:
            left = [other for other in self._ears.get(job_id, ()) if other is not ear]
            if left:
                self._ears[job_id] = left
            else:
                self._ears.pop(job_id, None)

    def hand(self, fields: Fields) -> None:
        """Give one message to its ears; without one, only the end of a run is kept for a moment."""
        job_id, saying = fields["job"], Saying(fields["say"])
        if "id" not in fields or "data" not in fields:
            raise ValueError("an inbox entry without id or data")
        with self._lock:
            ears = list(self._ears.get(job_id, ()))
            if not ears and saying in (Saying.DONE, Saying.ERROR):
                self._keep_early(job_id, fields)
        for ear in ears:
            ear.put(fields)

    def _keep_early(self, job_id: str, fields: Fields) -> None:
        now = time.monotonic()
        self._early[job_id] = (now, fields)
        while self._early:
            oldest = next(iter(self._early))
            if len(self._early) <= EARLY_BOUND and now - self._early[oldest][0] <= EARLY_SECONDS:
                return
            del self._early[oldest]

    def _run(self) -> None:
        cursor, since_trim, pause = "0-0", 0, 0.05
        while not self._stopping.is_set():
            try:
                entries = self._source.read(cursor, BLOCK_SECONDS)
                for place, fields in entries:
                    self._hand_safely(fields)
                    cursor = place
                since_trim += len(entries)
                if since_trim >= TRIM_EVERY or (since_trim and not entries):
                    self._source.trim(cursor)
                    since_trim = 0
                pause = 0.05
            except Exception as error:
                # The store is away or answers oddly: the cursor stands, so nothing is skipped on return.
                log.warning("the inbox could not be read", error=type(error).__name__)
                self._stopping.wait(pause)
                pause = min(pause * 2, PAUSE_SECONDS)

    def _hand_safely(self, fields: Fields) -> None:
        try:
            self.hand(fields)
        except (KeyError, ValueError) as error:
            log.warning("an inbox entry was not readable", error=type(error).__name__)


class RedisSource:
    """The stream of one inbox in Redis; ``client`` is one whose reads may wait."""

    def __init__(self, client: Any, key: str) -> None:
        self._redis = client
        self._key = key

    def read(self, after: str, block_seconds: float) -> list[tuple[str, Fields]]:
        answer = self._redis.xread({self._key: after}, count=500, block=int(block_seconds * 1000))
        return list(answer[0][1]) if answer else []

    def trim(self, before: str) -> None:
        self._redis.xtrim(self._key, minid=before, approximate=False)


def new_id() -> str:
    """An inbox id that no other process has."""
    return uuid.uuid4().hex
