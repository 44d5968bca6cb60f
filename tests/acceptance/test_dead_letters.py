"""Work that always fails becomes a dead letter, holds nobody up, and is done once after its cause was removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance.scripts import run
from acceptance.system import ROOT, System, until

#: Patches the workers from outside; see there.
POISON = Path(__file__).with_name("poison")
SECRET = "wombat-7f1c"


class Poisoned:
    """A system whose workers fail on marked texts until :meth:`cure`."""

    def __init__(self, make_system: Callable[..., System], folder: Path, **extra: str) -> None:
        self.flag = folder / "poison"
        self.flag.touch()
        path = os.pathsep.join((str(POISON), str(ROOT)))
        self.system = make_system({
            "PYTHONPATH": path, "POISON": str(self.flag), "MEMORYOS_ASYNC_MEMORY_PIPELINE": "true", **extra,
        })  # fmt: skip

    def cure(self) -> None:
        self.flag.unlink()

    def add(self, user: str, *events: tuple[str, str]) -> str:
        """Send (event id, text) pairs; the job."""
        messages = [{"role": "user", "event_id": id, "content": text} for id, text in events]
        answer = self.system.post("/v1/memory/add", {"user_id": user, "messages": messages})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def status(self, job: str) -> str:
        return str(self.system.get(f"/v1/jobs/{job}").json()["status"])

    def places(self, user: str) -> dict[str, list[str]]:
        """Where each event of the user is, as often as it is there."""
        found: dict[str, list[str]] = {}
        for event in self.system.get(f"/v1/memory/events?user_id={user}&limit=1000").json()["events"]:
            found.setdefault(event["event_id"], []).append(event["place"])
        return found

    def dlq(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "memoryos_app.cli", "dlq", *words]
        environment = {**self.system.environment, "MEMORYOS_URL": self.system.url}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    def letters(self) -> list[dict[str, Any]]:
        listed = self.dlq("list", "--json")
        assert listed.returncode == 0, listed.stderr
        letters: list[dict[str, Any]] = json.loads(listed.stdout)["letters"]
        return letters

    def dead(self, *, but: str = "") -> dict[str, Any]:
        """The one letter, once there is one of another id that is not being replayed."""
        def found() -> dict[str, Any] | None:
            letters = [one for one in self.letters() if one["id"] != but and not one["replaying"]]
            return letters[0] if letters else None

        letter: dict[str, Any] = until(found, seconds=60, what="a dead letter")
        assert len(self.letters()) == 1
        return letter


@pytest.mark.timeout(240)
def test_a_poison_event_is_buried_and_replayed_once(make_system: Callable[..., System], tmp_path: Path) -> None:
    here = Poisoned(make_system, tmp_path)
    # Given an event that no worker can apply, with others before and behind it, of its own user and of another
    text = f"My name is Pia, poison-event {SECRET}."
    before = here.add("pia", ("p-1", "I live in Lisbon."))
    bad = here.add("pia", ("p-2", text))
    behind = here.add("pia", *((f"p-{number}", f"Note number {number}.") for number in range(3, 30)))
    other = here.add("quin", *((f"q-{number}", f"Note number {number}.") for number in range(30)))

    # Then the others are applied, though it is not
    until(lambda: {here.status(job) for job in (before, behind, other)} == {"succeeded"}, seconds=15, what="the others")
    assert here.status(bad) != "succeeded"

    # And after three attempts it is a dead letter that says why, without what the user wrote
    letter = here.dead()
    assert (letter["subject"], letter["kind"], letter["attempts"]) == ("p-2", "event", 3)
    assert (letter["reason"], letter["exception"]) == ("unexpected_error", "KeyError")
    shown = here.dlq("show", letter["id"])
    assert shown.returncode == 0, shown.stderr
    assert "unexpected_error" in shown.stdout
    assert "sitecustomize.py" in shown.stdout
    assert SECRET not in shown.stdout
    assert SECRET in here.dlq("show", letter["id"], "--payload").stdout
    assert SECRET not in here.system.logs()
    until(lambda: here.status(bad) == "dead", seconds=5, what="its job is dead")

    # When it is replayed before its cause is removed, Then it comes back, whole
    assert here.dlq("replay", letter["id"]).returncode == 0
    again = here.dead(but=letter["id"])
    assert (again["subject"], again["attempts"], again["first_seen"]) == ("p-2", 3, letter["first_seen"])
    assert SECRET in here.dlq("show", again["id"], "--payload").stdout

    # When the cause is removed and it is replayed, twice at that, Then it is applied once
    here.cure()
    assert "replayed" in here.dlq("replay", "--queue", "events").stdout
    here.dlq("replay", "--all")
    until(lambda: not here.letters(), seconds=15, what="the letter is gone")
    places = here.places("pia")
    assert sorted(places) == sorted(f"p-{number}" for number in range(1, 30))
    assert {len(found) for found in places.values()} == {1}
    profile = here.system.get("/v1/memory/profile?user_id=pia").json()["profile"]
    assert "Pia" in json.dumps(profile)
    assert here.dlq("replay", again["id"]).returncode == 1


@pytest.mark.timeout(240)
def test_a_poison_job_is_buried_and_replayed(make_system: Callable[..., System], tmp_path: Path) -> None:
    # Given a consolidation that no worker can do
    here = Poisoned(make_system, tmp_path, MEMORYOS__MEMORY__STM_CAPACITY="4")
    here.add("ravi", *((f"r-{number}", f"Note {number}, poison-page {SECRET}.") for number in range(12)))
    # Then it is a dead letter of its queue, and another user's is not held up
    here.add("sara", *((f"s-{number}", f"Note {number}.") for number in range(12)))

    def moved(user: str, id: str) -> bool:
        return here.places(user).get(id, ["stm"]) != ["stm"]

    until(lambda: moved("sara", "s-0"), seconds=20, what="another user's events move on")
    letter = here.dead()
    assert (letter["queue"], letter["kind"], letter["task"]) == ("memory", "consolidate", "memory.consolidate")
    assert (letter["reason"], letter["exception"], letter["attempts"]) == ("unexpected_error", "KeyError", 3)
    assert SECRET not in here.dlq("show", letter["id"]).stdout
    # And the metrics count it
    metrics = here.system.get("/metrics").text
    assert 'memoryos_dead_letters{queue="memory"} 1.0' in metrics
    assert 'memoryos_dead_letters_made_total{reason="unexpected_error"} 1.0' in metrics
    # When its cause is removed and the script is called as it is, Then it only tells
    here.cure()
    url = here.system.url
    told = run("replay_dlq.sh", tmp_path, MEMORYOS_URL=url)
    assert told.returncode == 0, told.stderr
    assert letter["id"] in told.stdout
    assert [(one["id"], one["replaying"]) for one in here.letters()] == [(letter["id"], False)]
    # When it is told to replay, Then it does, and no event is missing or there twice
    replayed = run("replay_dlq.sh", tmp_path, MEMORYOS_URL=url, DRY_RUN="0", COUNT="5", QUEUE="memory")
    assert replayed.returncode == 0, replayed.stderr
    assert f"replayed        {letter['id']}" in replayed.stdout
    until(lambda: moved("ravi", "r-0"), seconds=20, what="the events move on")
    until(lambda: not here.letters(), seconds=10, what="the letter is gone")
    places = here.places("ravi")
    assert sorted(places) == sorted(f"r-{number}" for number in range(12))
    assert {len(found) for found in places.values()} == {1}
