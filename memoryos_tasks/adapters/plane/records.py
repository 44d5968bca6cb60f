"""What is noted of inferences and requests: kept in memory, written by one thread, a batch a second.

Figures about nobody go to the store of record; what names a user or an address goes to the traffic role alone.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import redis
import structlog

from memoryos_tasks.adapters.plane.record_forms import stored_pair, stored_record, stored_subject, stored_tally
from memoryos_tasks.adapters.redis.connections import script, traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.errors import TrafficDown, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Sort, Subject
from memoryos_tasks.core.plane.records import InferenceRecord, tallied
from memoryos_tasks.core.settings_observe import Observe

log = structlog.get_logger(__name__)

#: Seconds between two batches.
FLUSH_SECONDS = 1.0
#: Most records, and most requests, that wait in this process; the oldest are dropped beyond it.
MOST_NOTED = 20_000
#: Most batches that wait while the store of record is away: ten minutes of them.
MOST_BATCHES = 600
#: Most pairs of model and endpoint that are told apart, and most subjects of one minute.
MOST_PAIRS = 2_000
MOST_SUBJECTS = 50_000
#: Seconds that the counts of a minute are kept: longer than what is looked at for repeated failures.
ASKED_SECONDS = 900

#: When a request came, for whom (None: it failed to authenticate), and from where.
_Request = tuple[float, Owner | None, str]
#: Its id and the tallies of each minute.
_Batch = tuple[str, dict[int, dict[str, dict[str, int]]]]


class Records:
    """See :class:`memoryos_tasks.ports.plane.records.Observer`.

    A batch that the store of record could not take is written again, and counted once even if its answer was lost.
    """

    def __init__(
        self,
        truth: redis.Redis,
        traffic: redis.Redis,
        options: Observe,
        *,
        clock: Callable[[], float] = time.time,
        interval: float = FLUSH_SECONDS,
    ) -> None:
        self._truth = truth
        self._traffic = traffic
        self._tally = script(truth, "plane_tally")
        self._count = script(traffic, "plane_asked")
        self._options = options
        self._clock = clock
        self._interval = interval
        self._records: deque[InferenceRecord] = deque(maxlen=MOST_NOTED)
        self._asked: deque[_Request] = deque(maxlen=MOST_NOTED)
        self._dropped = 0
        self._unwritten: deque[_Batch] = deque(maxlen=MOST_BATCHES)
        self._noted = threading.Event()
        self._closed = threading.Event()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._pid = 0

    def note(self, record: InferenceRecord) -> None:
        self._dropped += len(self._records) == MOST_NOTED
        self._records.append(record)
        self._wake()

    def asked(self, owner: Owner, ip: str) -> None:
        self._asked.append((self._clock(), owner, ip))
        self._wake()

    def refused(self, ip: str) -> None:
        self._asked.append((self._clock(), None, ip))
        self._wake()

    def flush(self) -> None:
        """Write what was noted; what cannot be written now waits or is dropped."""
        with self._writing:
            self._noted.clear()
            records = _taken(self._records)
            with suppress(TrafficDown):
                self._write_rows(records)
            with suppress(TrafficDown):
                self._write_asked(_taken(self._asked))
            if records:
                self._dropped += len(self._unwritten) == MOST_BATCHES
                self._unwritten.append((uuid.uuid4().hex, _by_minute(records)))
            with suppress(TruthDown):
                while self._unwritten:
                    self._write(self._unwritten[0])
                    self._unwritten.popleft()
        if self._dropped:
            log.warning("plane_records_dropped", count=self._dropped)
            self._dropped = 0

    def close(self) -> None:
        """Write what is left and stop."""
        self._closed.set()
        self._noted.set()
        with suppress(redis.RedisError):
            self.flush()

    def _write(self, batch: _Batch) -> None:
        id, minutes = batch
        keys = [observed("batch", id), observed("totals"), observed("pairs")]
        for minute in minutes:
            keys += [observed("minute", minute), observed("hour", minute // 60)]
        lives = (self._options.minute_hours * 3600, self._options.days * 86_400)
        with truth_errors():
            self._tally(keys, [int(self._clock()), *lives, MOST_PAIRS, *map(json.dumps, minutes.values())])

    def _write_rows(self, records: list[InferenceRecord]) -> None:
        fresh = records[-self._options.rows :] if self._options.rows else []
        if not fresh:
            return
        oldest = int((self._clock() - self._options.row_hours * 3600) * 1000)
        with traffic_errors():
            pipe = self._traffic.pipeline(transaction=False)
            for record in fresh:
                fields: Any = stored_record(record)
                pipe.xadd(observed("rows"), fields, maxlen=self._options.rows, approximate=True)
            pipe.xtrim(observed("rows"), minid=oldest, approximate=True)
            pipe.execute()

    def _write_asked(self, asked: list[_Request]) -> None:
        counts: dict[str, Counter[str]] = {}
        for at, owner, ip in asked:
            key = observed("refused" if owner is None else "asked", int(at // 60))
            counted = counts.setdefault(key, Counter())
            for subject in _subjects(owner, ip):
                counted[stored_subject(subject)] += 1
        if counts:
            with traffic_errors():
                self._count(list(counts), [MOST_SUBJECTS, ASKED_SECONDS, *map(json.dumps, counts.values())])

    def _wake(self) -> None:
        if not self._noted.is_set():
            self._noted.set()
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        """The writer of this process: a fork does not take its parent's along."""
        with self._starting:
            if self._pid != os.getpid() and not self._closed.is_set():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="plane-records", daemon=True).start()

    def _run(self) -> None:
        while not self._closed.is_set():
            # Waits for something to write, and then for more of it.
            self._noted.wait()
            if self._closed.wait(self._interval):
                return
            try:
                self.flush()
            except Exception as error:
                self._unwritten.clear()  # Nobody could ever write it.
                log.error("plane_records_failed", exc_info=error)
            if self._unwritten:
                self._noted.set()


T = TypeVar("T")


def _subjects(owner: Owner | None, ip: str) -> Iterator[Subject]:
    """Whom a request counts for; those who name nobody are told apart by their addresses."""
    if owner is None:
        yield Subject(Sort.AUTH, ip)
        return
    if owner.user:
        yield Subject(Sort.USER, owner.user, owner.tenant)
    if ip:
        yield Subject(Sort.ADDRESS, ip)


def _taken(waiting: deque[T]) -> list[T]:
    """What waits now, out of the queue; more may come meanwhile."""
    return [waiting.popleft() for _ in range(len(waiting))]


def _by_minute(records: Iterable[InferenceRecord]) -> dict[int, dict[str, dict[str, int]]]:
    minutes: dict[int, list[InferenceRecord]] = {}
    for record in records:
        minutes.setdefault(int(record.at // 60), []).append(record)
    return {
        minute: {stored_pair(pair): stored_tally(tally) for pair, tally in tallied(each).items()}
        for minute, each in minutes.items()
    }
