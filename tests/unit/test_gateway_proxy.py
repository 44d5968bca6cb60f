"""With both stores away a chat goes straight to the provider, and its failures are told honestly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient
from upstream import Upstream
from vendors.azure_openai import AzureOpenAIVendor
from vendors.base import Vendor
from vendors.deepseek import DeepSeekVendor
from vendors.openai import OpenAIVendor
from vendors.openrouter import OpenRouterVendor

from memoryos_app import create_app, proxy
from memoryos_app.watch import State
from memoryos_tasks.core.settings import Jobs, Llm, Settings
from memoryos_tasks.core.settings_router import Router

CHAT = "/v1/chat/completions"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


@pytest.fixture
def client(upstream: Upstream) -> Iterator[FlaskClient]:
    with system(openai_base_url=upstream.url, openai_api_key="sk-test") as made:
        yield made


@contextmanager
def system(deadline: float = 600.0, local: str = "", **llm: str) -> Iterator[FlaskClient]:
    """A gateway without its stores."""
    settings = replace(Settings(), llm=replace(Llm(), **llm), jobs=replace(Jobs(), chat_deadline=deadline))
    stack = FakeStack(replace(settings, router=replace(Router(), local_providers=local)))
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
    [
        ("400", 400, "context_length_exceeded"),
        ("401", 401, "upstream_refused"),
        ("403", 403, "upstream_refused"),
        ("404", 404, "model_not_found"),
        ("422", 422, "upstream_refused"),
        ("429", 429, "rate_limit_exceeded"),
        ("500", 500, "upstream_error"),
        ("503", 503, "upstream_error"),
        ("504", 504, "upstream_timeout"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_keeps_its_status_and_never_shows_our_key(
    client: FlaskClient, model: str, status: int, code: str, stream: bool
) -> None:
    answer = client.post(CHAT, json=ask(model, stream=stream))
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("7" if model == "429" else "1" if model == "503" else None)
    assert "sk-test" not in answer.text


@pytest.mark.parametrize(
    "model", ["html", "html-502", "empty", "text", "redirect", "drop", "truncated", "error-200"]
)
def test_what_is_no_answer_is_a_bad_gateway(client: FlaskClient, model: str) -> None:
    answer = client.post(CHAT, json=ask(model))
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "upstream_error")
    assert "sk-test" not in answer.text


@pytest.mark.parametrize("model", ["error-200", "html"])
def test_a_stream_that_is_none_is_a_bad_gateway(client: FlaskClient, model: str) -> None:
    answer = client.post(CHAT, json=ask(model, stream=True))
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "upstream_error")


@pytest.mark.parametrize("model", ["truncated", "no-done"])
def test_a_stream_that_breaks_off_ends_with_an_error(client: FlaskClient, model: str) -> None:
    answer = client.post(CHAT, json=ask(model, stream=True))
    assert "Hello" in answer.text
    assert last_error(answer.text)["code"] == "upstream_error"
    assert "[DONE]" not in answer.text


def last_error(text: str) -> dict[str, str]:
    """The error of a stream's last event."""
    found: dict[str, str] = json.loads(text.strip().split("data: ")[-1])["error"]
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_without_end_stops_at_the_deadline(upstream: Upstream, stream: bool) -> None:
    # Given a vendor that never stops talking
    began = time.monotonic()
    with system(openai_base_url=upstream.url, deadline=1.0) as client:
        answer = client.post(CHAT, json=ask("trickle", stream=stream))
        error = last_error(answer.text) if stream else answer.json["error"]
    # Then the client hears of the deadline, and the vendor is let go
    assert error["code"] == "upstream_timeout"
    assert time.monotonic() - began < 8
    assert upstream.disconnected.wait(5)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_too_large_is_cut_off(
    client: FlaskClient, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "MAX_ANSWER", 100)
    answer = client.post(CHAT, json=ask("echo", stream=stream))
    error = last_error(answer.text) if stream else answer.json["error"]
    assert "more than 100 bytes" in error["message"]


@pytest.mark.parametrize(
    ("provider", "path", "header"),
    [
        ("azure_openai", "/openai/deployments/echo/chat/completions?api-version=2024-10-21", ("api-key", "key-1")),
        ("deepseek", "/v1/chat/completions", ("authorization", "Bearer key-1")),
        ("openrouter", "/api/v1/chat/completions", ("authorization", "Bearer key-1")),
        ("openai_compatible", "/v1/chat/completions", ("authorization", "Bearer key-1")),
    ],
)
def test_every_vendor_of_openais_family_is_asked_its_own_way(
    provider: str, path: str, header: tuple[str, str]
) -> None:
    vendors: dict[str, type[Vendor]] = {
        "azure_openai": AzureOpenAIVendor, "deepseek": DeepSeekVendor, "openrouter": OpenRouterVendor,
    }  # fmt: skip
    with vendors.get(provider, OpenAIVendor)() as vendor:
        keys = {f"{provider}_base_url": vendor.url, f"{provider}_api_key": "key-1"}
        with system(**keys) as client:
            answer = client.post(CHAT, json={**ask("echo"), "model": f"{provider}/echo"})
        assert answer.json["choices"][0]["message"]["content"] == "你好 world"
        assert vendor.seen[0].path == path
        assert vendor.seen[0].headers[header[0]] == header[1]


@pytest.mark.parametrize("provider", ["claude", "gemini", "ollama"])
def test_a_vendor_with_a_protocol_of_its_own_waits_for_the_stores(provider: str) -> None:
    with system(**{f"{provider}_base_url": "http://127.0.0.1:9"}) as client:
        answer = client.post(CHAT, json={**ask("echo"), "model": f"{provider}/any"})
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "service_unavailable")
    assert f"none of '{provider}'" in answer.json["error"]["message"]
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("text", ["My password is hunter2, remember it.", "我的密码是 hunter2，请记住。"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_sensitive_is_not_sent_without_the_stores_either(
    client: FlaskClient, upstream: Upstream, text: str, stream: bool
) -> None:
    messages = [{"role": "user", "content": text}]
    answer = client.post(CHAT, json={**ask("echo", stream=stream), "messages": messages})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "sensitive_content")
    assert upstream.seen == []


def test_a_server_in_house_may_see_what_is_sensitive(upstream: Upstream) -> None:
    with system(openai_compatible_base_url=upstream.url, local="openai_compatible") as client:
        messages = [{"role": "user", "content": "My password is hunter2."}]
        answer = client.post(CHAT, json={"model": "openai_compatible/echo", "messages": messages})
    assert answer.json["choices"][0]["message"]["content"] == "My password is hunter2."
