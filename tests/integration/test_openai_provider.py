"""The OpenAI provider against an upstream that answers well, badly or not at all."""

from __future__ import annotations

import math
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from upstream import Upstream
from upstream_scripts import CONTEXT_ERROR

from memoryos_tasks.adapters.llm import transport
from memoryos_tasks.adapters.llm.openai import OpenAIProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.errors import (
    DeadlineExceeded,
    InvalidRequest,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.ports.llm import ModelCall

SECRET = "sk-test-secret"
SHORT = Timeouts(connect=2, first_token=0.2, idle=0.2)
Run = Callable[[OpenAIProvider, ModelCall], Any]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def provider(upstream: Upstream) -> OpenAIProvider:
    return OpenAIProvider(SECRET, upstream.url, Timeouts(connect=2, first_token=10, idle=10))


def call(model: str, text: str = "Hello there, 世界", deadline: float = math.inf, **body: Any) -> ModelCall:
    """A call for the upstream's script ``model``."""
    messages = [{"role": "user", "content": text}]
    return ModelCall("job1", model, {"model": model, "messages": messages, **body}, deadline=deadline)


def complete(provider: OpenAIProvider, wanted: ModelCall) -> Any:
    """Run ``wanted`` whole."""
    return provider.complete(wanted)


def stream(provider: OpenAIProvider, wanted: ModelCall) -> Any:
    """Run ``wanted`` as a stream, to its end."""
    return list(provider.stream(wanted))


def text_of(chunks: list[dict[str, Any]]) -> str:
    """What a stream said."""
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


def test_the_upstream_of_these_tests_satisfies_the_official_client(upstream: Upstream) -> None:
    # Given the vendor's own client
    with openai.OpenAI(api_key=SECRET, base_url=upstream.url, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": "Hello there"}]
        # Then it completes, streams with usage, lists models and sees errors as with the vendor
        whole = client.chat.completions.create(model="ok", messages=messages)
        assert whole.choices[0].message.content == "Hello there"
        options: Any = {"include_usage": True}
        chunks = list(
            client.chat.completions.create(model="ok", messages=messages, stream=True, stream_options=options)
        )
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello there"
        assert chunks[-1].usage is not None
        assert "ok" in [model.id for model in client.models.list()]
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="429", messages=messages)


def test_a_completion_comes_as_the_vendor_sent_it(upstream: Upstream, provider: OpenAIProvider) -> None:
    # When a call with fields that we do not know goes out, stream wishes included
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    wanted = call("vendor-fields", tools=tools, top_k=5, stream=True, stream_options={"include_usage": True})
    completion = provider.complete(wanted)
    # Then the vendor saw them all, with our key, and no stream
    seen = upstream.seen[0]
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    expected = {**wanted.body, "stream": False}
    del expected["stream_options"]
    assert seen.body == expected
    # And its own fields came back
    assert completion["citations"] == ["a"]
    assert completion["choices"][0]["message"] == {"role": "assistant", "content": "Hi", "reasoning_content": "well"}
    assert completion["usage"]["total_tokens"] == 5


def test_a_stream_comes_as_the_vendor_sent_it(upstream: Upstream, provider: OpenAIProvider) -> None:
    # When a stream with unknown fields is asked for
    chunks = stream(provider, call("vendor-fields", top_k=5, stream_options={"include_usage": True}))
    # Then they pass both ways
    assert (upstream.seen[0].body["top_k"], upstream.seen[0].body["stream"]) == (5, True)
    assert upstream.seen[0].body["stream_options"] == {"include_usage": True}
    assert chunks[0]["citations"] == ["a"]
    assert chunks[0]["choices"][0]["delta"] == {"reasoning_content": "well"}


def test_the_usage_chunk_passes(provider: OpenAIProvider) -> None:
    chunks = stream(provider, call("ok", stream_options={"include_usage": True}))
    assert text_of(chunks) == "Hello there, 世界"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 5)


@pytest.mark.parametrize(("run", "key"), [(complete, "message"), (stream, "delta")])
def test_tool_calls_pass(provider: OpenAIProvider, run: Run, key: str) -> None:
    answer = run(provider, call("tool-calls"))
    first = answer[0] if isinstance(answer, list) else answer
    assert first["choices"][0][key]["tool_calls"][0]["function"]["arguments"] == '{"city":"杭州"}'


def test_without_a_key_no_authorization_is_sent(upstream: Upstream) -> None:
    complete(OpenAIProvider("", upstream.url + "/", Timeouts()), call("ok"))
    assert "authorization" not in upstream.seen[0].headers


def test_the_environment_replaces_neither_key_nor_route(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # Given a .netrc with credentials for the vendor's host, and a proxy that this host is exempt from
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # When a call goes out
    complete(OpenAIProvider(SECRET, upstream.url, Timeouts()), call("ok"))
    # Then it went straight there with our key
    assert upstream.seen[0].headers["authorization"] == f"Bearer {SECRET}"


def test_a_proxy_of_the_environment_is_used(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a proxy for everything
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", upstream.url.removesuffix("/v1"))
    # When a vendor elsewhere is called
    with pytest.raises(UpstreamRefused):
        complete(OpenAIProvider("", "http://vendor.invalid/v1", Timeouts()), call("ok"))
    # Then the proxy was asked for it
    assert upstream.seen[0].path == "http://vendor.invalid/v1/chat/completions"


def test_each_chunk_is_handed_on_when_it_arrives(upstream: Upstream, provider: OpenAIProvider) -> None:
    # Given an upstream that sends a word and then waits for us
    chunks = provider.stream(call("gated"))
    # Then the word is here although nothing else has been sent
    first = next(chunks)
    assert not upstream.released.is_set()
    assert text_of([first]) == "Hello"
    # And the rest comes once it is sent
    upstream.release()
    assert text_of(list(chunks)) == " world"


@pytest.mark.parametrize("model", ["stall", "stall-close"])
def test_closing_a_stream_hangs_up_on_the_upstream(upstream: Upstream, provider: OpenAIProvider, model: str) -> None:
    # Given a stream that the upstream holds open
    chunks = provider.stream(call(model))
    next(chunks)
    assert not upstream.disconnected.is_set()
    # When we close it
    chunks.close()
    # Then the upstream sees us go
    assert upstream.disconnected.wait(5)


def test_a_failed_run_hangs_up_on_the_upstream(upstream: Upstream) -> None:
    # When a call runs into a limit
    with pytest.raises(UpstreamTimeout):
        stream(OpenAIProvider("", upstream.url, SHORT), call("stall"))
    # Then the upstream sees us go
    assert upstream.disconnected.wait(5)


@pytest.mark.parametrize("run", [complete, stream])
def test_connections_are_used_again(upstream: Upstream, provider: OpenAIProvider, run: Run) -> None:
    # When calls follow each other, refused ones too
    for model in ("ok", "ok", "429", "ok"):
        if model == "ok":
            run(provider, call(model))
        else:
            with pytest.raises(UpstreamRefused):
                run(provider, call(model))
    # Then they share one connection
    assert len({seen.connection for seen in upstream.seen}) == 1


@pytest.mark.parametrize("run", [complete, stream])
def test_a_connection_that_the_upstream_closed_is_not_used_again(
    upstream: Upstream, provider: OpenAIProvider, run: Run
) -> None:
    # Given a kept connection that the upstream closed after its answer
    run(provider, call("last"))
    assert upstream.ended.wait(5)
    # Then the next call takes another
    run(provider, call("ok"))
    assert len({seen.connection for seen in upstream.seen}) == 2


def test_a_stream_that_ends_with_its_connection_is_whole(provider: OpenAIProvider) -> None:
    assert text_of(stream(provider, call("close"))) == "Hello"


@pytest.mark.parametrize("run", [complete, stream])
@pytest.mark.parametrize(
    ("model", "error", "status", "code"),
    [
        ("400", UpstreamRefused, 400, "context_length_exceeded"),
        ("404", UpstreamRefused, 404, "model_not_found"),
        ("413", UpstreamRefused, 413, "upstream_refused"),
        ("422", UpstreamRefused, 422, "upstream_refused"),
        ("429", UpstreamRefused, 429, "rate_limit_exceeded"),
        ("401", UpstreamRefused, 401, "upstream_refused"),
        ("403", UpstreamRefused, 403, "upstream_refused"),
        ("500", UpstreamError, 500, "upstream_error"),
        ("503", UpstreamError, 503, "upstream_error"),
        ("504", UpstreamTimeout, 504, "upstream_timeout"),
    ],
)
def test_a_refusal_keeps_its_meaning(
    provider: OpenAIProvider, run: Run, model: str, error: type[UpstreamError], status: int, code: str
) -> None:
    # When the upstream answers with an error status
    with pytest.raises(UpstreamError) as caught:
        run(provider, call(model))
    # Then ours keeps the status, and tells the client's faults from the upstream's and the operator's
    found = caught.value
    assert type(found) is error
    assert (found.status, found.code, found.upstream_status) == (status, code, int(model))
    assert f"answered {model}" in found.message
    # And neither our key nor a novel is passed on
    assert SECRET not in found.message
    assert len(found.message) < 700
    # And of a refused credential it says whose it is, and which setting to look at
    assert ("not yours: its operator should check llm.openai_api_key" in found.message) is (status in (401, 403))


def test_a_refusal_says_what_and_when(provider: OpenAIProvider) -> None:
    # When the upstream explains itself
    with pytest.raises(UpstreamRefused) as long:
        complete(provider, call("400"))
    with pytest.raises(UpstreamRefused) as busy:
        complete(provider, call("429"))
    # Then its words, the field and the time to wait are passed on
    assert CONTEXT_ERROR["message"] in long.value.message
    assert (long.value.param, long.value.type) == ("messages", "invalid_request_error")
    assert (busy.value.retry_after, busy.value.type) == (7.0, "rate_limit_error")


@pytest.mark.parametrize(
    ("model", "run", "says"),
    [
        ("html", complete, "answered 200 with HTML"),
        ("html", stream, "answered 200 with HTML"),
        ("html-502", complete, "answered 502"),
        ("empty", complete, "answered 200 with an empty body"),
        ("empty", stream, "answered 200 with an empty body"),
        ("empty-stream", stream, "without any event"),
        ("text", complete, "answered 200 with what is not JSON"),
        ("text", stream, "without any event"),
        ("error-200", complete, "failed while answering: model is loading"),
        ("error-200", stream, "failed while answering: model is loading"),
        ("no-choices", complete, "without choices"),
        ("no-choices", stream, "did not stream"),
        ("redirect", complete, "answered 307"),
        ("redirect", stream, "answered 307"),
        ("drop", complete, "hung up without an answer"),
        ("drop", stream, "hung up without an answer"),
        ("truncated", complete, "broke off its answer"),
        ("truncated", stream, "broke off its answer"),
        ("no-done", stream, "no \\[DONE\\]"),
        ("no-finish", stream, "without a finish_reason"),
        ("error-mid-stream", stream, "the engine is overloaded"),
        ("garbage-mid-stream", stream, "not JSON"),
    ],
)
def test_an_answer_that_is_none_is_an_error(provider: OpenAIProvider, model: str, run: Run, says: str) -> None:
    # When the upstream answers with what is no completion
    with pytest.raises(UpstreamError, match=says) as caught:
        run(provider, call(model))
    # Then it names no exception
    assert not re.search(r"Error|Exception|IncompleteRead|InvalidChunk", caught.value.message)
    # And that is the upstream's fault, and we say what it did, with the status that it named in its body if any
    assert (type(caught.value), caught.value.status) == (UpstreamError, 503 if model == "error-mid-stream" else 502)


def test_what_came_before_an_error_is_handed_on_and_nothing_is_invented(provider: OpenAIProvider) -> None:
    # Given a stream that fails after one word
    chunks = provider.stream(call("error-mid-stream"))
    first = next(chunks)
    # Then the word came without a finish_reason, and the error has the status that the upstream gave
    assert first["choices"][0]["finish_reason"] is None
    with pytest.raises(UpstreamError) as caught:
        next(chunks)
    assert caught.value.upstream_status == 503


@pytest.mark.parametrize(
    ("model", "run", "says"),
    [
        ("hang", complete, "did not answer in time"),
        ("hang", stream, "no token within 0.2 s"),
        ("slow-first-token", stream, "no token within 0.2 s"),
        ("comments", stream, "no token within 0.2 s"),
        ("stall", stream, "fell silent for 0.2 s"),
        ("stall-close", stream, "fell silent for 0.2 s"),
        ("stall", complete, "did not answer in time"),
    ],
)
def test_every_silence_ends(upstream: Upstream, model: str, run: Run, says: str) -> None:
    # When the upstream is silent for longer than its limit
    with pytest.raises(UpstreamTimeout, match=says) as caught:
        run(OpenAIProvider("", upstream.url, SHORT), call(model))
    # Then the call ends with a timeout
    assert caught.value.status == 504


@pytest.mark.parametrize("model", ["stall", "stall-close"])
def test_the_idle_limit_is_its_own(upstream: Upstream, model: str) -> None:
    # Given a vendor that may think long before its first token, but not between two
    patient = OpenAIProvider("", upstream.url, Timeouts(connect=2, first_token=9, idle=0.2))
    began = time.monotonic()
    # When it falls silent in the middle
    with pytest.raises(UpstreamTimeout, match="fell silent"):
        stream(patient, call(model))
    # Then only the short limit was waited for
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("run", [complete, stream])
@pytest.mark.parametrize("model", ["hang", "stall", "stall-close", "trickle", "slow-first-token"])
def test_the_deadline_ends_every_call(provider: OpenAIProvider, run: Run, model: str) -> None:
    # When an upstream goes on past the call's deadline, talking or not
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout, match="deadline"):
        run(provider, call(model, deadline=began + 0.3))
    # Then the call ends there, long before the other limits
    assert 0.3 <= time.monotonic() - began < 3


def test_a_call_after_its_deadline_never_leaves(upstream: Upstream, provider: OpenAIProvider) -> None:
    with pytest.raises(DeadlineExceeded):
        complete(provider, call("ok", deadline=time.monotonic() - 1))
    assert upstream.seen == []


def test_an_upstream_that_is_not_there_is_named_without_details() -> None:
    # Given a port where nobody listens
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UpstreamError, match=r"cannot be reached: Connection refused") as caught:
        complete(OpenAIProvider(SECRET, f"http://127.0.0.1:{port}/v1", Timeouts()), call("ok"))
    # Then the error is no timeout, and carries no request in its traceback
    assert type(caught.value) is UpstreamError
    assert caught.value.__suppress_context__


def test_an_upstream_that_accepts_no_connection_times_out() -> None:
    # Given a listener whose backlog is full, so that the kernel answers no more
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        timeouts = Timeouts(connect=0.2, first_token=5, idle=5)
        with pytest.raises(UpstreamTimeout, match="accepted no connection"):
            complete(OpenAIProvider("", f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeouts), call("ok"))


@pytest.mark.parametrize("run", [complete, stream])
def test_an_answer_without_end_is_cut_off(provider: OpenAIProvider, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a bound that the answer passes
    monkeypatch.setattr(transport, "MAX_ANSWER", 1000)
    with pytest.raises(UpstreamError, match="more than 1000 bytes"):
        run(provider, call("ok", "word " * 1000))


def test_a_body_that_json_cannot_carry_is_the_callers_fault(upstream: Upstream, provider: OpenAIProvider) -> None:
    with pytest.raises(InvalidRequest, match="NaN"):
        complete(provider, call("ok", temperature=math.nan))
    assert upstream.seen == []


def test_models_are_what_the_vendor_lists() -> None:
    with Upstream() as upstream:
        # When the vendor is asked, then its names come as they are
        assert "echo" in OpenAIProvider("", upstream.url, Timeouts()).models()
    # And a vendor that is away is an upstream error
    with pytest.raises(UpstreamError):
        OpenAIProvider("", upstream.url, Timeouts()).models()
