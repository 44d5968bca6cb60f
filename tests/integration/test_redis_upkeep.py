from __future__ import annotations

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.backlog import look
from memoryos_tasks.adapters.redis.counters import RedisCounters
from memoryos_tasks.adapters.redis.upkeep import RedisUpkeep
from memoryos_tasks.core.events import Owner

ALICE, WANG = Owner("acme", "alice"), Owner("acme", "王 a:b")


def test_owners_are_given_out_when_their_time_has_come_until_they_are_settled(truth: redis.Redis) -> None:
    now = 1_700_000_000.0
    upkeep = RedisUpkeep(truth, lambda: now)
    # Given two owners, one of whom is noted twice
    upkeep.note(ALICE, after=10)
    upkeep.note(ALICE, after=99)
    upkeep.note(WANG, after=20)
    assert upkeep.due(count=9) == []
    now += 10
    for _ in range(2):
        assert upkeep.due(count=9) == [ALICE]
    # When they are settled
    upkeep.settled(ALICE, after=30)
    now += 10
    assert upkeep.due(count=9) == [WANG]
    upkeep.settled(WANG, after=None)
    assert upkeep.due(count=9) == []
    # Then one comes again at its time, the other when it is noted anew
    now += 20
    assert upkeep.due(count=9) == [ALICE]
    upkeep.note(WANG, after=-5)
    assert upkeep.due(count=9) == [WANG, ALICE]
    assert upkeep.due(count=1) == [WANG]
    # And of an owner who is forgotten nothing stays
    upkeep.forget(WANG)
    upkeep.forget(ALICE)
    assert not truth.exists(keyspace.COMPACTION)


def test_what_was_counted_is_seen_by_whoever_watches(truth: redis.Redis, traffic: redis.Redis) -> None:
    counters = RedisCounters(truth)
    counters.add("compaction", {"evicted": 2, "merged": 0})
    counters.add("compaction", {"evicted": 1})
    assert look(truth, traffic).counters == {"compaction evicted": 3}
