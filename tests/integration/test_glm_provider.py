"""The glm provider and its lists against a stand-in server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from vendors.glm import Glm

from memoryos_tasks.adapters.llm.glm import GlmProvider
from memoryos_tasks.adapters.llm.registry import provider_at
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.plane.batching import BatchingProvider
from memoryos_tasks.adapters.plane.providers import EndpointProviders
from memoryos_tasks.core.completion import assemble, said
from memoryos_tasks.core.errors import (
    Cancelled,
    ConfigError,
    InvalidRequest,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.ports.llm import ModelCall

LIMITS = Timeouts(1.0, 2.0, 2.0)


@pytest.fixture
def glm() -> Iterator[Glm]:
    with Glm() as vendor:
        yield vendor


def call(text: str = "hello 你好", *, seconds: float = 5.0, **body: Any) -> ModelCall:
    messages = body.pop("messages", [{"role": "user", "content": text}])
    return ModelCall("1", "m", {"model": "m", "messages": messages, **body}, deadline=time.monotonic() + seconds)


def single(vendor: Glm) -> GlmProvider:
    return GlmProvider("token-1", vendor.url, LIMITS)


def gathering(vendor: Glm, wait: float = 0.2) -> BatchingProvider:
    return BatchingProvider(single(vendor), most=4, wait=wait)


def together(provider: BatchingProvider, calls: list[ModelCall]) -> list[str]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [said(one) for one in threads.map(provider.complete, calls)]


def test_a_prompt_goes_out_with_its_token_and_comes_back(glm: Glm) -> None:
    made = single(glm).complete(call(temperature=0.5, max_tokens=7, user="alice", stream=False))
    assert said(made) == "HELLO 你好"
    assert made["choices"][0]["finish_reason"] == "stop"
    assert "usage" not in made
    [seen] = glm.seen
    assert (seen.path, seen.headers["authorization"]) == ("/generate", "Bearer token-1")
    assert seen.body == {"prompt": "hello 你好", "temperature": 0.5, "max_tokens": 7}


@pytest.mark.parametrize("mode", ["text", "response", "output", "openai", "rows"])
def test_answers_of_every_shape_are_understood(glm: Glm, mode: str) -> None:
    glm.mode = mode
    provider = single(glm)
    assert said(provider.complete(call())) == "HELLO 你好"
    assert said(assemble(provider.stream(call()))) == "HELLO 你好"
    answers, _ = provider.ask(["a", "b", "c"], {}, call())
    assert answers == ["A", "B", "C"]


def test_an_endpoint_may_have_a_query(glm: Glm) -> None:
    provider = GlmProvider("", f"{glm.url}?model=chatglm3", LIMITS)
    with pytest.raises(UpstreamRefused, match=r"no such path: /generate\?model=chatglm3"):
        provider.complete(call())


def test_usage_is_passed_on_where_it_is_told(glm: Glm) -> None:
    glm.mode = "output"
    assert single(glm).complete(call())["usage"]["total_tokens"] == 5


def test_a_conversation_is_one_prompt(glm: Glm) -> None:
    told = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "再见"}]
    single(glm).complete(call(messages=told))
    assert glm.seen[0].body["prompt"] == "System: Be brief.\nUser: Hi\nAssistant: Hello.\nUser: 再见\nAssistant:"
    picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]
    with pytest.raises(InvalidRequest, match="text only"):
        single(glm).complete(call(messages=picture))


@pytest.mark.parametrize(
    ("mode", "error", "status"),
    [("failing", UpstreamError, 500), ("status-401", UpstreamRefused, 401), ("status-429", UpstreamRefused, 429),
     ("status-422", UpstreamRefused, 422), ("error_inside", UpstreamError, 503), ("empty", UpstreamError, 200),
     ("not_json", UpstreamError, 200)],
)
def test_what_is_no_answer_is_an_error(glm: Glm, mode: str, error: type[UpstreamError], status: int) -> None:
    glm.mode = mode
    with pytest.raises(UpstreamError) as caught:
        single(glm).complete(call())
    assert type(caught.value) is error
    assert caught.value.upstream_status == status
    assert "token-1" not in caught.value.message


def test_every_wait_ends(glm: Glm) -> None:
    glm.mode = "silent"
    with pytest.raises(UpstreamTimeout):
        single(glm).complete(call(seconds=0.3))
    with pytest.raises(UpstreamError, match="cannot be reached"):
        GlmProvider("", "http://127.0.0.1:1/generate", LIMITS).complete(call())


def test_a_token_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(ConfigError, match="token of a glm endpoint") as caught:
        provider_at("glm", "http://127.0.0.1:9/generate", api_key="密钥")
    assert "密钥" not in caught.value.message


def test_calls_that_come_together_go_out_together(glm: Glm) -> None:
    provider = gathering(glm)
    assert together(provider, [call(text) for text in "abcd"]) == ["A", "B", "C", "D"]
    assert [len(seen.body["prompt"]) for seen in glm.seen] == [4]
    # One alone goes out as a text
    assert said(provider.complete(call("alone"))) == "ALONE"
    assert glm.seen[-1].body["prompt"] == "alone"
    # And those that ask for something else, apart
    assert sorted(together(provider, [call("x", temperature=0.1), call("y", temperature=0.9)])) == ["X", "Y"]
    assert {seen.body["prompt"] for seen in glm.seen[-2:]} == {"x", "y"}


@pytest.mark.parametrize("mode", ["no_lists", "breaks_on_lists", "joined"])
def test_an_endpoint_that_takes_no_lists_is_asked_one_by_one(glm: Glm, mode: str) -> None:
    glm.mode = mode
    provider = gathering(glm)
    assert together(provider, [call(text) for text in "abc"]) == ["A", "B", "C"]
    # And is sent no list again
    before = len(glm.seen)
    assert together(provider, [call(text) for text in "def"]) == ["D", "E", "F"]
    assert [seen.body["prompt"] for seen in glm.seen[before:] if not isinstance(seen.body["prompt"], str)] == []


def test_a_failure_of_a_list_is_that_of_each(glm: Glm) -> None:
    provider = gathering(glm)
    assert together(provider, [call(text) for text in "ab"]) == ["A", "B"]
    glm.mode = "failing"
    with ThreadPoolExecutor(2) as threads:
        errors = [one.exception() for one in [threads.submit(provider.complete, call(text)) for text in "ab"]]
    assert [getattr(error, "upstream_status", None) for error in errors] == [500, 500]
    assert len(glm.seen) == 2


def test_one_that_is_cancelled_leaves_and_the_others_get_their_answers(glm: Glm) -> None:
    # Given two that wait for a slow answer
    glm.mode = "slow"
    provider = gathering(glm)
    gone = threading.Event()
    left = ModelCall("2", "m", call("b").body, deadline=time.monotonic() + 5.0, cancelled=gone.is_set)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(provider.complete, call("a"))
        while not provider._open:
            time.sleep(0.001)
        second = threads.submit(provider.complete, left)
        # When one is cancelled
        gone.set()
        assert isinstance(second.exception(timeout=5), Cancelled)
        glm.release()
        # Then the other has its answer
        assert said(first.result(timeout=5)) == "A"


def test_an_endpoint_has_one_provider_until_it_changes(glm: Glm) -> None:
    providers = EndpointProviders(lambda: 0.005)
    endpoint = Endpoint("1", "m", url=glm.url, token="t")
    assert providers(endpoint) is providers(endpoint)
    assert isinstance(providers(endpoint), BatchingProvider)
    assert isinstance(providers(Endpoint("1", "m", url=glm.url, token="t", batch_size=1)), GlmProvider)
    assert said(providers(Endpoint("1", "m", url=glm.url, token="other")).complete(call())) == "HELLO 你好"
    assert glm.seen[-1].headers["authorization"] == "Bearer other"
