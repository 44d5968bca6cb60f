"""A node among others: what it shows, and when it is the scheduler."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from waiting import until

from memoryos_tasks.adapters.plane.election import LocalSeat
from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.adapters.plane.notes import note_of, note_text
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.nodes import Newest, NodeNote, NodeStatus, Pace, Progress, isolated, pace, status

NOTE = NodeNote("节点-1", "127.0.0.1:8090", 1000.0, 2000.0, 7, 12)


def test_a_node_that_has_the_newest_change_lags_by_what_it_took() -> None:
    shown = status(NOTE, scheduler="节点-1", newest=Newest(7, 1990.0), now=2001.0)
    assert shown == NodeStatus("节点-1", "scheduler", "127.0.0.1:8090", 1000.0, 2000.0, 12, 7)


def test_a_node_that_lacks_the_newest_change_lags_by_its_age() -> None:
    shown = status(NOTE, scheduler="another", newest=Newest(8, 1999.5), now=2001.0)
    assert (shown.role, shown.lag_ms) == ("follower", 1500)


def test_a_clock_that_is_behind_makes_no_negative_lag() -> None:
    assert status(NOTE, scheduler=None, newest=Newest(8, 3000.0), now=2001.0).lag_ms == 0


def test_a_node_that_is_cut_off_lags_since_its_last_sync() -> None:
    shown = isolated(NOTE, now=2004.5)
    assert (shown.role, shown.lag_ms, shown.last_sync) == ("isolated", 4500, 2000.0)


def test_a_note_is_read_again_and_what_is_new_in_it_left_out() -> None:
    assert note_of(note_text(NOTE)) == NOTE
    assert note_of(note_text(NOTE).replace('{"id"', '{"later": 1, "id"')) == NOTE


def test_leases_of_etcd_are_whole_seconds_and_two_at_the_least() -> None:
    assert pace(0.5, 2.0).lease == 2.0
    assert pace(0.1, 0.5).lease == 0.5
    assert pace(0.1, 0.5, whole_seconds=True).lease == 2.0
    assert pace(0.5, 2.5, whole_seconds=True).lease == 3.0


def test_a_scheduler_stops_at_two_thirds_of_its_lease_with_several_calls_before() -> None:
    times = pace(0.5, 2.0)
    assert times.step_down == pytest.approx(4 / 3)
    assert times.heartbeat + 2 * times.call <= times.step_down


def test_an_election_timeout_that_leaves_no_room_for_heartbeats_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sync\.election_timeout: 1 s .* at least 1\.5 s") as refused:
        pace(0.5, 1.0)
    assert refused.value.param == "sync.election_timeout"


class SlowSeat:
    """A seat whose answers wait until they are let through."""

    def __init__(self) -> None:
        self.through = threading.Event()
        self.asked = threading.Event()

    def beat(self, note: NodeNote) -> int:
        self.asked.set()
        assert self.through.wait(10)
        return 5

    def look(self) -> Sequence[NodeStatus]:
        return []

    def leave(self) -> None:
        return None


def test_an_answer_that_comes_too_late_elects_nobody() -> None:
    seat, times = SlowSeat(), Pace(heartbeat=5.0, lease=0.3)
    node = ControlNode(seat, times, id="a", address="", progress=Progress)
    node.start()
    assert seat.asked.wait(5)
    # When more than two thirds of the lease have gone by until the answer comes
    threading.Timer(0.3, seat.through.set).start()
    assert seat.through.wait(5)
    until(lambda: node._until > 0, seconds=5, what="the answer came in")
    assert node.term() is None
    node.close()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[list[ControlNode]]:
    times = Pace(heartbeat=0.05, lease=0.5)
    nodes = [
        ControlNode(LocalSeat(tmp_path / "plane" / "scheduler.lock"), times, id=id, address="", progress=Progress)
        for id in ("a", "b")
    ]
    yield nodes
    for node in nodes:
        node.close()


def test_of_two_processes_of_one_machine_one_is_the_scheduler(lone: list[ControlNode]) -> None:
    first, second = lone
    first.start()
    before = until(first.term, seconds=5, what="it is elected")
    second.start()
    until(second.nodes, seconds=5, what="the other one is there")
    assert second.term() is None
    assert [each.role for each in second.nodes()] == ["follower"]
    first.close()
    after = until(second.term, seconds=5, what="the other one follows")
    assert after.token > before.token
    assert [each.role for each in second.nodes()] == ["scheduler"]
