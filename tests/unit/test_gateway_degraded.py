"""Answers without the vector store say so, whoever noticed; a finished stream is told again from its row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeStack, FakeWorker, completion
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.watch import State
from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying

CHAT = "/v1/chat/completions"
ASK = {"model": "offline", "user": "李雷", "messages": [{"role": "user", "content": "我叫什么?"}]}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def answering(stack: FakeStack, *sayings: tuple[Saying, dict[str, Any]]) -> None:
    """Let a worker say this to every chat and every read."""

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        asked = stack.runs.asked(*args)
        if asked is None:
            stack.say(task_id, *sayings)
            return
        owner, request = asked
        for saying, data in sayings:
            stack.runs.say(owner, task_id, saying, data, inbox=request["inbox"])

    stack.doorbell.answer = run


@pytest.mark.parametrize(("missing", "status"), [(["vectors"], "degraded:vectors"), ([], "ready")])
def test_a_whole_answer_without_the_vectors_says_so(
    stack: FakeStack, client: FlaskClient, missing: list[str], status: str
) -> None:
    answering(stack, (Saying.START, {"tier": "2", "missing": missing}), (Saying.DONE, completion("李雷")))
    answer = client.post(CHAT, json=ASK)
    assert answer.json["choices"][0]["message"]["content"] == "李雷"
    assert (answer.status_code, answer.headers["X-MemoryOS-Status"]) == (200, status)


@pytest.mark.parametrize("path", ["/v1/memory/retrieve?user_id=u&query=name", "/v1/memory/profile?user_id=u"])
def test_a_read_without_the_vectors_says_so(stack: FakeStack, client: FlaskClient, path: str) -> None:
    # Given a worker that answers from recent messages alone
    answering(stack, (Saying.DONE, {"missing": ["vectors"]}))
    assert client.get(path).headers["X-MemoryOS-Status"] == "degraded:vectors"
    # And one that could not answer at all
    answering(stack, (Saying.ERROR, VectorsDown().described()))
    answer = client.get(path)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "vectors_unavailable")
    assert answer.headers["X-MemoryOS-Status"] == "degraded:vectors"
    # Then one that misses nothing is ready again
    answering(stack, (Saying.DONE, {"missing": []}))
    assert client.get(path).headers["X-MemoryOS-Status"] == "ready"


@pytest.mark.parametrize(
    ("workers", "up"),
    [
        ((FakeWorker(vectors="owner"),), True),
        ((FakeWorker(vectors="server"),), True),
        ((FakeWorker(vectors="client"), FakeWorker(vectors="owner")), True),
        ((FakeWorker(vectors="client"),), False),
        ((FakeWorker(vectors="client"), FakeWorker(vectors="owner", warm=False)), False),
        ((), False),
    ],
)
def test_the_vectors_are_up_while_a_warm_worker_has_them(
    stack: FakeStack, client: FlaskClient, workers: tuple[FakeWorker, ...], up: bool
) -> None:
    stack.watch.state = State(True, True, workers)
    answer = client.get("/health/status")
    assert answer.json["qdrant"] == ("up" if up else "down")
    if workers:
        assert answer.headers["X-MemoryOS-Status"] == ("ready" if up else "degraded:vectors")


def test_a_finished_stream_whose_chunks_are_gone_is_told_from_its_row(stack: FakeStack, client: FlaskClient) -> None:
    # Given a streamed job that is done, of which only the row is left
    job = client.post(CHAT, json={**ASK, "stream": True}, headers={"Prefer": "respond-async"}).json["id"]
    stack.ledger.close(job, Status.SUCCEEDED, result=completion("你好 Alice"))
    row = stack.ledger.rows["default", job]
    stack.ledger.rows["default", job] = replace(row, request={"stream": True, "digest": row.request["digest"]})
    # When its events are asked for
    answer = client.get(f"/v1/jobs/{job}/events")
    # Then the whole answer is one chunk, and the stream ends as streams do
    first, last = answer.text.strip().split("\n\n")
    told = json.loads(first.removeprefix("data: "))
    assert (told["object"], told["choices"][0]["delta"]["content"]) == ("chat.completion.chunk", "你好 Alice")
    assert told["choices"][0]["finish_reason"] == "stop"
    assert last == "data: [DONE]"


@pytest.mark.parametrize("path", ["/v1/jobs//events", "/v1//models", "//v1/models"])
def test_an_empty_part_of_an_address_is_nothing_and_no_redirect(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.json["error"]["code"] == "unknown_url"
