from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from waiting import until

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.events import Owner

ALICE = Owner("acme", "alice")


def lost(held: object) -> bool:
    try:
        held.check()  # type: ignore[attr-defined]
    except LostClaim:
        return True
    return False


def test_one_at_a_time_holds_an_owners_lock(truth: redis.Redis) -> None:
    locks, inside, most, tokens = RedisLocks(truth), 0, 0, []
    guard = threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with locks.hold(ALICE, wait_seconds=20) as held:
            assert held is not None
            with guard:
                inside += 1
                most = max(most, inside)
                tokens.append(held.token)
            held.check()
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert most == 1
    assert tokens == sorted(set(tokens))
    assert len(tokens) == 16


def test_a_held_lock_is_not_had_and_another_owners_is(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    with locks.hold(ALICE, wait_seconds=0) as held:
        assert held is not None
        with locks.hold(ALICE, wait_seconds=0.05) as second:
            assert second is None
        for other in (Owner("acme", "bob"), Owner("other", "alice")):
            with locks.hold(other, wait_seconds=0) as theirs:
                assert theirs is not None
        held.check()
    with locks.hold(ALICE, wait_seconds=0) as again:
        assert again is not None
        assert again.token > held.token


def test_a_lock_is_released_when_its_block_fails(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    with pytest.raises(ZeroDivisionError), locks.hold(ALICE, wait_seconds=0):
        raise ZeroDivisionError
    with locks.hold(ALICE, wait_seconds=0) as held:
        assert held is not None


def test_a_lock_is_kept_beyond_its_first_lease(truth: redis.Redis) -> None:
    locks = RedisLocks(truth, lease_seconds=0.3)
    with locks.hold(ALICE, wait_seconds=0) as held, locks.hold(ALICE, wait_seconds=0.7) as second:
        assert held is not None
        assert second is None
        held.check()


def test_a_lost_lock_is_noticed(truth: redis.Redis) -> None:
    locks = RedisLocks(truth, lease_seconds=0.15)
    # Given a holder whose lease is gone, as after a long pause
    with locks.hold(ALICE, wait_seconds=0) as stale:
        assert stale is not None
        truth.delete(keyspace.lock(ALICE))
        with RedisLocks(truth).hold(ALICE, wait_seconds=1) as fresh:
            # When another one has taken the lock
            assert fresh is not None
            assert fresh.token > stale.token
            # Then the first learns it
            until(lambda: lost(stale), seconds=5, what="the loss is noticed")
            fresh.check()


def test_the_end_of_a_stale_holder_leaves_the_new_one_its_lock(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    first = locks.hold(ALICE, wait_seconds=0)
    first.__enter__()
    truth.delete(keyspace.lock(ALICE))
    with locks.hold(ALICE, wait_seconds=0) as fresh:
        assert fresh is not None
        first.__exit__(None, None, None)
        assert truth.get(keyspace.lock(ALICE)) == str(fresh.token)
        with locks.hold(ALICE, wait_seconds=0) as third:
            assert third is None


def test_tokens_grow_over_a_reset_of_the_store(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    # Given a token that a vector store may remember
    with locks.hold(ALICE, wait_seconds=1) as held:
        assert held is not None
        before = held.token
    # When the store of record starts anew
    truth.flushall()
    # Then the next token is larger
    with locks.hold(ALICE, wait_seconds=1) as held:
        assert held is not None
        assert held.token > before


def test_contention_is_counted(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    # A lock that was had at once counts for nothing
    with locks.hold(ALICE, wait_seconds=1):
        assert truth.hgetall(keyspace.COUNTERS) == {}
        # One that was not had in time
        with locks.hold(ALICE, wait_seconds=0) as second:
            assert second is None
        assert truth.hgetall(keyspace.COUNTERS) == {"lock missed": "1"}
        # One that was waited for, without success
        with locks.hold(ALICE, wait_seconds=0.05) as second:
            assert second is None
    assert truth.hgetall(keyspace.COUNTERS) == {"lock missed": "2", "lock waited": "1"}


def test_a_lock_that_was_waited_for_and_had_is_counted_once(truth: redis.Redis) -> None:
    locks = RedisLocks(truth)
    with locks.hold(ALICE, wait_seconds=0) as held, ThreadPoolExecutor(1) as pool:
        assert held is not None

        def wait() -> bool:
            with locks.hold(ALICE, wait_seconds=20) as second:
                return second is not None

        waiting = pool.submit(wait)
        until(lambda: truth.hget(keyspace.COUNTERS, "lock waited"), seconds=5, what="the other one waits")
        truth.delete(keyspace.lock(ALICE))
        assert waiting.result(timeout=20)
    assert truth.hgetall(keyspace.COUNTERS) == {"lock waited": "1"}
