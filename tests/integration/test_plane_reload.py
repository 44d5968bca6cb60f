"""A changed configuration applies while the process runs: real files, real watches."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from memoryos_tasks.adapters.plane import reload, reload_watch
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.plane.config import PlaneConfig

#: Within this a change applies.
SECONDS = 5.0
FOLLOWING = ("watch", "poll", "hybrid")


class House:
    """A file in a directory of its own, and what follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "mcp_config.yaml"
        self.lives: list[LivePlane] = []
        self.heard: list[tuple[float, float]] = []

    def live(self, path: Path | None = None) -> LivePlane:
        made = LivePlane({}, path or self.path)
        self.lives.append(made)
        made.on_change(lambda old, new: self.heard.append((old.limits.rps, new.limits.rps)))
        made.watch()
        return made

    def text(self, rps: object, mode: str) -> str:
        return f"reload: {mode}\nlimits: {{rps: {rps}}}\n"

    def rename(self, text: str) -> None:
        new = self.folder / ".new"
        new.write_text(text)
        new.rename(self.path)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    for live in made.lives:
        live.stop()


def applied(live: LivePlane, rps: float) -> float:
    """Seconds until the limit is in force."""
    start = time.monotonic()
    until(lambda: live.current.limits.rps == rps, seconds=SECONDS, what=f"rps {rps}")
    return time.monotonic() - start


@pytest.mark.parametrize("mode", FOLLOWING)
def test_a_file_that_is_written_in_place(house: House, mode: str) -> None:
    # Given a process that follows its file
    house.path.write_text(house.text(1, mode))
    live = house.live()
    # When the file is written, then it applies, and the listeners heard of both
    house.path.write_text(house.text(2, mode))
    applied(live, 2)
    assert until(lambda: house.heard, seconds=1, what="a listener") == [(1, 2)]


@pytest.mark.parametrize("mode", FOLLOWING)
def test_a_file_that_is_replaced_by_a_rename_again_and_again(house: House, mode: str) -> None:
    house.path.write_text(house.text(1, mode))
    live = house.live()
    # A watch on the file would go deaf with the first rename.
    for rps in (2, 3):
        house.rename(house.text(rps, mode))
        applied(live, rps)


@pytest.mark.parametrize("mode", FOLLOWING)
def test_a_config_map_that_is_swapped(house: House, mode: str) -> None:
    # Given the layout of a mounted ConfigMap: file → ..data/file, ..data → a directory with a time in its name
    def version(name: str, rps: int) -> None:
        made = house.folder / name
        made.mkdir()
        (made / house.path.name).write_text(house.text(rps, mode))
        link = house.folder / "..data_tmp"
        link.symlink_to(name)
        os.rename(link, house.folder / "..data")

    version("..2026_1", 1)
    house.path.symlink_to(Path("..data") / house.path.name)
    live = house.live()
    # When the link is swapped, twice, and the old directory goes, then each applies
    for rps in (2, 3):
        version(f"..2026_{rps}", rps)
        applied(live, rps)


def test_a_watch_applies_at_once_and_a_directory_made_anew_by_the_backstop(house: House) -> None:
    # Given a watched directory
    folder = house.folder / "conf"
    folder.mkdir()
    path = folder / "mcp_config.yaml"
    path.write_text(house.text(1, "watch"))
    live = house.live(path)
    # When the file changes, then the watch tells, long before the backstop looks
    path.write_text(house.text(2, "watch"))
    assert applied(live, 2) < reload.BACKSTOP_SECONDS / 2
    # When the whole directory is replaced, which no watch survives, then the backstop finds it
    folder.rename(house.folder / "old")
    folder.mkdir()
    path.write_text(house.text(3, "watch"))
    applied(live, 3)


def test_where_no_watch_can_be_had_the_file_is_looked_at(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        def schedule(self, *_: object, **__: object) -> None:
            raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(reload_watch, "Observer", Full)
    house.path.write_text(house.text(1, "watch"))
    live = house.live()
    assert "cannot be watched (inotify watch limit reached)" in caplog.text
    house.path.write_text(house.text(2, "watch"))
    applied(live, 2)


def test_push_applies_when_told_and_not_before(house: House) -> None:
    # Given the mode push
    house.path.write_text(house.text(1, "push"))
    live = house.live()
    house.path.write_text(house.text(2, "push"))
    # When nobody tells, then nothing happens, when somebody does, it applies at once
    assert live.current.limits.rps == 1
    assert live.push() == ""
    assert live.current.limits.rps == 2
    # And whoever tells hears why a file is refused, as often as it is told
    house.path.write_text("limits: {rps: many}\n")
    for _ in range(2):
        assert live.push() == "limits.rps in mcp_config.yaml: 'many' is not a number. Give a number."
    assert live.current.limits.rps == 2


def test_an_invalid_file_is_refused_whole_with_the_reason_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a configuration in force
    house.path.write_text(house.text(1, "hybrid"))
    live = house.live()
    before = live.current
    # When a file comes that is right in one key and wrong in another
    with caplog.at_level(logging.ERROR):
        house.rename("limits: {rps: 9, user_rate: fast}\n")
        until(lambda: live.refused, seconds=SECONDS, what="a refusal")
        live._wake.set()  # another look at the same file
        house.rename("limits: {rps: 9, user_rate: fast}\n")
    # Then the old stays in force, and the reason was logged
    assert live.current is before
    assert live.refused == "limits.user_rate in mcp_config.yaml: 'fast' is not a number. Give a number."
    assert caplog.text.count(live.refused) == 1
    # When the file is removed, then it says so; when a good one comes, it applies
    house.path.unlink()
    until(lambda: "there is no such file" in live.refused, seconds=SECONDS, what="the missing file")
    house.rename(house.text(5, "hybrid"))
    applied(live, 5)
    assert live.refused == ""


def test_a_file_that_is_seen_half_written_does_not_remove_the_models(house: House) -> None:
    # Given a configuration with a model, whose file is emptied and then written line by line
    entry = "models:\n- {name: m, endpoint: 'http://a'}\n"
    house.path.write_text(house.text(1, "hybrid") + entry)
    live = house.live()
    seen: list[int] = []
    live.on_change(lambda _, new: seen.append(len(new.models)))
    with house.path.open("w") as file:
        for line in (house.text(2, "hybrid") + entry).splitlines(keepends=True):
            file.write(line)
            file.flush()
            live._wake.set()
            time.sleep(reload.SETTLE_SECONDS / 3)
    # Then nobody ever saw it without its model
    applied(live, 2)
    assert set(until(lambda: seen, seconds=1, what="the change")) == {1}


def test_fifty_changes_of_which_five_are_invalid(house: House) -> None:
    # Given readers that ask for the configuration all the time
    house.path.write_text(house.text(1, "hybrid"))
    live = house.live()
    ending, odd = threading.Event(), []

    def read() -> None:
        while not ending.wait(0.001):
            now = live.current
            if now.limits.user_burst != now.limits.rps:
                odd.append(now.limits)

    house.path.write_text(json.dumps({"reload": "hybrid", "limits": {"rps": 2, "user_burst": 2}}))
    applied(live, 2)
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    # When the file changes fifty times, every tenth to something invalid
    refused = 0
    for number in range(3, 53):
        limits: dict[str, object] = {"rps": number, "user_burst": number}
        if number % 10 == 0:
            limits["ip_rate"] = "none"
        house.rename(json.dumps({"reload": "hybrid", "limits": limits}))
        if number % 10 == 0:
            until(lambda: "limits.ip_rate" in live.refused, seconds=SECONDS, what=f"refusal of {number}")
            refused += 1
        else:
            applied(live, number)
    ending.set()
    for reader in readers:
        reader.join()
    # Then each was applied or refused, and nobody saw two of them mixed
    assert (live.current.limits.rps, refused, odd) == (52, 5, [])


def test_a_listener_that_fails_is_told_again(house: House) -> None:
    # Given a listener whose store is away at first
    house.path.write_text(house.text(1, "hybrid"))
    live = house.live()
    calls: list[tuple[float, float]] = []

    def carry(old: PlaneConfig, new: PlaneConfig) -> None:
        calls.append((old.limits.rps, new.limits.rps))
        if len(calls) < 3:
            raise ConnectionError("away")

    live.on_change(carry)
    # When the file changes, then it is called until it has taken the change, from where it stood
    house.path.write_text(house.text(2, "hybrid"))
    until(lambda: len(calls) == 3, seconds=SECONDS, what="the third call")
    assert calls == [(1, 2)] * 3
    # And no further
    live._wake.set()
    house.path.write_text(house.text(3, "hybrid"))
    applied(live, 3)
    until(lambda: len(calls) == 4, seconds=SECONDS, what="the next change")
    assert calls[3:] == [(2, 3)]
