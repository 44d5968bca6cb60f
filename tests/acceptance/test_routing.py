"""Routing as clients see it: refusals, tiers, chains and caps, through the whole system with the official client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from acceptance.system import System, until
from openai import OpenAI
from vendors.base import Vendor
from vendors.openai import OpenAIVendor

SECRETS = ["My password is hunter2", "我的密码是 hunter2"]
CONFIG = """
[jobs]
chat_deadline = 12
[llm]
first_token_timeout = 10
idle_timeout = 12
openai_base_url = "{cloud}"
max_concurrent = 2
[router]
cloud = "openai/echo"
fallbacks = "openai/status-503=openai/status-500|gpt-echo; openai/status-400=gpt-echo; openai/truncated=gpt-echo; \
openai/slow-first-token=gpt-echo"
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Vendor]:
    with OpenAIVendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory, cloud: Vendor) -> Iterator[System]:
    """A system that knows one vendor, and whose configuration is in a file."""
    here = tmp_path_factory.mktemp("routed")
    (here / "config.toml").write_text(CONFIG.format(cloud=cloud.url), encoding="utf-8")
    running = System(here / "data", {"MEMORYOS_CONFIG": str(here / "config.toml")})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def asking(routed: System) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{routed.url}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def ask(client: OpenAI, model: str, text: str, **more: Any) -> tuple[Any, str]:
    """The headers of the answer, and its text."""
    messages: Any = [{"role": "user", "content": text}]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, **more)
    answer: Any = raw.parse()
    if not more.get("stream"):
        return raw.headers, str(answer.choices[0].message.content)
    return raw.headers, "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def job(system: System, headers: Any) -> Any:
    """The job of an answer, once it is closed."""
    return closed(f"{system.url}/v1/jobs/{headers['X-MemoryOS-Job']}", "succeeded")


def closed(url: str, status: str) -> Any:
    def row() -> Any:
        found = requests.get(url, timeout=5).json()
        return found if found["status"] == status else None

    return until(row, seconds=10, what=f"the job {status}")


@pytest.mark.parametrize("model", ["openai/echo", "auto"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", SECRETS)
def test_a_sensitive_text_is_refused_with_403_and_never_sent(
    asking: OpenAI, cloud: Vendor, model: str, stream: bool, text: str
) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(asking, model, text, stream=stream, user="alice")
    assert (caught.value.code, caught.value.type, caught.value.param) == (
        "sensitive_content", "permission_error", "messages")
    assert "router.local" in str(caught.value)
    assert "hunter2" not in json.dumps([each.body for each in cloud.seen])


def test_a_sensitive_job_fails_for_good(routed: System, cloud: Vendor) -> None:
    body = {"model": "openai/echo", "messages": [{"role": "user", "content": SECRETS[0]}]}
    later = {"Prefer": "respond-async"}
    queued = requests.post(f"{routed.url}/v1/chat/completions", json=body, headers=later, timeout=5)
    url = f"{routed.url}/v1/jobs/{queued.json()['id']}"
    row = closed(url, "failed")
    assert (row["error"]["code"], row["attempts"]) == ("sensitive_content", 1)
    assert "hunter2" not in json.dumps([each.body for each in cloud.seen])


@pytest.mark.parametrize("stream", [False, True])
def test_auto_answers_and_says_who_did(routed: System, asking: OpenAI, stream: bool) -> None:
    headers, said = ask(asking, "auto", "hello / 你好", stream=stream)
    assert (said, headers["X-MemoryOS-Tier"], headers["X-MemoryOS-Model"]) == ("hello / 你好", "2", "openai/echo")
    row = job(routed, headers)
    assert row["route"] == {"tier": 2, "model": "openai/echo", "reason": "default", "tried": []}
    assert "route" not in row["result"]
    assert {"auto", "openai/echo", "offline"} <= {model.id for model in asking.models.list()}


def test_a_named_model_says_its_tier(asking: OpenAI) -> None:
    for model, expected in (("openai/echo", ("2", "openai/echo")), ("offline", ("1", "offline"))):
        headers, _ = ask(asking, model, "hello")
        assert (headers["X-MemoryOS-Tier"], headers["X-MemoryOS-Model"]) == expected


@pytest.mark.parametrize("stream", [False, True])
def test_the_chain_answers_for_a_model_that_fails_before_its_first_token(
    routed: System, asking: OpenAI, stream: bool
) -> None:
    headers, said = ask(asking, "openai/status-503", "hello", stream=stream)
    assert (said, headers["X-MemoryOS-Model"]) == ("hello", "openai/gpt-echo")
    tried = job(routed, headers)["route"]["tried"]
    assert [each["model"] for each in tried] == ["openai/status-503", "openai/status-500"]


def test_the_chain_answers_in_time_for_a_model_that_is_silent(routed: System, asking: OpenAI) -> None:
    headers, said = ask(asking, "openai/slow-first-token", "hello")
    assert (said, headers["X-MemoryOS-Model"]) == ("hello", "openai/gpt-echo")
    [tried] = job(routed, headers)["route"]["tried"]
    assert tried == {"model": "openai/slow-first-token", "code": "upstream_timeout"}


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_leads_to_its_job_which_says_who_was_asked(routed: System, asking: OpenAI, stream: bool) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ask(asking, "openai/status-500", "hello", stream=stream)
    headers = caught.value.response.headers
    assert (headers["X-MemoryOS-Tier"], headers["X-MemoryOS-Model"]) == ("2", "openai/status-500")
    row = closed(f"{routed.url}/v1/jobs/{headers['X-MemoryOS-Job']}", "failed")
    assert row["route"] == {"tier": 2, "model": "openai/status-500", "reason": "named",
                            "tried": [{"model": "openai/status-500", "code": "upstream_error"}]}


def test_a_refused_request_and_a_stream_that_has_begun_are_the_clients_to_hear_of(asking: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        ask(asking, "openai/status-400", "hello")
    with pytest.raises(openai.APIError):
        ask(asking, "openai/truncated", "hello", stream=True)


def test_a_model_takes_so_many_runs_at_a_time(routed: System, asking: OpenAI) -> None:
    # Given as many streams as may be, each of them under way
    def begun() -> Any:
        messages: Any = [{"role": "user", "content": "hello"}]
        stream = asking.chat.completions.create(model="openai/hang", messages=messages, stream=True)
        next(iter(stream))
        return stream

    streams = [begun(), begun()]
    # When there is one more, it is asked to come again
    with pytest.raises(openai.RateLimitError) as caught:
        ask(asking, "openai/hang", "hello", stream=True)
    assert (caught.value.code, caught.value.response.headers["Retry-After"]) == ("endpoint_busy", "2")
    # While another model has places of its own
    assert ask(asking, "openai/echo", "hello")[1] == "hello"
    # And once a client has gone, there is room again
    for stream in streams:
        stream.close()

    def room() -> Any:
        try:
            return begun()
        except openai.RateLimitError:
            return None

    until(room, seconds=15, what="a place is free").close()


def test_a_model_in_house_takes_what_is_sensitive_as_soon_as_there_is_one(
    routed: System, asking: OpenAI, cloud: Vendor
) -> None:
    # Given a model in house that is written into the file of the running system
    with OpenAIVendor() as home:
        path = Path(routed.environment["MEMORYOS_CONFIG"])
        local = f'local = "openai_compatible/echo@{home.url}"\n'
        path.write_text(CONFIG.format(cloud=cloud.url) + local, encoding="utf-8")

        # When sensitive texts come again
        def answered() -> Any:
            try:
                return ask(asking, "openai/echo", SECRETS[0])
            except openai.PermissionDeniedError:
                return None

        headers, said = until(answered, seconds=15, what="the file is taken over")
        # Then it answers, and the client is told
        assert (said, headers["X-MemoryOS-Tier"], headers["X-MemoryOS-Model"]) == (
            SECRETS[0], "1", "openai_compatible/echo")
        assert job(routed, headers)["route"]["reason"] == "sensitive"
        headers, said = ask(asking, "auto", SECRETS[1], stream=True)
        assert (said, headers["X-MemoryOS-Tier"]) == (SECRETS[1], "1")
        # And nothing else goes there that is not asked for
        assert ask(asking, "openai/echo", "hello")[0]["X-MemoryOS-Tier"] == "2"
        assert "hunter2" not in json.dumps([each.body for each in cloud.seen])
        assert "hunter2" in json.dumps([each.body for each in home.seen])
