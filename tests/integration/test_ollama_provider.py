"""Ollama's native protocol, against a server that speaks it."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from vendors.ollama import OllamaVendor

from memoryos_tasks.adapters.llm.ollama import OllamaProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import (
    Cancelled,
    ConfigError,
    InvalidRequest,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.ports.llm import ModelCall

SECRET = "ollama-secret-key"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}

Run = Callable[[OllamaProvider, ModelCall], dict[str, Any]]


@pytest.fixture
def vendor() -> Iterator[OllamaVendor]:
    with OllamaVendor() as running:
        yield running


@pytest.fixture
def provider(vendor: OllamaVendor) -> OllamaProvider:
    return OllamaProvider("", vendor.url, Timeouts(connect=2, first_token=10, idle=10), clock=lambda: 1_700_000_000.5)


def call(model: str, said: Any = "Hello there, 世界", *, deadline: float = math.inf, **body: Any) -> ModelCall:
    """A call for the scenario ``model``; ``said`` is the user's text, or all messages."""
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return ModelCall("job1", model, {"model": model, "messages": messages, **body}, deadline=deadline)


def complete(provider: OllamaProvider, wanted: ModelCall) -> dict[str, Any]:
    """The answer, asked for whole."""
    return provider.complete(wanted)


def stream(provider: OllamaProvider, wanted: ModelCall) -> dict[str, Any]:
    """The answer of a stream, put together."""
    return assemble(provider.stream(wanted))


both = pytest.mark.parametrize("run", [complete, stream])


@both
def test_an_answer_in_openai_words(vendor: OllamaVendor, provider: OllamaProvider, run: Run) -> None:
    answer = run(provider, call("echo", stream_options={"include_usage": True}))
    assert answer == {
        "id": "chatcmpl-job1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "echo",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there, 世界"},
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
    assert [seen.path for seen in vendor.seen] == ["/api/chat"]
    assert "authorization" not in vendor.seen[0].headers


def test_a_stream_tells_usage_only_when_asked(provider: OllamaProvider) -> None:
    plain = list(provider.stream(call("echo")))
    assert all(chunk["choices"] and "usage" not in chunk for chunk in plain)
    wanted = list(provider.stream(call("echo", stream_options={"include_usage": True})))
    assert [chunk["usage"] for chunk in wanted[:-1]] == [None] * (len(wanted) - 1)
    assert (wanted[-1]["choices"], wanted[-1]["usage"]["total_tokens"]) == ([], 18)


def test_each_line_is_handed_on_when_it_comes(vendor: OllamaVendor, provider: OllamaProvider) -> None:
    # Given a server that has said one word and waits
    chunks = provider.stream(call("gated"))
    # Then the word is here
    assert next(chunks)["choices"][0]["delta"] == {"role": "assistant", "content": "Hello"}
    # And the rest when it goes on
    vendor.release()
    assert assemble(chunks)["choices"][0]["message"]["content"] == " world"


def test_lines_may_be_cut_anywhere(provider: OllamaProvider) -> None:
    assert stream(provider, call("halves"))["choices"][0]["message"]["content"] == "Grüße, 世界"


@both
def test_the_request_in_ollamas_words(vendor: OllamaVendor, provider: OllamaProvider, run: Run) -> None:
    # When everything that both know is asked for, and some of Ollama's own
    run(provider, call(
        "echo", temperature=0.2, top_p=0.9, seed=7, stop=["END", "停"], max_completion_tokens=64, max_tokens=32,
        frequency_penalty=0.1, presence_penalty=0.3, top_k=5, options={"num_ctx": 8192, "seed": 1},
        keep_alive="10m", tools=[TOOL], tool_choice="auto", reasoning_effort="minimal", user="someone", store=True,
    ))
    # Then it stands where Ollama looks for it, and nothing else does
    body = vendor.seen[0].body
    assert body.pop("stream") is (run is stream)
    assert body == {
        "model": "echo",
        "messages": [{"role": "user", "content": "Hello there, 世界"}],
        "truncate": False,
        "keep_alive": "10m",
        "think": "low",
        "tools": [TOOL],
        "options": {
            "num_ctx": 8192, "temperature": 0.2, "top_p": 0.9, "seed": 7, "frequency_penalty": 0.1,
            "presence_penalty": 0.3, "top_k": 5, "num_predict": 64, "stop": ["END", "停"],
        },
    }


def test_what_a_client_says_in_ollamas_own_words_wins(vendor: OllamaVendor, provider: OllamaProvider) -> None:
    complete(provider, call("echo", think=False, reasoning_effort="high", truncate=True, stop="END"))
    body = vendor.seen[0].body
    assert (body["think"], body["truncate"], body["options"]) == (False, True, {"stop": ["END"]})


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("medium", "medium"), ("xhigh", "max")])
def test_reasoning_effort(vendor: OllamaVendor, provider: OllamaProvider, effort: str, think: object) -> None:
    complete(provider, call("echo", reasoning_effort=effort))
    assert vendor.seen[0].body["think"] == think


@both
def test_system_and_developer_messages(vendor: OllamaVendor, provider: OllamaProvider, run: Run) -> None:
    parts = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "简短。"}]
    answer = run(provider, call("system", [{"role": "developer", "content": parts}, {"role": "user", "content": "x"}]))
    assert answer["choices"][0]["message"]["content"] == "Be brief.\n简短。"


@both
def test_parallel_tool_calls_get_ids(provider: OllamaProvider, run: Run) -> None:
    # When the model calls a tool twice, without ids and with arguments as objects
    choice = run(provider, call("parallel-tools", tools=[TOOL]))["choices"][0]
    # Then each has an id of its own, arguments as text, and the turn ends for the tools
    calls = choice["message"]["tool_calls"]
    assert [made["function"] for made in calls] == [
        {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
        {"name": "get_weather", "arguments": '{"city": "杭州"}'},
    ]
    assert len({made["id"] for made in calls}) == 2
    assert all(made["id"].startswith("call_") and made["type"] == "function" for made in calls)
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)


@both
def test_a_servers_own_ids_are_kept(provider: OllamaProvider, run: Run) -> None:
    message = run(provider, call("numbered-tools", tools=[TOOL]))["choices"][0]["message"]
    assert [made["id"] for made in message["tool_calls"]] == ["call_a1", "call_b2"]
    assert message["content"] == "Calling."


@both
def test_tool_results_find_their_tool(vendor: OllamaVendor, provider: OllamaProvider, run: Run) -> None:
    # Given a conversation in which tools were called, and their results
    def made(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

    said = [
        {"role": "user", "content": "Weather and time?"},
        {"role": "assistant", "content": None, "reasoning_content": "Two tools.",
         "tool_calls": [made("c1", "get_weather", '{"city": "Oslo"}'), made("c2", "now", "")]},
        {"role": "tool", "tool_call_id": "c2", "content": "noon"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "晴"}]},
    ]
    # When it goes on
    answer = run(provider, call("tool-result", said, tools=[TOOL]))
    # Then each result carries its tool's name, the arguments are objects and the thoughts went along
    assert answer["choices"][0]["message"]["content"] == "noon, 晴"
    sent = vendor.seen[0].body["messages"]
    assert [message.get("tool_name") for message in sent] == [None, None, "now", "get_weather"]
    assert [made["function"]["arguments"] for made in sent[1]["tool_calls"]] == [{"city": "Oslo"}, {}]
    assert sent[1]["thinking"] == "Two tools."


@both
def test_pictures_stand_beside_the_text(vendor: OllamaVendor, provider: OllamaProvider, run: Run) -> None:
    parts = [{"type": "text", "text": "What is this?"},
             {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    answer = run(provider, call("image", [{"role": "user", "content": parts}]))
    assert answer["choices"][0]["message"]["content"] == "image/png 68"
    assert vendor.seen[0].body["messages"] == [{"role": "user", "content": "What is this?", "images": [PNG]}]


@both
@pytest.mark.parametrize(
    "form", [{"type": "json_object"},
             {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}]
)
def test_json(provider: OllamaProvider, run: Run, form: dict[str, Any]) -> None:
    assert run(provider, call("json", response_format=form))["choices"][0]["message"]["content"] == '{"answer": 42}'


@both
def test_thoughts_come_apart_from_the_answer(provider: OllamaProvider, run: Run) -> None:
    message = run(provider, call("reasoning"))["choices"][0]["message"]
    assert message == {"role": "assistant", "reasoning_content": "Let me think.", "content": "Done."}


@both
def test_an_answer_that_was_cut(provider: OllamaProvider, run: Run) -> None:
    choice = run(provider, call("length"))["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Cut", "length")


@both
def test_an_answer_of_no_words(provider: OllamaProvider, run: Run) -> None:
    choice = run(provider, call("silent"))["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")


@both
@pytest.mark.parametrize(("model", "counts"), [("cached", (0, 7, 7)), ("uncounted", None)])
def test_what_was_not_counted_is_not_made_up(
    provider: OllamaProvider, run: Run, model: str, counts: tuple[int, ...] | None
) -> None:
    usage = run(provider, call(model, stream_options={"include_usage": True})).get("usage")
    found = usage and (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
    assert found == counts


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"reasoning_effort": "much"}, "reasoning_effort"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
    ],
)
def test_what_ollama_can_not_do_is_refused(
    vendor: OllamaVendor, provider: OllamaProvider, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        complete(provider, call("echo", **body))
    assert (caught.value.param, vendor.seen) == (param, [])


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {
            "url": "https://example.com/cat.png"}}]}, "messages.0.content.1.image_url"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, "messages.0.content.0"),
        ({"role": "function", "name": "f", "content": "x"}, "messages.0.role"),
        ({"role": "tool", "tool_call_id": "c9", "content": "x"}, "messages.0.tool_call_id"),
        ({"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "[1]"}}]},
         "messages.0.tool_calls.0.function.arguments"),
    ],
)
def test_messages_that_can_not_be_told_are_refused(
    vendor: OllamaVendor, provider: OllamaProvider, message: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        complete(provider, call("echo", [message]))
    assert (caught.value.param, vendor.seen) == (param, [])


def test_tools_that_may_not_be_used_are_not_sent(vendor: OllamaVendor, provider: OllamaProvider) -> None:
    complete(provider, call("echo", tools=[TOOL], tool_choice="none"))
    assert "tools" not in vendor.seen[0].body


@both
@pytest.mark.parametrize(
    ("status", "error", "said"),
    [(400, UpstreamRefused, 400), (404, UpstreamRefused, 404), (429, UpstreamRefused, 429), (500, UpstreamError, 500)],
)
def test_a_refusal_keeps_its_meaning(
    provider: OllamaProvider, run: Run, status: int, error: type[UpstreamError], said: int
) -> None:
    with pytest.raises(UpstreamError, match=f"answered {status}: refused with {status}") as caught:
        run(provider, call(f"status-{status}"))
    assert (type(caught.value), caught.value.status, caught.value.upstream_status) == (error, said, status)
    assert caught.value.retry_after == (7.0 if status == 429 else None)


@both
@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("truncated", "broke off its answer"),
        ("no-done", "no line said that it was done"),
        ("error-200", "failed while answering: model runner has unexpectedly stopped"),
        ("garbage", "what is not JSON"),
        ("load", "only meant to load the model"),
        ("html", "answered 200 with HTML"),
    ],
)
def test_an_answer_that_is_none_is_an_error(provider: OllamaProvider, run: Run, model: str, says: str) -> None:
    with pytest.raises(UpstreamError, match=says) as caught:
        run(provider, call(model))
    assert (type(caught.value), caught.value.status) == (UpstreamError, 502)


def test_an_error_after_some_words_is_an_error(provider: OllamaProvider) -> None:
    chunks = provider.stream(call("error-mid-stream"))
    assert next(chunks)["choices"][0]["finish_reason"] is None
    with pytest.raises(UpstreamError, match="failed while answering: an error was encountered"):
        next(chunks)


@both
@pytest.mark.parametrize("model", ["slow-first-token", "hang"])
def test_a_silent_server_is_left(vendor: OllamaVendor, run: Run, model: str) -> None:
    # Given a server that loads its model for ever, or stops in the middle
    hasty = OllamaProvider("", vendor.url, Timeouts(connect=2, first_token=0.3, idle=0.3))
    deadline = time.monotonic() + 0.5 if run is complete else math.inf
    # Then the call ends, and the server sees us go
    with pytest.raises(UpstreamTimeout):
        run(hasty, call(model, deadline=deadline))
    assert vendor.disconnected.wait(5)


@both
@pytest.mark.parametrize("model", ["slow-first-token", "hang"])
def test_a_cancelled_call_leaves_the_server(
    vendor: OllamaVendor, provider: OllamaProvider, run: Run, model: str
) -> None:
    gone = threading.Event()
    threading.Timer(0.3, gone.set).start()
    body = {"model": model, "messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(Cancelled):
        run(provider, ModelCall("job1", model, body, cancelled=gone.is_set))
    assert vendor.disconnected.wait(2)


def test_a_key_goes_along_and_never_shows(vendor: OllamaVendor) -> None:
    provider = OllamaProvider(f" {SECRET}\n", vendor.url + "/", Timeouts())
    complete(provider, call("echo"))
    assert vendor.seen[0].headers["authorization"] == f"Bearer {SECRET}"
    with pytest.raises(ConfigError, match="ollama_api_key"):
        OllamaProvider("schlüssel", vendor.url, Timeouts())


def test_connections_are_used_again(vendor: OllamaVendor, provider: OllamaProvider) -> None:
    for run in (complete, stream, complete, stream):
        run(provider, call("echo"))
    assert len({seen.connection for seen in vendor.seen}) == 1


def test_the_models_that_a_server_has(provider: OllamaProvider) -> None:
    assert provider.models() == ["echo:latest", "llama3.2:latest"]
