"""What is recorded of inferences, in real stores: counted once, bounded, and erased with its user."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from waiting import until

from memoryos_tasks.adapters.plane.footprints import Footprints
from memoryos_tasks.adapters.plane.record_forms import tally_of
from memoryos_tasks.adapters.plane.recorded import RedisRecorded
from memoryos_tasks.adapters.plane.records import MOST_NOTED, Records
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.buckets import bucket
from memoryos_tasks.core.plane.records import OK, WHOLE, InferenceRecord
from memoryos_tasks.core.settings_observe import Observe

ALICE, WANG = Owner("acme", "alice"), Owner("acme", "王 a:b")
#: A full minute of a full hour, lately.
NOW = float(int(time.time()) // 3600 * 3600)
A = InferenceRecord(NOW, ALICE, "通义 千问", "ep-1", 100, 40, 0.5, 0.01, OK)


@pytest.fixture(autouse=True)
def _no_grudge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that failed is asked again at once, in the next test too."""
    monkeypatch.setattr("memoryos_tasks.adapters.redis.connections.REFUSED_SECONDS", 0.0)


@pytest.fixture
def records(truth: redis.Redis, traffic: redis.Redis) -> Iterator[Records]:
    made = Records(truth, traffic, Observe(), clock=lambda: NOW, interval=60)
    yield made
    made.close()


@pytest.fixture
def recorded(truth: redis.Redis, traffic: redis.Redis) -> RedisRecorded:
    return RedisRecorded(truth, traffic, Observe())


def test_inferences_add_up_by_model_and_endpoint(records: Records, recorded: RedisRecorded) -> None:
    # Given an inference that failed at one endpoint and was answered by another, and two more
    records.note(replace(A, endpoint="ep-2", outcome="upstream_error", output_length=0, seconds=2.0, last=False))
    records.note(A)
    records.flush()
    records.note(replace(A, owner=WANG, seconds=1.5, at=NOW + 5))
    records.note(replace(A, at=NOW + 65))
    records.flush()
    # Then each minute tells them apart: tries by endpoint, requests by model
    first, second = recorded.slices(NOW, NOW + 120)
    assert (first.start, first.seconds, second.start) == (NOW, 60, NOW + 60)
    model = first.tallies["通义 千问", WHOLE]
    assert (model.count, model.outcomes, model.peak, model.peak_busy) == (2, {OK: 2}, 2, 2.0)
    assert (model.input_length, model.output_length, model.busy, model.queued) == (200, 80, 2.0, 0.02)
    assert model.latency == {bucket(0.5): 1, bucket(1.5): 1}
    failed = first.tallies["通义 千问", "ep-2"]
    assert (failed.count, failed.outcomes, failed.busy) == (1, {"upstream_error": 1}, 2.0)
    assert second.tallies["通义 千问", "ep-1"].count == 1
    # And so does the hour, which knows the busiest of its minutes
    (hour,) = recorded.slices(NOW - 86_400 * 30, NOW + 120)
    assert (hour.start, hour.seconds) == (NOW, 3600)
    whole = hour.tallies["通义 千问", WHOLE]
    assert (whole.count, whole.peak, whole.peak_busy) == (3, 2, 2.0)
    # And all of time
    assert recorded.totals()["通义 千问", "ep-1"].count == 3


def test_records_come_back_one_by_one_newest_first(records: Records, recorded: RedisRecorded) -> None:
    other = replace(A, owner=WANG, outcome="upstream_timeout", seconds=30.25, last=False)
    records.note(A)
    records.note(other)
    records.flush()
    assert recorded.rows(count=9) == [other, A]
    assert recorded.rows(count=1) == [other]


def test_no_text_and_no_user_is_in_the_store_of_record(records: Records, truth: redis.Redis) -> None:
    records.note(replace(A, owner=Owner("acme", "zhang-san-7")))
    records.asked(Owner("acme", "zhang-san-7"), "203.0.113.9")
    records.flush()
    dump = "".join(key + str(truth.hgetall(key)) for key in truth.keys("*") if truth.type(key) == "hash")
    assert "totals" in dump
    assert "zhang-san-7" not in dump
    assert "203.0.113.9" not in dump


def test_a_batch_whose_answer_was_lost_is_counted_once(
    records: Records, recorded: RedisRecorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a store that takes a batch and breaks off before it answers
    write = records._tally

    def broken(keys: Any, args: Any) -> None:
        write(keys, args)
        raise redis.ConnectionError

    monkeypatch.setattr(records, "_tally", broken)
    records.note(A)
    records.flush()
    # When more comes, and the store answers again
    monkeypatch.setattr(records, "_tally", write)
    until(lambda: _flushed(records, recorded), seconds=5, what="the batch is written")
    records.note(A)
    records.flush()
    # Then nothing is counted twice and nothing lost
    assert recorded.totals()[A.model, A.endpoint].count == 2


def _flushed(records: Records, recorded: RedisRecorded) -> bool:
    records.flush()
    try:
        return not records._unwritten and bool(recorded.totals())
    except TruthDown:
        return False


def test_noting_never_raises_and_stays_within_bounds(traffic: redis.Redis) -> None:
    # Given stores that nobody serves
    away = redis.Redis(port=1, socket_connect_timeout=0.05)
    records = Records(away, away, Observe(), interval=60)
    for _ in range(MOST_NOTED + 5):
        records.note(A)
    records.asked(ALICE, "127.0.0.1")
    records.refused("127.0.0.1")
    # Then nothing was raised, and no more is kept than what is allowed
    assert len(records._records) == MOST_NOTED
    records.flush()
    assert len(records._unwritten) == 1
    records.close()


def test_noting_costs_the_inference_next_to_nothing(records: Records) -> None:
    records.note(A)
    started = time.perf_counter()
    for _ in range(10_000):
        records.note(A)
    assert (time.perf_counter() - started) / 10_000 < 50e-6


def test_a_thread_writes_what_was_noted(truth: redis.Redis, traffic: redis.Redis, recorded: RedisRecorded) -> None:
    records = Records(truth, traffic, Observe(), interval=0.05)
    before = threading.active_count()
    records.note(A)
    until(lambda: recorded.totals().get((A.model, A.endpoint)), seconds=5, what="the record is written")
    # And it goes on, and ends when it is closed
    records.note(A)
    until(lambda: recorded.totals()[A.model, A.endpoint].count == 2, seconds=5, what="the next one too")
    records.note(A)
    records.close()
    assert recorded.totals()[A.model, A.endpoint].count == 3
    until(lambda: threading.active_count() <= before, seconds=5, what="the writer ends")


def test_storage_is_bounded(truth: redis.Redis, traffic: redis.Redis) -> None:
    # Given room for 100 rows
    records = Records(truth, traffic, Observe(rows=100), clock=lambda: NOW, interval=60)
    for number in range(1_500):
        records.note(replace(A, at=NOW + number % 60))
    records.flush()
    # Then whole nodes of the stream beyond it are gone
    assert traffic.xlen(observed("rows")) < 250
    # And every minute and hour ends at its time
    assert 25 * 3600 < int(truth.ttl(observed("minute", int(NOW // 60)))) <= 26 * 3600
    assert 89 * 86_400 < int(truth.ttl(observed("hour", int(NOW // 3600)))) <= 90 * 86_400
    records.close()


def test_old_rows_go_by_their_age(truth: redis.Redis, traffic: redis.Redis) -> None:
    for number in range(300):
        traffic.xadd(observed("rows"), {"at": "1"}, id=f"{1000 + number}-0")
    records = Records(truth, traffic, Observe(), interval=60)
    records.note(A)
    records.flush()
    assert traffic.xlen(observed("rows")) < 150
    records.close()


def test_a_pair_too_many_is_counted_with_the_others(
    records: Records, recorded: RedisRecorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_tasks.adapters.plane.records.MOST_PAIRS", 2)
    for model in ("a", "b", "c", "d"):
        records.note(replace(A, model=model, endpoint=WHOLE))
    records.flush()
    totals = recorded.totals()
    assert totals["*", WHOLE].count == 2
    assert [totals[pair].count for pair in totals if pair != ("*", WHOLE)] == [1, 1]


def test_pairs_unused_for_long_are_forgotten(records: Records, recorded: RedisRecorded) -> None:
    records.note(A)
    records.flush()
    assert recorded.prune(NOW + 80 * 86_400) == 0
    assert recorded.prune(NOW + 91 * 86_400) == 2
    assert recorded.totals() == {}


@pytest.mark.parametrize("count", [1, 1200])
def test_a_users_inferences_are_forgotten_and_nobody_elses(
    records: Records, recorded: RedisRecorded, traffic: redis.Redis, count: int
) -> None:
    footprints = Footprints(traffic)
    for number in range(count):
        records.note(replace(A, at=NOW + number / 1000))
    records.note(replace(A, owner=WANG))
    records.note(replace(A, owner=Owner("other", "alice")))
    records.flush()
    assert footprints.left(ALICE, NOW + 100) == count
    assert footprints.left(ALICE, NOW - 1) == 0
    assert footprints.forget(ALICE, NOW) == count
    assert footprints.left(ALICE, NOW + 100) == 0
    assert {row.owner for row in recorded.rows(count=9)} == {WANG, Owner("other", "alice")}
    # What was added up names nobody and stays
    assert recorded.totals()[A.model, WHOLE].count == count + 2


def test_an_older_form_of_a_tally_is_read() -> None:
    assert tally_of("{}").count == 0
    assert tally_of('{"n": 2, "x9": 1, "e:ok": 2}').outcomes == {"ok": 2}


def test_two_processes_count_together(
    truth: redis.Redis, traffic: redis.Redis, recorded: RedisRecorded
) -> None:
    both: list[Callable[[], None]] = []
    for _ in range(2):
        records = Records(truth, traffic, Observe(), interval=60)
        records.note(A)
        both.append(records.close)
    for close in both:
        close()
    (only,) = recorded.slices(NOW, NOW + 60)
    assert only.tallies[A.model, WHOLE].peak == 2
