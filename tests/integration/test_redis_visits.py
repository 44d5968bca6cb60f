from __future__ import annotations

import redis

from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind, Recalled, Tier

ALICE, WANG = Owner("acme", "alice"), Owner("acme", "王 a:b")


def turn(place: str) -> Recalled:
    return Recalled("t", Kind.TURN, Tier.MID, "x", 1.0, ("e",), 0.0, place=place)


def segment(id: str) -> Recalled:
    return Recalled(id, Kind.SEGMENT, Tier.MID, "x", 1.0, (), 0.0)


def test_visits_stay_until_they_are_counted(traffic: redis.Redis) -> None:
    # Given what reads have found: turns of pages, turns of short-term memory, segments
    visits = RedisVisits(traffic)
    visits.note(ALICE, [turn("p1"), turn("p2"), turn(IN_STM), turn(FORGOTTEN)])
    visits.note(ALICE, [turn("p1"), segment("s1")])
    visits.note(WANG, [turn("p1")])
    assert visits.owners(count=9) == []
    # When they were written
    visits.flush()
    visits.flush()
    # Then each owner is given out, and what was noted is read, until it is counted
    for _ in range(2):
        assert set(visits.owners(count=9)) == {ALICE, WANG}
        assert visits.noted(ALICE) == {"p1": 2, "p2": 1, "s1": 1}
    visits.counted(ALICE, visits.noted(ALICE))
    assert visits.noted(ALICE) == {}
    assert visits.owners(count=9) == [WANG]
    # And a later visit makes the owner known again
    visits.note(ALICE, [turn("p1")])
    visits.flush()
    assert set(visits.owners(count=9)) == {ALICE, WANG}
    assert visits.noted(WANG) == {"p1": 1}


def test_one_search_visits_a_place_once(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    visits.note(ALICE, [turn("p1"), turn("p2"), turn("p1"), segment("s1"), turn("s1")])
    visits.flush()
    assert visits.noted(ALICE) == {"p1": 1, "p2": 1, "s1": 1}


def test_visits_that_come_while_others_are_counted_stay(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    for _ in range(2):
        visits.note(ALICE, [turn("p1")])
    visits.note(ALICE, [turn("p2")])
    visits.flush()
    seen = visits.noted(ALICE)
    visits.note(ALICE, [turn("p1"), turn("p3")])
    visits.flush()
    visits.counted(ALICE, seen)
    assert visits.noted(ALICE) == {"p1": 1, "p3": 1}
    assert visits.owners(count=9) == [ALICE]
    # Counted twice, as after a lost answer: nothing becomes negative
    visits.counted(ALICE, seen)
    assert visits.noted(ALICE) == {"p3": 1}


def test_an_owner_whose_visits_ran_out_is_not_asked_for_again(traffic: redis.Redis) -> None:
    visits = RedisVisits(traffic)
    visits.note(ALICE, [turn("p1")])
    visits.flush()
    traffic.delete(*traffic.keys("mos:acme:visits:*"))
    assert visits.owners(count=9) == [ALICE]
    visits.counted(ALICE, visits.noted(ALICE))
    assert visits.owners(count=9) == []


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
    seen = []
    for _ in range(4):
        portion = visits.owners(count=2)
        seen.append(len(portion))
        for owner in portion:
            visits.counted(owner, visits.noted(owner))
    assert seen == [2, 2, 1, 0]
