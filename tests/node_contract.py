"""What the nodes of the plane must do over any shared store: subclass :class:`NodeContract` and give it ``join``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from registry_contract import A, B, OpenOne
from waiting import until

from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.core.errors import RegistryDown
from memoryos_tasks.core.plane.nodes import NodeNote, NodeStatus, Pace
from memoryos_tasks.ports.plane.election import Seat

Join = Callable[[str], ControlNode]


class Cut:
    """A seat whose connection can be cut."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self.cut = False

    def beat(self, note: NodeNote) -> int:
        self._check()
        return self._seat.beat(note)

    def look(self) -> Sequence[NodeStatus]:
        self._check()
        return self._seat.look()

    def leave(self) -> None:
        self._check()
        self._seat.leave()

    def _check(self) -> None:
        if self.cut:
            raise RegistryDown


def open_nodes(pace: Pace, seat: Callable[[], Seat], open_one: OpenOne) -> Iterator[Join]:
    """Joins nodes, each with a registry of its own at ``node.registry``; they leave after the test."""
    joined: list[ControlNode] = []

    def join(name: str) -> ControlNode:
        registry, cut = open_one(name), Cut(seat())
        node = ControlNode(cut, pace, id=name, address=f"{name}:8090", progress=registry.progress)
        node.registry, node.line, node.pace = registry, cut, pace  # type: ignore[attr-defined]
        joined.append(node)
        node.start()
        return node

    yield join
    for node in joined:
        node.close()


def scheduler(node: ControlNode) -> str | None:
    return next((each.id for each in node.nodes() if each.role == "scheduler"), None)


class NodeContract:
    """Expects a fixture ``join``."""

    def test_one_of_all_nodes_is_the_scheduler(self, join: Join) -> None:
        nodes = [join(name) for name in ("a", "b", "c")]
        until(lambda: [each.id for each in nodes[2].nodes()] == ["a", "b", "c"], seconds=10, what="all have joined")
        until(lambda: any(node.term() for node in nodes), seconds=10, what="one is elected")
        assert sum(node.term() is not None for node in nodes) == 1
        elected = next(node for node in nodes if node.term())
        assert {scheduler(node) for node in nodes} == {elected.id}
        seen = {each.id: each for each in nodes[0].nodes()}
        assert seen["b"].address == "b:8090"
        assert abs(seen["b"].last_sync - time.time()) < 10

    def test_another_one_follows_at_once_when_the_scheduler_leaves(self, join: Join) -> None:
        first = join("a")
        term = until(first.term, seconds=10, what="it is elected")
        second = join("b")
        until(lambda: len(first.nodes()) == 2, seconds=10, what="both have joined")
        first.close()
        assert first.term() is None
        later = until(second.term, seconds=5, what="the other one is elected")
        assert later.token > term.token
        assert [each.id for each in second.nodes()] == ["b"]

    def test_a_scheduler_that_is_cut_off_stops_before_another_one_begins(self, join: Join) -> None:
        first = join("a")
        until(first.term, seconds=10, what="it is elected")
        second = join("b")
        until(lambda: len(first.nodes()) == 2, seconds=10, what="both have joined")
        first.line.cut = True  # type: ignore[attr-defined]
        begun = time.monotonic()
        pace: Pace = first.pace  # type: ignore[attr-defined]
        while second.term() is None:
            assert time.monotonic() - begun < pace.lease + 3, "nobody took over"
            stopped = first.term() is None
            time.sleep(0.002)
        assert stopped
        assert first.term() is None
        # It speaks for itself alone, and is back when it is connected again
        assert [(each.id, each.role) for each in first.nodes()] == [("a", "isolated")]
        first.line.cut = False  # type: ignore[attr-defined]
        until(
            lambda: [(each.id, each.role) for each in first.nodes()] == [("a", "follower"), ("b", "scheduler")],
            seconds=10, what="it is a follower again")

    def test_a_node_that_lacks_a_change_lags_by_its_age(self, join: Join) -> None:
        first, second = join("a"), join("b")
        until(lambda: len(first.nodes()) == 2, seconds=10, what="both have joined")
        first.registry.apply([A])  # type: ignore[attr-defined]
        newest = first.registry.revision()  # type: ignore[attr-defined]
        until(lambda: {each.revision for each in first.nodes()} == {newest}, seconds=10, what="both have it")
        assert all(each.lag_ms < 5000 for each in first.nodes())
        # When one follows no longer
        second.registry.close()  # type: ignore[attr-defined]
        first.registry.put(B)  # type: ignore[attr-defined]
        lags = until(
            lambda: [each.lag_ms for each in first.nodes() if each.id == "b" and each.lag_ms > 400],
            seconds=10, what="its lag grows")
        assert lags[0] == pytest.approx(500, abs=400)

    def test_two_processes_of_one_name_are_one_node(self, join: Join) -> None:
        first, second = join("a"), join("a")
        until(lambda: first.term() or second.term(), seconds=10, what="one is elected")
        assert [(each.id, each.role) for each in first.nodes()] == [("a", "scheduler")]
        assert not (first.term() and second.term())
        # When one leaves, the other one is still the node
        first.close()
        until(second.term, seconds=10, what="the other one is the scheduler")
        until(lambda: [each.id for each in second.nodes()] == ["a"], seconds=2, what="the node is shown")
