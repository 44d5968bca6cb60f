"""How answers reach this process: one stream in the traffic store, one thread that reads it.

The stream's id is made up before any work is published and read from its start, so nothing can be missed. The same
thread reads the streams of the runs that somebody follows: a replay that has caught up, a run of another process.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from memoryos_app.ear import START, Ear
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.runs import Runs, Saying, Wait

log = structlog.get_logger(__name__)

#: Ends of runs that nobody waited for yet, kept for a waiter that comes a moment later; number and seconds.
EARLY_BOUND, EARLY_SECONDS = 1_024, 10.0
#: Entries after which the read part of the stream is cut off.
TRIM_EVERY = 256
#: Most entries of one stream in one read.
READ_MOST = 500
#: Seconds that one read waits for news, and the longest pause after a failed one.
BLOCK_SECONDS, PAUSE_SECONDS = 2.0, 1.0
#: The job of an entry that only ends a read that waits.
NOBODY = ""

Fields = Mapping[str, str]
#: Tenant and job id.
RunKey = tuple[str, str]


@dataclass(slots=True)
class News:
    """What one read found."""

    inbox: list[tuple[str, Fields]] = field(default_factory=list)
    runs: list[tuple[RunKey, str, Fields]] = field(default_factory=list)


@dataclass(slots=True)
class _Followed:
    """A run whose own stream is read: how far, and for whom."""

    cursor: str
    ears: list[Ear] = field(default_factory=list)


class Source(Protocol):
    """The streams as a reader needs them."""

    def read(self, after: str, runs: Mapping[RunKey, str], block_seconds: float) -> News:
        """Entries after those places, of the inbox and of these runs, waiting for them when there are none."""

    def wake(self) -> None:
        """End a read that waits."""

    def trim(self, before: str) -> None:
        """Forget the inbox's entries before that id."""


class Listening(Protocol):
    """What requests need of an inbox."""

    @property
    def id(self) -> str: ...

    def listen(self, owner: Owner, job_id: str) -> Wait:
        """An ear for one run; made before the work is published where that can be."""

    def replay(self, owner: Owner, job_id: str, after: str = START) -> Wait:
        """An ear for what a run has said since then, and goes on to say, whoever it speaks to."""


class Inbox:
    """Hands what the streams say to the ears of this process."""

    def __init__(self, source: Source, codec: Codec, runs: Runs, id: str) -> None:
        self.id = id
        self.codec = codec
        self.runs = runs
        self._source = source
        self._lock = threading.Lock()
        self._ears: dict[str, list[Ear]] = {}
        self._followed: dict[RunKey, _Followed] = {}
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
            ear.put(early[1]["id"], early[1])
        return ear

    def replay(self, owner: Owner, job_id: str, after: str = START) -> Ear:
        return Ear(self, owner, job_id, after=after, follows=True)

    def follow(self, ear: Ear, after: str) -> None:
        """Tell this ear what its run's own stream holds after that, or more."""
        run = (ear.owner.tenant, ear.job_id)
        with self._lock:
            known = run in self._followed
            self._followed.setdefault(run, _Followed(after)).ears.append(ear)
        if not known:
            try:
                self._source.wake()
            except MemoryOSError as error:  # The next read takes it in, within its wait.
                log.debug("the inbox was not woken", code=error.code)

    def forget(self, ear: Ear) -> None:
        """This ear has heard enough."""
        run = (ear.owner.tenant, ear.job_id)
        with self._lock:
            left = [other for other in self._ears.get(ear.job_id, ()) if other is not ear]
            if left:
                self._ears[ear.job_id] = left
            else:
                self._ears.pop(ear.job_id, None)
            followed = self._followed.get(run)
            if followed is not None:
                followed.ears = [other for other in followed.ears if other is not ear]
                if not followed.ears:
                    del self._followed[run]

    def hand(self, fields: Fields) -> None:
        """Give one message to its ears; without one, only the end of a run is kept for a moment."""
        job_id = fields["job"]
        if job_id == NOBODY:
            return
        if "id" not in fields or "data" not in fields:
            raise ValueError("an inbox entry without id or data")
        with self._lock:
            ears = self._ears.get(job_id, ())
            if not ears and Saying(fields["say"]) in (Saying.DONE, Saying.ERROR):
                self._keep_early(job_id, fields)
        for ear in ears:  # A list that changes is another list.
            ear.put(fields["id"], fields)

    def tell(self, run: RunKey, id: str, fields: Fields) -> None:
        """Give one entry of a run's own stream to those who follow it."""
        with self._lock:
            followed = self._followed.get(run)
            if followed is None:
                return
            followed.cursor = id
            ears = list(followed.ears)
        for ear in ears:
            ear.put(id, fields)

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
                with self._lock:
                    places = {run: followed.cursor for run, followed in self._followed.items()}
                news = self._source.read(cursor, places, BLOCK_SECONDS)
                for place, fields in news.inbox:
                    self._hand_safely(fields)
                    cursor = place
                for run, place, fields in news.runs:
                    self.tell(run, place, fields)
                since_trim += len(news.inbox)
                if since_trim >= TRIM_EVERY or (since_trim and not news.inbox):
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
    """The streams in Redis; ``client`` is one whose reads may wait, ``quick`` one whose calls may not."""

    def __init__(self, client: Any, key: str, quick: Any = None) -> None:
        self._redis = client
        self._quick = quick or client
        self._key = key

    def read(self, after: str, runs: Mapping[RunKey, str], block_seconds: float) -> News:
        keys = {keyspace.run(*run): run for run in runs}
        places = {self._key: after, **{key: runs[run] for key, run in keys.items()}}
        news = News()
        for key, entries in self._redis.xread(places, count=READ_MOST, block=int(block_seconds * 1000)) or ():
            if key == self._key:
                news.inbox = list(entries)
            else:
                news.runs += [(keys[key], place, fields) for place, fields in entries]
        return news

    def wake(self) -> None:
        with traffic_errors():
            self._quick.xadd(self._key, {"job": NOBODY})

    def trim(self, before: str) -> None:
        self._redis.xtrim(self._key, minid=before, approximate=False)


def new_id() -> str:
    """An inbox id that no other process has."""
    return uuid.uuid4().hex
