"""The vault of files: private, whole or not at all, and the same for all processes of a machine."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from memoryos_tasks.adapters.vault import files
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError, VaultDown
from memoryos_tasks.core.events import Owner

ALICE = Owner("acme", "艾丽丝 / ../alice")


def test_only_its_user_may_read_it(tmp_path: Path) -> None:
    # Given a directory that others may read
    (tmp_path / "vault").mkdir(mode=0o755)
    vault = FileVault(tmp_path / "vault")
    vault.current(ALICE)
    vault.secret("acme")
    # Then nothing in the vault is open to them, and no name tells whose key it is
    for path in (tmp_path / "vault", *(tmp_path / "vault").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert "alice" not in str(path.relative_to(tmp_path))


def _ids(path: Path, gate: threading.Barrier | None = None) -> set[bytes]:
    vault = FileVault(path)
    if gate is not None:
        gate.wait(10)
    return {vault.current(Owner("acme", f"user {number}")).id for number in range(20)}


def test_threads_that_meet_get_the_same_keys(tmp_path: Path) -> None:
    gate = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: _ids(tmp_path, gate), range(8)))
    assert len(made[0]) == 20
    assert all(ids == made[0] for ids in made)


def test_processes_that_meet_get_the_same_keys(tmp_path: Path) -> None:
    with get_context("spawn").Pool(3) as pool:
        made = pool.map(_ids, [tmp_path] * 3)
    assert len(made[0]) == 20
    assert all(ids == made[0] for ids in made)
    # And leave nothing else behind
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".key"}


def test_another_process_soon_seals_nothing_with_a_retired_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two processes that have used a key
    now = [100.0]
    monkeypatch.setattr(files.time, "monotonic", lambda: now[0])
    here, there = FileVault(tmp_path), FileVault(tmp_path)
    old = here.current(ALICE)
    assert there.current(ALICE) == old
    # When one retires it
    here.retire(ALICE)
    # Then the other takes a new one after a tenth of a second, and both the same
    now[0] += files.SEALS_SECONDS
    new = there.current(ALICE)
    assert new.id != old.id
    assert here.current(ALICE) == new
    assert there.find(ALICE, old.id) == old
    assert here.retired(ALICE) == (old.id,)


def test_another_process_forgets_a_destroyed_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a key that another process has in memory
    now = [0.0]
    monkeypatch.setattr(files.time, "monotonic", lambda: now[0])
    here, there = FileVault(tmp_path), FileVault(tmp_path)
    old = there.current(ALICE)
    assert there.find(ALICE, old.id) == old
    # When it is retired and destroyed, twice as after a crash
    here.retire(ALICE)
    here.retire(ALICE)
    here.destroy(ALICE, [old.id])
    here.destroy(ALICE, [old.id])
    # Then it is gone here at once, and there after a second
    assert here.find(ALICE, old.id) is None
    now[0] += files.TRUSTED_SECONDS
    assert there.find(ALICE, old.id) is None
    assert not list(tmp_path.rglob("*.old"))
    # And the user may come back with another key
    assert there.current(ALICE).id != old.id


def test_many_generations_are_told_apart(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    ids = []
    for _ in range(5):
        ids.append(vault.current(ALICE).id)
        vault.retire(ALICE)
    assert sorted(vault.retired(ALICE)) == sorted(ids)
    vault.destroy(ALICE, ids[:2])
    assert sorted(vault.retired(ALICE)) == sorted(ids[2:])
    assert vault.retired(Owner("acme", "nobody")) == ()


def test_a_tenants_secret_never_changes(tmp_path: Path) -> None:
    first, second = FileVault(tmp_path), FileVault(tmp_path)
    assert first.secret("acme") == second.secret("acme") != first.secret("other")
    assert len(first.secret("acme")) == 32


def test_it_is_refused_where_it_cannot_be(tmp_path: Path) -> None:
    # Given a path that is a file
    (tmp_path / "taken").write_text("something else")
    # Then the error names the setting, the place and what to do
    with pytest.raises(ConfigError, match=r"vault\.path.*taken.*nothing is stored unsealed"):
        FileVault(tmp_path / "taken")


def test_a_damaged_key_is_told_and_never_replaced(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    vault.current(ALICE)
    (path,) = tmp_path.rglob("*.key")
    path.write_bytes(b"short")
    with pytest.raises(VaultDown, match="damaged"):
        FileVault(tmp_path).current(ALICE)
    assert path.read_bytes() == b"short"


def test_a_forked_process_uses_the_same_keys(tmp_path: Path) -> None:
    vault = FileVault(tmp_path)
    mine = vault.current(ALICE)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, vault.current(ALICE).id)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 8) == mine.id
    os.close(read)
    os.close(write)
