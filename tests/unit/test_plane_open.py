"""Which registry and which node a configuration means, and how secrets are stored there."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from plain_codec import PlainCodec
from registry_contract import A, B, endpoint
from waiting import until

from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.open import look_registry, node_id, open_node, open_registry
from memoryos_tasks.core.errors import ConfigError, RegistryDown, UnreadableRegistry
from memoryos_tasks.core.plane.catalogue import Catalogue
from memoryos_tasks.core.plane.config import PlaneConfig, Server, Sync
from memoryos_tasks.core.plane.config_parse import parse
from memoryos_tasks.core.settings import Settings

LOCAL = PlaneConfig(models=(A, B), sync=Sync(mode="local"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_in_local_mode_the_file_of_this_machine_counts_at_every_start(settings: Settings) -> None:
    registry = open_registry(LOCAL, settings)
    registry.drain(A.id)
    registry.close()
    # When it starts again with the same file, and then with one that says something new of an endpoint
    registry = open_registry(LOCAL, settings)
    assert registry.endpoints() == (replace(A, draining=True), B)
    registry.close()
    changed = replace(LOCAL, models=(replace(A, weight=9.0),))
    registry = open_registry(changed, settings)
    assert registry.endpoints() == (replace(A, weight=9.0),)
    registry.close()
    assert look_registry(LOCAL, settings) == (replace(A, weight=9.0),)


def test_a_worker_takes_what_the_nodes_say(settings: Settings) -> None:
    other = replace(LOCAL, models=(B,))
    node = open_registry(LOCAL, settings)
    worker = open_registry(other, settings, seed=False)
    assert worker.endpoints() == (A, B)
    node.remove(B.id)
    until(lambda: worker.endpoints() == (A,), seconds=5, what="the worker follows")
    node.close()
    worker.close()


def test_a_worker_that_comes_first_goes_by_the_file(settings: Settings) -> None:
    worker = open_registry(LOCAL, settings, seed=False)
    assert worker.endpoints() == (A, B)
    worker.close()


def test_a_local_node_is_the_scheduler(settings: Settings) -> None:
    registry = open_registry(LOCAL, settings)
    node = open_node(LOCAL, settings, registry)
    node.start()
    term = until(node.term, seconds=5, what="it is elected")
    [shown] = node.nodes()
    assert (shown.id, shown.role, shown.address) == (term.node, "scheduler", "127.0.0.1:8090")
    assert shown.revision == registry.revision()
    node.close()
    registry.close()


def test_a_node_has_the_same_name_after_a_restart() -> None:
    config = PlaneConfig(server=Server(port=9000))
    assert node_id(config).endswith(":9000")
    assert node_id(replace(config, sync=Sync(node_id="节点"))) == "节点"


def test_etcd_without_its_client_says_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "etcd3gw", None)
    config = PlaneConfig(sync=Sync(mode="raft", etcd=("127.0.0.1:1",)))
    with pytest.raises(ConfigError, match="needs the package etcd3gw"):
        open_registry(config, settings)


def test_an_etcd_that_is_not_there_is_named(settings: Settings) -> None:
    pytest.importorskip("etcd3gw")
    config = PlaneConfig(models=(A,), sync=Sync(mode="raft", etcd=("127.0.0.1:1",)))
    with pytest.raises(RegistryDown, match=r"sync\.etcd"):
        open_registry(config, settings)


def test_a_secret_that_is_named_stays_a_name_and_each_node_reads_its_own() -> None:
    raw = {"models": [{"name": "glm-4", "endpoint": "http://127.0.0.1:9/a", "token": "env:GLM_TOKEN"}]}
    models = parse(raw, {"GLM_TOKEN": "here"}, source="test").models
    assert [each.token for each in models] == ["here"]
    written = Documents(PlainCodec(), {"GLM_TOKEN": "here"}).write(Catalogue().apply(models, "one"), 1.0)
    assert "here" not in written
    assert json.loads(written)["models"][0]["token_from"] == "env:GLM_TOKEN"
    read, at = Documents(PlainCodec(), {"GLM_TOKEN": "there"}).read(written)
    assert [each.token for each in read.endpoints()] == ["there"]
    assert at == 1.0
    # A node that lacks the variable has no token, and the others are not held up
    read, _ = Documents(PlainCodec(), {}).read(written)
    assert [each.token for each in read.endpoints()] == [""]


@pytest.mark.parametrize("document", ["{", "[]", "{}", '{"at": 1, "models": [{}], "changes": {}, "files": {}}'])
def test_a_document_that_cannot_be_read_is_refused(document: str) -> None:
    with pytest.raises(UnreadableRegistry, match="cannot read"):
        Documents(PlainCodec(), {}).read(document)


def test_a_document_keeps_everything() -> None:
    documents = Documents(PlainCodec(), {})
    catalogue = Catalogue().apply([A, B], "节点").remove(A.id).put(endpoint("中文"))
    assert documents.read(documents.write(catalogue, 5.0)) == (catalogue, 5.0)
