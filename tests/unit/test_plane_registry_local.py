"""The registry of one machine, over its file."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_codec import PlainCodec
from registry_contract import A, B, OpenOne, RegistryContract
from waiting import until

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.local_registry import FileStore
from memoryos_tasks.adapters.plane.shared_registry import SharedRegistry
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import RegistryDown


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plane" / "registry.json"


@pytest.fixture
def open_one(path: Path, tmp_path: Path) -> Iterator[OpenOne]:
    opened: list[SharedRegistry] = []

    def one(node: str) -> SharedRegistry:
        documents = Documents(SealedCodec(FileVault(tmp_path / "vault")), {})
        registry = SharedRegistry(FileStore(path), documents, node=node)
        opened.append(registry)
        registry.start()
        return registry

    yield one
    for registry in opened:
        registry.close()


class TestFile(RegistryContract):
    """The contract, over the file that the processes of one machine share."""


def test_secrets_are_sealed_and_the_file_is_its_users_alone(open_one: OpenOne, path: Path) -> None:
    open_one("one").apply([A])
    assert "secret-a" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_none_is_refused_and_what_is_known_stays(open_one: OpenOne, path: Path) -> None:
    registry = open_one("one")
    registry.apply([A])
    path.write_text("{", encoding="utf-8")
    with pytest.raises(RegistryDown, match=r"registry\.json cannot be read"):
        registry.refresh()
    assert registry.endpoints() == (A,)


def test_a_store_that_was_emptied_is_filled_again_from_memory(open_one: OpenOne, path: Path) -> None:
    registry = open_one("one")
    registry.apply([A])
    registry.put(B)
    path.unlink()
    until(lambda: path.exists(), seconds=5, what="it is written again")
    assert open_one("two").endpoints() == (A, B)
    assert registry.endpoints() == (A, B)


def test_a_directory_that_takes_no_files_is_a_registry_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    documents = Documents(PlainCodec(), {})
    registry = SharedRegistry(FileStore(tmp_path / "taken" / "registry.json"), documents, node="one", patience=0)
    with pytest.raises(RegistryDown, match="cannot be"):
        registry.apply([A])


def test_a_document_of_a_newer_version_is_read_as_far_as_it_is_known(open_one: OpenOne, path: Path) -> None:
    open_one("one").apply([A])
    row = json.loads(path.read_text(encoding="utf-8"))
    document = json.loads(row["document"])
    document["models"][0]["unknown"] = 1
    path.write_text(json.dumps({**row, "document": json.dumps(document)}), encoding="utf-8")
    assert open_one("two").endpoints() == (A,)
