"""Any child may be killed; the system is back at once and has forgotten nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from acceptance.system import ROOT, System, until

#: Whether the processes of the system are measured for coverage, which doubles the time that a worker needs to start.
MEASURED = any(name.startswith("COVERAGE_PROCESS") for name in os.environ)


def back_seconds() -> float:
    """Seconds in which a killed child must be back and the next request succeed; on a machine that does other work as
    well, as when all tests run side by side, it may take longer."""
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    return 12.0 if MEASURED or busy else 5.0


CHILDREN = {
    "gateway": ("gunicorn",),
    "worker": ("celery", " worker "),
    "beat": ("celery", " beat "),
    "truth": ("redis-server", ":{truth}"),
    "traffic": ("redis-server", ":{traffic}"),
}


def _works(system: System) -> bool:
    try:
        ready = requests.get(f"{system.url}/health/ready", timeout=1).status_code == 200
        return ready and "Ada" in system.chat("What is my name?", user="ada", session=f"s{time.monotonic_ns()}")
    except (requests.RequestException, AssertionError):
        return False


@pytest.mark.timeout(240)
def test_every_child_may_be_killed(make_system: Callable[..., System]) -> None:
    # Given a system that knows something
    system = make_system()
    system.chat("My name is Ada.", user="ada")
    ports = {
        "truth": (system.data_dir / "redis.url").read_text().split(":")[2].split("/")[0],
        "traffic": (system.data_dir / "broker.url").read_text().split(":")[2].split("/")[0],
    }
    took: dict[str, float] = {}
    limit = back_seconds()
    for name, words in CHILDREN.items():
        # When one child after the other is killed without warning
        pattern = tuple(word.format(**ports) for word in words)
        killed = system.kill(*pattern)
        died = time.monotonic()

        # Then another stands in its place, and the next request succeeds
        def replaced(pattern: tuple[str, ...] = pattern, killed: int = killed) -> bool:
            return any(pid != killed for pid in system.pids(*pattern))

        until(replaced, seconds=limit, what=f"{name} is back")
        until(lambda: _works(system), seconds=limit, what=f"a chat after {name} was killed")
        took[name] = round(time.monotonic() - died, 1)
    print("seconds until the next chat succeeded:", took)
    assert max(took.values()) <= limit


def test_a_chat_that_was_accepted_is_finished_after_its_worker_died(make_system: Callable[..., System]) -> None:
    # Given a system whose leases are short, and a job that no worker can be running yet
    system = make_system({"MEMORYOS__JOBS__LEASE_SECONDS": "2", "MEMORYOS__JOBS__RENEW_SECONDS": "0.5",
                          "MEMORYOS__JOBS__UNCLAIMED_SECONDS": "1"})
    body = {"model": "offline", "user": "bo", "messages": [{"role": "user", "content": "My cat is called Tom."}]}
    system.kill("celery", " worker ")
    # When it is accepted while the worker is dead
    accepted = system.post("/v1/chat/completions", body, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()["job_id"]

    # Then it is done by the next one
    def done() -> bool:
        return bool(system.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")

    until(done, seconds=20, what="the job succeeds")
    assert "Tom" in system.chat("What is my cat called?", user="bo", session="later")


def test_a_second_worker_beside_the_stack_shares_the_load(make_system: Callable[..., System], tmp_path: Path) -> None:
    # Given a running system, and a worker started by hand beside it
    system = make_system()
    log = (tmp_path / "second.log").open("w")
    second = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "memoryos_tasks", "worker", "-n", "second@%h"],
        cwd=ROOT, env=system.environment, stdout=log, stderr=subprocess.STDOUT,
    )
    try:
        def joined() -> bool:
            workers = system.get("/health/status").json()["detail"]["workers"]
            return len(workers) == 2 and all(worker["warm"] for worker in workers)

        until(joined, seconds=30, what="two workers")
        # Then one of them owns the vectors
        roles = sorted(worker["vectors"] for worker in system.get("/health/status").json()["detail"]["workers"])
        assert roles == ["client", "owner"]
        # When many chats arrive, then both work, and what one heard the other knows
        for number in range(40):
            system.chat(f"My locker number is {number}.", user=f"sharer-{number}")
            assert str(number) in system.chat("What is my locker number?", user=f"sharer-{number}", session="b")
        log.flush()
        text = Path(log.name).read_text()
        assert "chat.run" in text, text[-3000:]
        assert "task_crashed" not in text
    finally:
        second.terminate()
        second.wait(timeout=30)
        log.close()


def test_vectors_find_another_owner_when_theirs_is_gone(make_system: Callable[..., System], tmp_path: Path) -> None:
    # Given a second worker that is client of the first one's vectors
    system = make_system()
    system.chat("My boat is called Nimbus.", user="skipper")

    def roles() -> list[str]:
        return [worker["vectors"] for worker in system.get("/health/status").json()["detail"]["workers"]]

    with (tmp_path / "second.log").open("w") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "memoryos_tasks", "worker", "-n", "second@%h"],
            cwd=ROOT, env=system.environment, stdout=log, stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: len(roles()) == 2, seconds=30, what="two workers")
            # When the owner is killed, then one of those that live owns them, and memory is whole
            system.kill("celery", " worker ")

            until(lambda: roles().count("owner") == 1, seconds=15, what="one owner")
            until(lambda: "Nimbus" in system.chat("What is my boat called?", user="skipper", session="b"),
                  seconds=10, what="the boat's name")
        finally:
            second.terminate()
            second.wait(timeout=30)
