from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import redis

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import connections, keepsakes, keyspace
from memoryos_tasks.adapters.redis.keepsakes import RedisKeepsakes
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import TrafficDown, VaultDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.codec import Codec

ALICE, WANG, STRANGER = Owner("acme", "alice"), Owner("acme", "王 a:b"), Owner("other", "alice")
THOUGHT = {"reasoning_content": "She may move to Oslo. 也许去奥斯陆", "blocks": [{"signature": "c2ln"}]}


@pytest.fixture
def store(traffic: redis.Redis, codec: Codec) -> RedisKeepsakes:
    return RedisKeepsakes(traffic, codec)


def names(traffic: redis.Redis) -> set[Any]:
    return {key for key in traffic.scan_iter() if "keepsake" in key}


def test_what_is_kept_is_found_again_by_its_owner(store: RedisKeepsakes) -> None:
    # Given keepsakes of two calls
    store.keep(ALICE, {"call_1": THOUGHT, "调用 2": {"thought_signature": "AA=="}})
    # Then their owner finds those that there are, and nobody else does
    assert store.kept(ALICE, ["call_1", "call_9", "调用 2", "call_1", ""]) == {
        "call_1": THOUGHT, "调用 2": {"thought_signature": "AA=="}}
    for other in (WANG, STRANGER):
        assert store.kept(other, ["call_1"]) == {}
    assert store.kept(ALICE, []) == {}
    # And what is kept again is what counts
    store.keep(ALICE, {"call_1": {"thought_signature": "BB=="}})
    assert store.kept(ALICE, ["call_1"]) == {"call_1": {"thought_signature": "BB=="}}


def test_it_is_sealed_and_stays_for_a_day(store: RedisKeepsakes, traffic: redis.Redis) -> None:
    store.keep(ALICE, {"call_1": THOUGHT})
    assert names(traffic) == {keyspace.keepsakes(ALICE), keyspace.keepsake_ages(ALICE)}
    stored = str(traffic.hgetall(keyspace.keepsakes(ALICE)))
    assert "mos1:" in stored
    assert not any(word in stored for word in ("Oslo", "奥斯陆", "c2ln"))
    for key in names(traffic):
        assert 86_000 < traffic.ttl(key) <= keepsakes.KEEP_SECONDS  # type: ignore[operator]


def test_what_is_older_than_a_day_goes_when_another_comes(store: RedisKeepsakes, traffic: redis.Redis) -> None:
    # Given one of yesterday
    store.keep(ALICE, {"old": THOUGHT, "new": THOUGHT})
    traffic.zincrby(keyspace.keepsake_ages(ALICE), -keepsakes.KEEP_SECONDS * 1000 - 1, "old")
    # When another comes
    store.keep(ALICE, {"newer": THOUGHT})
    # Then it has gone
    assert set(store.kept(ALICE, ["old", "new", "newer"])) == {"new", "newer"}


def test_an_owner_keeps_so_many_and_so_much(
    store: RedisKeepsakes, traffic: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given room for three
    monkeypatch.setattr(keepsakes, "MOST", 3)
    for at in range(5):
        store.keep(ALICE, {f"call_{at}": {"text": "x" * 100}})
    # Then the newest three stay
    assert set(store.kept(ALICE, [f"call_{at}" for at in range(2, 5)])) == {"call_2", "call_3", "call_4"}
    assert traffic.hlen(keyspace.keepsakes(ALICE)) == 4  # with the count of bytes
    # When one comes that leaves room for no other
    monkeypatch.setattr(keepsakes, "MOST_BYTES", 1_800)
    store.keep(ALICE, {"big": {"text": "x" * 1_200}})
    # Then it alone stays, and the count is right
    assert set(store.kept(ALICE, ["call_3", "call_4", "big"])) == {"big"}
    size: Any = traffic.hstrlen(keyspace.keepsakes(ALICE), "big")
    assert traffic.hget(keyspace.keepsakes(ALICE), "") == str(size)
    # And one that is too large is not kept, nor costs another its place
    monkeypatch.setattr(keepsakes, "LARGEST", 500)
    store.keep(ALICE, {"larger": {"text": "x" * 1_000}})
    assert set(store.kept(ALICE, ["larger", "big"])) == {"big"}


def test_they_are_forgotten_with_their_owner(store: RedisKeepsakes, traffic: redis.Redis) -> None:
    store.keep(ALICE, {"call_1": THOUGHT, "call_2": THOUGHT})
    store.keep(WANG, {"call_1": THOUGHT})
    assert store.forget(ALICE) == 2
    assert names(traffic) == {keyspace.keepsakes(WANG), keyspace.keepsake_ages(WANG)}
    assert (store.forget(ALICE), set(store.kept(WANG, ["call_1"]))) == (0, {"call_1"})


def test_what_was_sealed_with_a_destroyed_key_is_not_found(traffic: redis.Redis, tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "vault")
    store = RedisKeepsakes(traffic, SealedCodec(vault))
    store.keep(ALICE, {"call_1": THOUGHT})
    vault.retire(ALICE)
    vault.destroy(ALICE, list(vault.retired(ALICE)))
    store.keep(ALICE, {"call_2": THOUGHT})
    assert set(store.kept(ALICE, ["call_1", "call_2"])) == {"call_2"}


def test_without_its_store_it_keeps_and_finds_nothing(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a port where nobody listens
    monkeypatch.setattr(keepsakes, "traffic_errors", connections.Role(TrafficDown).errors)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        store = RedisKeepsakes(redis.Redis(port=free.getsockname()[1], socket_timeout=1), codec)
        # Then no answer fails for it
        store.keep(ALICE, {"call_1": THOUGHT})
        assert store.kept(ALICE, ["call_1"]) == {}
        # But an erasure must know
        with pytest.raises(TrafficDown):
            store.forget(ALICE)


def test_without_the_vault_it_keeps_and_finds_nothing(store: RedisKeepsakes, traffic: redis.Redis) -> None:
    class Away:
        def seal(self, owner: Owner, text: str) -> str:
            raise VaultDown

        open = seal

    store.keep(ALICE, {"call_1": THOUGHT})
    away = RedisKeepsakes(traffic, Away())
    away.keep(ALICE, {"call_2": THOUGHT})
    assert away.kept(ALICE, ["call_1"]) == {}
    assert set(store.kept(ALICE, ["call_1", "call_2"])) == {"call_1"}
