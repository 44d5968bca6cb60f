"""The shared registry and the nodes, over a real etcd of one member, and of three of which one falls silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from etcd_cluster import Cluster
from node_contract import NodeContract, open_nodes
from plain_codec import PlainCodec
from registry_contract import A, B, OpenOne, RegistryContract, endpoint
from waiting import until

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.etcd_lease import EtcdSeat
from memoryos_tasks.adapters.plane.etcd_registry import EtcdStore
from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.adapters.plane.shared_registry import SharedRegistry
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError, LostClaim, RegistryDown
from memoryos_tasks.core.plane.nodes import Pace

_tests = count()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("etcd"), 1) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """Keys of one test alone."""
    return f"/test/{next(_tests)}"


@pytest.fixture
def open_one(cluster: Cluster, prefix: str, tmp_path: Path) -> Iterator[OpenOne]:
    with opened(cluster, prefix, tmp_path, silence=1.0) as one:
        yield one


@contextmanager
def opened(cluster: Cluster, prefix: str, folder: Path, *, silence: float, workers: int = 1) -> Iterator[OpenOne]:
    made: list[SharedRegistry] = []

    def one(node: str) -> SharedRegistry:
        store = EtcdStore(cluster.addresses, prefix, timeout=1.0, silence=silence)
        documents = Documents(SealedCodec(FileVault(folder / "vault")), {})
        registry = SharedRegistry(store, documents, node=node, followers=workers)
        made.append(registry)
        registry.start()
        return registry

    yield one
    for registry in made:
        registry.close()


@pytest.fixture
def join(cluster: Cluster, prefix: str, open_one: OpenOne) -> Iterator[Callable[[str], ControlNode]]:
    pace = Pace(heartbeat=0.2, lease=2.0)

    def seat() -> EtcdSeat:
        return EtcdSeat(cluster.addresses, prefix, timeout=pace.call, lease_seconds=pace.lease)

    yield from open_nodes(pace, seat, open_one)


class TestEtcd(RegistryContract):
    """The contract, over etcd."""


class TestEtcdNodes(NodeContract):
    """The contract of nodes, over etcd."""


def test_secrets_are_sealed_in_etcd(cluster: Cluster, prefix: str, open_one: OpenOne) -> None:
    open_one("one").apply([A])
    [document] = cluster.client(0).get(f"{prefix}/registry")
    assert A.url.encode() in document
    assert b"secret-a" not in document


def test_a_compaction_during_a_watch_loses_no_change(cluster: Cluster, prefix: str, tmp_path: Path) -> None:
    # Given a node that would look by itself only after the test's end
    with opened(cluster, prefix, tmp_path, silence=60.0) as open_one:
        one, two = open_one("one"), open_one("two")
        one.apply([A])
        until(lambda: two.endpoints() == (A,), seconds=5, what="it is followed")
        # When history is forgotten after every change, each is heard of nevertheless
        for number in range(5):
            one.put(endpoint(f"e{number}"))
            cluster.compact()
            until(lambda: two.revision() == one.revision(), seconds=5, what="the change is heard of")
        assert len(two.endpoints()) == 6


def test_a_watch_from_a_compacted_revision_goes_on(cluster: Cluster, prefix: str, open_one: OpenOne) -> None:
    # Given a watch whose first revision is gone when it begins
    one = open_one("one")
    one.apply([A])
    store = EtcdStore(cluster.addresses, prefix, timeout=1.0, silence=60.0)
    one.put(B)
    cluster.compact()
    begun = time.monotonic()
    store._watches[0]._hear(1)
    # It ends at once, to be begun with another look
    assert time.monotonic() - begun < 5


def test_a_change_of_a_term_that_is_over_is_refused(open_one: OpenOne, join: Callable[[str], ControlNode]) -> None:
    registry = open_one("one")
    first = join("a")
    term = until(first.term, seconds=10, what="it is elected")
    registry.put(A, term=term)
    first.close()
    with pytest.raises(LostClaim):
        registry.put(B, term=term)
    later = until(join("b").term, seconds=10, what="another one is elected")
    with pytest.raises(LostClaim):
        registry.put(B, term=term)
    registry.put(B, term=later)
    assert registry.endpoints() == tuple(sorted((A, B), key=lambda each: each.id))


def test_without_a_majority_reads_go_on_and_changes_say_so(tmp_path: Path) -> None:
    store = EtcdStore(["127.0.0.1:1", "127.0.0.1:2"], "/none", timeout=0.3, silence=1.0)
    registry = SharedRegistry(store, Documents(PlainCodec(), {}), node="one", patience=0.3)
    with pytest.raises(RegistryDown, match=r"sync\.etcd"):
        registry.start()
    with pytest.raises(RegistryDown):
        registry.put(A)
    assert registry.endpoints() == ()
    registry.close()


@pytest.mark.parametrize("members", [[], ["ftp://host"], ["host:port"], ["http://"]])
def test_addresses_that_are_none_are_refused(members: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"sync\.etcd"):
        EtcdStore(members, "/p", timeout=1.0, silence=1.0)


@pytest.mark.slow
def test_a_member_that_falls_silent_holds_up_nobody_for_long(tmp_path: Path) -> None:
    with Cluster(tmp_path, 3) as cluster, opened(cluster, "/silent", tmp_path, silence=2.0, workers=3) as open_one:
        one, two = open_one("one"), open_one("two")
        one.apply([A])
        until(lambda: two.endpoints() == (A,), seconds=10, what="it is followed")
        # When the member that both speak to first keeps its connections and says nothing more
        cluster.freeze(0)
        heard = threading.Event()
        two.listen(lambda endpoints: heard.set())
        one.put(B)
        assert heard.wait(10)
        cluster.thaw(0)
        # And when one dies
        cluster.kill(1)
        one.remove(B.id)
        until(lambda: two.endpoints() == (A,), seconds=10, what="the removal is followed")
