"""Two nodes of the plane on the same stores: limits, sessions and cancels are theirs in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from contents import everything
from fakes import FakeWatch, completion
from flask.testing import FlaskClient
from plane_house import FREE, FakeRegistry, FakeWatcher, served

from memoryos_app.parts import Parts, wire
from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.app_parts import PlaneParts
from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.sessions import RedisSessions
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying


class WorkerAtTheBell:
    """Runs each job the moment that it is rung for, and says so to whoever waits: what was asked last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def ring(self, task: str, args: tuple[str, ...], **_: Any) -> None:
        claim = self._parts.ledger.claim(*args)
        assert claim is not None
        job = claim.job
        asked = job.request["body"]
        said = [asked["prompt"]] if "prompt" in asked else [one["content"] for one in asked["messages"]]
        answer = completion(" | ".join(said), job.id)
        self._parts.ledger.finish(claim, Status.SUCCEEDED, result=answer)
        self._parts.runs.say(job.owner, job.id, Saying.DONE, answer, inbox=job.inbox)


Node = Callable[..., FlaskClient]


@pytest.fixture
def node(redis_settings: Settings, tmp_path: Path, truth: redis.Redis) -> Iterator[Node]:
    """Makes nodes of one deployment; without ``worker`` nobody consumes their queues."""
    settings = replace(redis_settings, data_dir=tmp_path)
    made: list[Parts] = []
    registry = FakeRegistry(served("glm"))

    def make(config: PlaneConfig, *, worker: bool = True) -> FlaskClient:
        parts = wire(lambda: settings)
        made.append(parts)
        here = replace(parts, watch=FakeWatch(), doorbell=WorkerAtTheBell(parts)) if worker else parts
        sessions = RedisSessions(truth, SealedCodec(FileVault(settings.vault_dir)))
        plane = PlaneParts(lambda: config, registry, list, lambda _: {}, sessions, lambda: "", FakeWatcher())
        return create_plane_app(lambda: plane, lambda: settings, parts=here).test_client()

    yield make
    for parts in made:
        parts.close()


def ask(client: FlaskClient, prompt: str, **more: Any) -> Any:
    return client.post("/inference", json={"prompt": prompt, **more})


def test_without_a_worker_an_inference_is_refused_within_two_seconds(node: Node) -> None:
    client = node(PlaneConfig(limits=FREE), worker=False)
    client.get("/mcp/health")
    began = time.monotonic()
    answer = ask(client, "x")
    assert time.monotonic() - began < 2.0
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "service_unavailable")
    assert "Retry-After" in answer.headers


def test_a_session_goes_on_at_another_node_and_lies_sealed(node: Node, truth: redis.Redis) -> None:
    one, other = node(PlaneConfig(limits=FREE)), node(PlaneConfig(limits=FREE))
    assert ask(one, "first 一", session_id="s", user="ann").json == {"text": "first 一"}
    assert ask(other, "second", session_id="s", user="ann").json == {"text": "first 一 | first 一 | second"}
    assert "first" not in everything(truth)
    # And it ends for both
    sent = {"opcode": "0x08", "session_id": "s", "user": "ann"}
    assert one.post("/mcp/messages", json=sent).json["payload"] == {"closed": True}
    assert ask(other, "third", session_id="s", user="ann").json == {"text": "third"}


def test_a_bucket_is_one_over_both_nodes(node: Node) -> None:
    config = PlaneConfig(limits=replace(FREE, user_rate=0.01, user_burst=5))
    nodes = [node(config), node(config)]
    told = [ask(nodes[n % 2], "x", user="ann") for n in range(8)]
    assert [answer.status_code for answer in told] == [200] * 5 + [429] * 3
    assert [answer.headers["X-RateLimit-Remaining"] for answer in told] == ["4", "3", "2", "1", "0", "0", "0", "0"]
    assert 90 <= int(told[-1].headers["Retry-After"]) <= 100
    assert ask(nodes[0], "x", user="bob").status_code == 200


def test_an_inference_asked_again_at_another_node_is_the_same(node: Node) -> None:
    one, other = node(PlaneConfig(limits=FREE)), node(PlaneConfig(limits=FREE))
    told = [ask(each, "x", request_id="r", user="ann") for each in (one, other)]
    assert [answer.json for answer in told] == [{"text": "x"}] * 2
    assert told[0].headers["X-MemoryOS-Job"] == told[1].headers["X-MemoryOS-Job"]
