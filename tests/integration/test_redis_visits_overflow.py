from __future__ import annotations

import redis

from memoryos_tasks.adapters.redis.overflow import RedisOverflow
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.core.events import Owner

ALICE, WANG = Owner("acme", "alice"), Owner("acme", "王 a:b")


def test_visits_are_counted_and_given_out_once(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    visits.note(ALICE, ["s1", "s2"])
    visits.note(ALICE, ["s1"])
    visits.note(WANG, ["s1"])
    assert set(visits.owners(count=9)) == {ALICE, WANG}
    assert visits.owners(count=9) == []
    assert visits.take(ALICE) == {"s1": 2, "s2": 1}
    assert visits.take(ALICE) == {}
    assert visits.take(WANG) == {"s1": 1}
    # A later visit makes the owner known again
    visits.note(ALICE, ["s1"])
    assert visits.owners(count=9) == [ALICE]


def test_owners_come_in_portions(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    for number in range(5):
        visits.note(Owner("acme", f"u{number}"), ["s"])
    portions = [visits.owners(count=2) for _ in range(4)]
    assert [len(portion) for portion in portions] == [2, 2, 1, 0]


def test_sessions_that_overflow_are_noted_once(traffic: redis.Redis) -> None:
    overflow = RedisOverflow(traffic)
    overflow.note([])
    assert overflow.take(count=9) == []
    overflow.note([(ALICE, "a:b 聊"), (WANG, "a:b 聊")])
    overflow.note([(ALICE, "a:b 聊")])
    assert set(overflow.take(count=9)) == {(ALICE, "a:b 聊"), (WANG, "a:b 聊")}
    assert overflow.take(count=9) == []
