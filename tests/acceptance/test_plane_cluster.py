"""Three etcd members and three control nodes, of which any one dies: endpoints stay readable and writable, there is one
scheduler at any time, and the nodes are known within a bound.

``PLANE_KILLS`` is the number of random deaths after the planned ones (none in the short form); ``PLANE_SEED`` repeats
them.
"""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from celery_processes import ROOT
from etcd_cluster import Cluster
from registry_contract import endpoint
from waiting import until

from memoryos_tasks.core.plane.config import Sync
from memoryos_tasks.core.plane.nodes import pace

KILLS = int(os.environ.get("PLANE_KILLS", "0"))
SEED = int(os.environ.get("PLANE_SEED") or random.SystemRandom().randrange(1, 10**6))
SYNC = Sync(mode="raft")
PACE = pace(SYNC.heartbeat_interval, SYNC.election_timeout, whole_seconds=True)
#: Seconds within which a death shows.
BOUND = SYNC.election_timeout + PACE.lease + 1.0


class Node:
    """A control node's process."""

    def __init__(self, folder: Path, id: str, members: tuple[str, ...]) -> None:
        self.id = id
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._guard = threading.Lock()
        command = [sys.executable, str(ROOT / "tests" / "control_node.py"), str(folder), id, *members]
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        with (folder / f"{id}.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "PYTHONPATH": path})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._next(30)["answer"] == "ready"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(json.loads(line))

    def _next(self, seconds: float) -> dict[str, Any]:
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"node {self.id} says nothing for {seconds:g} s") from None

    def ask(self, command: str, value: str = "") -> Any:
        """The answer; an error's code as ``LookupError``."""
        with self._guard:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps({"command": command, "value": value}) + "\n")
            self.process.stdin.flush()
            told = self._next(20)
        if "error" in told:
            raise LookupError(told["error"])
        return told["answer"]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(timeout=10)
        self._reader.join(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Plane:
    """The cluster and its nodes, and what was confirmed to have been put."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.cluster = cluster
        self.nodes = {id: self.node(id) for id in ("n0", "n1", "n2")}
        self.confirmed = {endpoint("configured").url}
        self._numbers = 0

    def node(self, id: str) -> Node:
        return Node(self.folder, id, self.cluster.addresses)

    def settled(self) -> str | None:
        """The id of the scheduler when all nodes know all nodes and the same scheduler."""
        views = [
            [(each["id"], each["role"]) for each in node.ask("nodes")] for node in list(self.nodes.values())]
        if any(view != views[0] or [id for id, _ in view] != sorted(self.nodes) for view in views):
            return None
        schedulers = [id for id, role in views[0] if role == "scheduler"]
        return schedulers[0] if len(schedulers) == 1 else None

    def await_settled(self, what: str) -> tuple[str, float]:
        """The scheduler, and the seconds until it was settled."""
        begun = time.monotonic()
        elected = until(self.settled, seconds=BOUND, what=what)
        return elected, time.monotonic() - begun

    def change(self, *, compact: bool = False) -> None:
        """Put one endpoint through each node; every node knows it soon."""
        for node in list(self.nodes.values()):
            self._numbers += 1
            node.ask("put", f"e{self._numbers}")
            self.confirmed.add(endpoint(f"e{self._numbers}").url)
            if compact:
                self.cluster.compact()
        until(
            lambda: all(set(node.ask("models")) == self.confirmed for node in self.nodes.values()),
            seconds=BOUND, what="every confirmed change is known everywhere")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with Cluster(tmp_path, 3) as cluster, ExitStack() as stack:
        made = Plane(tmp_path, cluster)
        stack.callback(lambda: [node.kill() for node in made.nodes.values()])
        yield made


@pytest.mark.slow
@pytest.mark.timeout(240 + 25 * KILLS)
def test_any_one_may_die(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    took: dict[str, float] = {}
    elected, _ = plane.await_settled("three nodes have a scheduler")
    plane.change()

    # When the etcd member that leads is killed
    lost = plane.cluster.leader()
    plane.cluster.kill(lost)
    begun = time.monotonic()
    plane.change()
    took["changes without the etcd leader"] = time.monotonic() - begun
    elected, took["etcd leader"] = plane.await_settled("one scheduler without the etcd leader")
    plane.cluster.start(lost)
    plane.cluster.settle()

    # When the scheduler is killed
    plane.nodes.pop(elected).kill()
    plane.change(compact=True)
    later, took["scheduler"] = plane.await_settled("another scheduler, and the dead one has gone")
    assert later != elected
    plane.nodes[elected] = plane.node(elected)

    # When a follower is killed
    elected, _ = plane.await_settled("it is back")
    follower = next(id for id in plane.nodes if id != elected)
    plane.nodes.pop(follower).kill()
    same, took["follower"] = plane.await_settled("the dead follower has gone")
    assert same == elected
    plane.nodes[follower] = plane.node(follower)
    plane.change(compact=True)

    # When the scheduler stands still for longer than its lease, its changes come too late
    elected, _ = plane.await_settled("it is back too")
    stopped = plane.nodes.pop(elected)
    token = until(lambda: stopped.ask("held"), seconds=BOUND, what="it knows of its term")
    stopped.process.send_signal(signal.SIGSTOP)
    later, took["frozen scheduler"] = plane.await_settled("another scheduler in the place of the frozen one")
    assert later != elected
    stopped.process.send_signal(signal.SIGCONT)
    with pytest.raises(LookupError, match="lost_claim"):
        stopped.ask("put_as", f"too-late {token}")
    plane.nodes[elected] = stopped
    plane.change()

    chaos(plane, took)
    check_terms(plane.folder)
    with capsys.disabled():
        print(f"\nplane: seconds until it shows {({name: round(each, 1) for name, each in took.items()})}, bound "
              f"{BOUND:g}, {len(plane.confirmed)} endpoints, seed {SEED}, kills {KILLS}")


def chaos(plane: Plane, took: dict[str, float]) -> None:
    """Kill members and nodes at random, one at a time."""
    chance = random.Random(SEED)
    for round_number in range(KILLS):
        if chance.random() < 0.5:
            lost = chance.randrange(3)
            plane.cluster.kill(lost)
            plane.change(compact=chance.random() < 0.5)
            _, seconds = plane.await_settled(f"round {round_number}: settled without member {lost}")
            plane.cluster.start(lost)
            plane.cluster.settle()
        else:
            id = chance.choice(sorted(plane.nodes))
            plane.nodes.pop(id).kill()
            _, seconds = plane.await_settled(f"round {round_number}: settled without {id}")
            plane.change(compact=chance.random() < 0.5)
            plane.nodes[id] = plane.node(id)
        plane.await_settled(f"round {round_number}: all are back")
        took["random, the longest"] = max(seconds, took.get("random, the longest", 0.0))


def check_terms(folder: Path) -> None:
    """No two stretches of being the scheduler overlap, and tokens grow with time."""
    stretches = sorted(
        (float(begun), float(ended), int(token), path.name)
        for path in folder.glob("*.terms")
        for begun, ended, token in (line.split() for line in path.read_text().splitlines())
    )
    assert len({path for *_, path in stretches}) >= 2, "nothing was measured"
    for (_, ended, token, one), (begun, _, later, other) in pairwise(stretches):
        assert ended < begun, f"{one} and {other} were schedulers at once"
        assert token <= later
        assert one == other or token < later
