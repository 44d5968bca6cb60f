from __future__ import annotations

import time

import pytest
import redis
from fakes import make_event

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.backlog import UNACKED, Backlog, look
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Failure, Job
from memoryos_tasks.queues import TASKS

ALICE = Owner("acme", "alice")
WHY = Failure({"message": "x"}, "internal_error")


def test_an_empty_system_has_no_backlog(truth: redis.Redis, traffic: redis.Redis) -> None:
    assert look(truth, traffic) == Backlog(
        messages={"chat": 0, "memory": 0, "maintenance": 0, "vectors": 0},
        jobs=dict.fromkeys(TASKS, 0),
        dead_letters={"events": 0, "chat": 0, "memory": 0, "maintenance": 0, "vectors": 0},
    )


def test_messages_wait_and_are_worked_on(truth: redis.Redis, traffic: redis.Redis) -> None:
    # Given what the broker holds: messages in queues, and some that were delivered
    traffic.lpush("chat", "a", "b")
    traffic.lpush("memory", "c")
    traffic.zadd(UNACKED, {"tag-1": time.time() - 30, "tag-2": time.time()})
    now = look(truth, traffic)
    assert (now.messages["chat"], now.messages["memory"], now.unacked) == (2, 1, 2)
    assert now.unacked_age == pytest.approx(30, abs=3)


def test_jobs_are_open_until_they_end(truth: redis.Redis, traffic: redis.Redis, ledger: RedisLedger) -> None:
    ledger.create(Job("job_1", ALICE, "chat"))
    ledger.want(Job("job_2", ALICE, "promote"), delay=0)
    now = look(truth, traffic)
    # A chat is due when nobody claims it, a wanted job at once
    assert (now.jobs["chat"], now.jobs["promote"], now.jobs_due) == (1, 1, 1)
    claim = ledger.claim("acme", "job_2")
    assert claim is not None
    assert look(truth, traffic).jobs_due == 0
    ledger.bury(claim, WHY)
    now = look(truth, traffic)
    assert (now.jobs["promote"], now.dead_letters["memory"]) == (0, 1)
    assert now.counters == {"dead internal_error": 1}


def test_events_age_until_they_are_applied(truth: redis.Redis, traffic: redis.Redis, journal: RedisJournal) -> None:
    # Given an old entry that was put in by hand and nobody has read, then a new one
    an_hour_ago = int((time.time() - 3600) * 1000)
    truth.xadd(keyspace.JOURNAL, {"event_id": "r", "tenant": "acme",
                                  "payload": '{"user_id": "alice", "content": "x"}'}, id=f"{an_hour_ago}-0")
    journal.append(ALICE, [make_event(ALICE, "e1", "x")])
    # Before any worker has come they age all the same
    now = look(truth, traffic)
    assert (now.events, now.groups) == (1, {})
    assert now.oldest_event_age == pytest.approx(3600, abs=5)
    # When it is read and not applied
    entries = journal.read(count=1)
    now = look(truth, traffic)
    assert now.groups == {"memoryos": 1}
    assert now.oldest_event_age == pytest.approx(3600, abs=5)
    # Then its age goes on until it is, and then the next one's counts, read or not
    entries = journal.admit(entries)
    assert look(truth, traffic).events == 2
    journal.applied(entries)
    now = look(truth, traffic)
    assert (now.groups, now.events, now.oldest_event_age < 60) == ({"memoryos": 0}, 1, True)
    journal.applied(journal.admit(journal.read(count=9)))
    now = look(truth, traffic)
    assert (now.events, now.oldest_event_age) == (0, 0.0)


def test_a_store_that_is_away_is_told(traffic: redis.Redis) -> None:
    with redis.Redis(port=1, socket_connect_timeout=0.5) as nowhere, pytest.raises(redis.ConnectionError):
        look(nowhere, traffic)
