"""The shared registry and the nodes, over a real Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from node_contract import NodeContract, open_nodes
from registry_contract import A, B, OpenOne, RegistryContract, endpoint
from waiting import until

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.election import RedisSeat
from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.adapters.plane.redis_registry import LOOK, RedisStore
from memoryos_tasks.adapters.plane.shared_registry import SharedRegistry
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import LostClaim, RegistryDown
from memoryos_tasks.core.plane.nodes import Pace, Term


@pytest.fixture
def open_one(truth: redis.Redis, tmp_path: Path) -> Iterator[OpenOne]:
    opened: list[SharedRegistry] = []

    def one(node: str) -> SharedRegistry:
        documents = Documents(SealedCodec(FileVault(tmp_path / "vault")), {})
        registry = SharedRegistry(RedisStore(truth), documents, node=node, patience=2)
        opened.append(registry)
        registry.start()
        return registry

    yield one
    for registry in opened:
        registry.close()


@pytest.fixture
def join(truth: redis.Redis, open_one: OpenOne) -> Iterator[Callable[[str], ControlNode]]:
    pace = Pace(heartbeat=0.1, lease=0.6)
    yield from open_nodes(pace, lambda: RedisSeat(truth, lease_seconds=pace.lease), open_one)


class TestRedis(RegistryContract):
    """The contract, over Redis."""


class TestRedisNodes(NodeContract):
    """The contract of nodes, over Redis."""


def test_secrets_are_sealed_at_rest(open_one: OpenOne, truth: redis.Redis) -> None:
    open_one("one").apply([A])
    document = truth.hget(keyspace.PLANE_REGISTRY, "document") or ""
    assert A.url in document
    assert "secret-a" not in document


def test_a_change_whose_message_was_lost_is_found_by_a_look(open_one: OpenOne, truth: redis.Redis) -> None:
    one, two = open_one("one"), open_one("two")
    one.apply([A])
    until(lambda: two.endpoints() == (A,), seconds=5, what="it is followed")
    # When a change is made that tells nobody
    one.close()
    two_stored = truth.hget(keyspace.PLANE_REGISTRY, "document") or ""
    truth.hset(keyspace.PLANE_REGISTRY, mapping={
        "revision": two.revision() + 1, "document": two_stored.replace('"weight": 1.0', '"weight": 7.0')})
    until(lambda: two.endpoints()[0].weight == 7.0, seconds=LOOK + 3, what="it is found nevertheless")


def test_a_change_of_a_term_that_is_over_is_refused(open_one: OpenOne, truth: redis.Redis) -> None:
    registry = open_one("one")
    pace = Pace(heartbeat=0.1, lease=0.6)

    def node(id: str) -> ControlNode:
        seat = RedisSeat(truth, lease_seconds=pace.lease)
        return ControlNode(seat, pace, id=id, address="", progress=registry.progress)

    first = node("甲")
    first.start()
    term = until(first.term, seconds=5, what="it is elected")
    registry.put(A, term=term)
    # When it is over, and also once another node has the next one
    first.close()
    with pytest.raises(LostClaim):
        registry.put(B, term=term)
    second = node("b")
    second.start()
    later = until(second.term, seconds=5, what="another one is elected")
    assert later.token > term.token
    with pytest.raises(LostClaim):
        registry.put(B, term=term)
    with pytest.raises(LostClaim):
        registry.apply([B], term=Term("甲", 0))
    registry.put(B, term=later)
    second.close()
    assert {each.id for each in registry.endpoints()} == {A.id, B.id}


def test_without_redis_reads_go_on_and_changes_say_so(tmp_path: Path) -> None:
    nowhere = redis.Redis(host="127.0.0.1", port=1, decode_responses=True, socket_timeout=0.2)
    documents = Documents(SealedCodec(FileVault(tmp_path / "vault")), {})
    registry = SharedRegistry(RedisStore(nowhere), documents, node="one", patience=0.3)
    with pytest.raises(RegistryDown, match="REDIS_URL"):
        registry.start()
    begun = time.monotonic()
    with pytest.raises(RegistryDown):
        registry.put(endpoint("a"))
    assert time.monotonic() - begun < 3
    assert registry.endpoints() == ()
    registry.close()
