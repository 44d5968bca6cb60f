"""With both stores away a chat goes straight to the provider, and its failures are told honestly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient
from upstream import Upstream

from memoryos_app import create_app
from memoryos_app.watch import State
from memoryos_tasks.core.settings import Llm, Settings

CHAT = "/v1/chat/completions"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


@pytest.fixture
def client(upstream: Upstream) -> Iterator[FlaskClient]:
    llm = replace(Llm(), openai_base_url=upstream.url, openai_api_key="sk-test")
    stack = FakeStack(replace(Settings(), llm=llm))
    stack.watch.state = State(False, False)
    yield create_app(parts=stack.parts).test_client()
    stack.close()


def ask(model: str, **more: object) -> dict[str, object]:
    return {"model": f"openai/{model}", "messages": [{"role": "user", "content": "你好 world"}], **more}


def test_a_chat_is_forwarded_whole(client: FlaskClient, upstream: Upstream) -> None:
    answer = client.post(CHAT, json=ask("echo", seed=7))
    assert answer.json["choices"][0]["message"]["content"] == "你好 world"
    assert answer.headers["X-MemoryOS-Status"] == "degraded:proxy"
    assert answer.headers["X-MemoryOS-Memory"] == "off"
    # The vendor sees its own name for the model, our key and the unknown field
    seen = upstream.seen[0]
    assert (seen.body["model"], seen.body["seed"]) == ("echo", 7)
    assert seen.headers["authorization"] == "Bearer sk-test"


def test_a_stream_is_forwarded_as_it_is(client: FlaskClient) -> None:
    answer = client.post(CHAT, json=ask("echo", stream=True))
    assert answer.mimetype == "text/event-stream"
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert "world" in answer.text


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("400", 400, "context_length_exceeded"), ("429", 429, "rate_limit_exceeded")],
)
def test_what_the_client_can_mend_is_passed_on(
    client: FlaskClient, model: str, status: int, code: str
) -> None:
    answer = client.post(CHAT, json=ask(model))
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "model", ["401", "403", "500", "503", "html", "html-502", "empty", "text", "redirect", "drop"]
)
def test_what_it_cannot_is_a_bad_gateway_without_our_key(client: FlaskClient, model: str) -> None:
    answer = client.post(CHAT, json=ask(model))
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "upstream_error")
    assert "sk-test" not in answer.text


@pytest.mark.parametrize("model", ["truncated", "no-done"])
def test_a_stream_that_breaks_off_ends_with_an_error(client: FlaskClient, model: str) -> None:
    answer = client.post(CHAT, json=ask(model, stream=True))
    assert "Hello" in answer.text
    last = json.loads(answer.text.strip().split("data: ")[-1])
    assert last["error"]["code"] == "upstream_error"
    assert "[DONE]" not in answer.text
