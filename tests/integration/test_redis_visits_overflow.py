from __future__ import annotations

import redis

from memoryos_tasks.adapters.redis.overflow import RedisOverflow
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import IN_STM, Kind, Recalled, Tier

ALICE, WANG = Owner("acme", "alice"), Owner("acme", "王 a:b")


def turn(place: str) -> Recalled:
    return Recalled("t", Kind.TURN, Tier.MID, "x", 1.0, ("e",), 0.0, place=place)


def segment(id: str) -> Recalled:
    return Recalled(id, Kind.SEGMENT, Tier.MID, "x", 1.0, (), 0.0)


def test_visits_are_counted_and_given_out_once(traffic: redis.Redis) -> None:
    # Given what reads have found: turns of pages, turns of short-term memory, segments
    visits = RedisVisits(traffic)
    visits.note(ALICE, [turn("p1"), turn("p2"), turn(IN_STM)])
    visits.note(ALICE, [turn("p1"), segment("s1")])
    visits.note(WANG, [turn("p1")])
    assert visits.owners(count=9) == []
    # When they were written
    visits.flush()
    visits.flush()
    # Then each owner and each count is given out once
    assert set(visits.owners(count=9)) == {ALICE, WANG}
    assert visits.owners(count=9) == []
    assert visits.take(ALICE) == {"p1": 2, "p2": 1, "s1": 1}
    assert visits.take(ALICE) == {}
    assert visits.take(WANG) == {"p1": 1}
    # And a later visit makes the owner known again
    visits.note(ALICE, [turn("p1")])
    visits.flush()
    assert visits.owners(count=9) == [ALICE]


def test_a_read_of_short_term_memory_alone_visits_nothing(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    visits.note(ALICE, [turn(IN_STM), turn("")])
    visits.flush()
    assert visits.owners(count=9) == []


def test_owners_come_in_portions(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    for number in range(5):
        visits.note(Owner("acme", f"u{number}"), [turn("p")])
    visits.flush()
    assert [len(visits.owners(count=2)) for _ in range(4)] == [2, 2, 1, 0]


def test_sessions_that_overflow_are_noted_once(traffic: redis.Redis) -> None:
    overflow = RedisOverflow(traffic)
    overflow.note([])
    assert overflow.take(count=9) == []
    overflow.note([(ALICE, "a:b 聊"), (WANG, "a:b 聊")])
    overflow.note([(ALICE, "a:b 聊")])
    assert set(overflow.take(count=9)) == {(ALICE, "a:b 聊"), (WANG, "a:b 聊")}
    assert overflow.take(count=9) == []
