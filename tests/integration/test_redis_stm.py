from __future__ import annotations

import pytest
import redis
from fakes import make_event

from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.ports.codec import Codec

ALICE = Owner("acme", "alice")


@pytest.fixture
def stm(truth: redis.Redis, codec: Codec) -> RedisStm:
    return RedisStm(truth, codec)


def hear(journal: RedisJournal, *events: Event) -> list[Event]:
    """The events as they stand in short-term memory."""
    for event in events:
        journal.append(event.owner, [event])
    entries = journal.admit(journal.read(count=100))
    journal.applied(entries)
    return [entry.event for entry in entries]


def drop(stm: RedisStm, truth: redis.Redis, session: str, events: list[Event]) -> None:
    """Take Alice's events out, as the holder of her lock does."""
    with RedisLocks(truth).hold(ALICE, wait_seconds=1) as held:
        assert held is not None
        stm.drop(ALICE, session, events, token=held.token)


def test_the_newest_and_the_oldest_come_in_order(stm: RedisStm, journal: RedisJournal) -> None:
    events = hear(journal, *(make_event(ALICE, f"e{number}", f"第{number}") for number in range(5)))
    assert stm.newest(ALICE, "default", count=2) == events[3:]
    assert stm.oldest(ALICE, "default", count=2) == events[:2]
    assert stm.newest(ALICE, "default", count=99) == events
    assert stm.size(ALICE, "default") == 5
    assert stm.newest(ALICE, "elsewhere", count=9) == []


def test_order_is_the_journals_not_the_clocks(stm: RedisStm, journal: RedisJournal) -> None:
    late, early = make_event(ALICE, "late", "b", timestamp=9.0), make_event(ALICE, "early", "a", timestamp=1.0)
    hear(journal, late, early)
    assert [event.event_id for event in stm.newest(ALICE, "default", count=9)] == ["late", "early"]


def test_dropped_events_are_gone_and_the_rest_stays(
    stm: RedisStm, journal: RedisJournal, truth: redis.Redis
) -> None:
    events = hear(journal, *(make_event(ALICE, f"e{number}", "x") for number in range(3)))
    drop(stm, truth, "default", events[:2])
    drop(stm, truth, "default", [])
    assert stm.newest(ALICE, "default", count=9) == events[2:]


def test_only_who_holds_the_lock_can_drop(stm: RedisStm, journal: RedisJournal, truth: redis.Redis) -> None:
    # Given a holder whose lock is gone, and has been taken by another
    events = hear(journal, make_event(ALICE, "e1", "x"))
    with RedisLocks(truth).hold(ALICE, wait_seconds=1) as stale:
        assert stale is not None
    with pytest.raises(LostClaim):
        stm.drop(ALICE, "default", events, token=stale.token)
    with RedisLocks(truth).hold(ALICE, wait_seconds=1) as held:
        assert held is not None
        with pytest.raises(LostClaim):
            stm.drop(ALICE, "default", events, token=stale.token)
        # Then nothing was dropped, until the one who holds it does
        assert stm.newest(ALICE, "default", count=9) == events
        stm.drop(ALICE, "default", events, token=held.token)
    assert stm.size(ALICE, "default") == 0


def test_what_follows_a_number_comes_in_order_from_all_sessions(
    stm: RedisStm, journal: RedisJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given events of many sessions, and a stranger's
    monkeypatch.setattr("memoryos_tasks.adapters.redis.stm.SESSIONS", 2)
    events = hear(journal, *(make_event(ALICE, f"e{at}", f"第{at}", session=f"s:{at % 5} 聊") for at in range(12)))
    hear(journal, make_event(Owner("acme", "bob"), "b", "x"))
    # When they are read in portions, then each comes once, in the journal's order
    first = stm.following(ALICE, None, after=0, count=7)
    assert first == events[:7]
    assert stm.following(ALICE, None, after=first[-1].seq, count=7) == events[7:]
    assert stm.following(ALICE, None, after=events[-1].seq, count=7) == []
    # And of one session only its own
    assert stm.following(ALICE, "s:1 聊", after=events[1].seq, count=7) == [events[6], events[11]]
    assert stm.following(ALICE, "unknown", after=0, count=7) == []
    # And the newest number is the tenant's
    assert stm.latest(ALICE) == events[-1].seq + 1
    assert stm.latest(Owner("other", "alice")) == 0


def test_a_session_is_idle_until_it_is_empty(
    stm: RedisStm, journal: RedisJournal, truth: redis.Redis
) -> None:
    events = hear(journal, make_event(ALICE, "e1", "x", session="a:b 聊"), make_event(ALICE, "e2", "x", session="t"))
    assert stm.idle(seconds=60, count=9) == []
    assert sorted(stm.idle(seconds=0, count=9), key=str) == sorted([(ALICE, "a:b 聊"), (ALICE, "t")], key=str)
    assert len(stm.idle(seconds=0, count=1)) == 1
    drop(stm, truth, "t", events[1:])
    assert stm.idle(seconds=0, count=9) == [(ALICE, "a:b 聊")]


def test_sessions_come_newest_first_and_only_the_owners(stm: RedisStm, journal: RedisJournal) -> None:
    for session in ("one", "two", "one: 三"):
        hear(journal, make_event(ALICE, f"e {session}", "x", session=session))
    hear(journal, make_event(Owner("other", "alice"), "e", "x", session="theirs"))
    assert set(stm.sessions(ALICE, count=9)) == {"one", "two", "one: 三"}
    assert len(stm.sessions(ALICE, count=2)) == 2


def test_users_and_sessions_that_look_alike_keep_apart(stm: RedisStm, journal: RedisJournal) -> None:
    places = [("a", "b:c"), ("a:b", "c"), ("a b", "c"), ("a", "b c"), ("a%3Ab", "c"), ("甲", "乙"), ("甲:乙", "s")]
    for number, (user, session) in enumerate(places):
        hear(journal, make_event(Owner("acme", user), f"e{number}", f"words {number}", session=session))
    for number, (user, session) in enumerate(places):
        held = stm.newest(Owner("acme", user), session, count=9)
        assert [event.content for event in held] == [f"words {number}"]
