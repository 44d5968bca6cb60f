"""Claude's provider against a stand-in that keeps the vendor's rules, answers in its events, or breaks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from vendors.claude import HIDDEN, THOUGHT, ClaudeVendor

from memoryos_tasks.adapters.llm.claude import BINDING_BETA, ClaudeProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import (
    ConfigError,
    DeadlineExceeded,
    InvalidRequest,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.llm import ModelCall

SECRET = "sk-ant-test-secret"
ALICE = Owner("acme", "alice")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather", "description": "The weather.", "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}},
    },
}  # fmt: skip
Run = Callable[[ClaudeProvider, ModelCall], dict[str, Any]]


class Kept:
    """Keepsakes in memory."""

    def __init__(self) -> None:
        self.parts: dict[tuple[Owner, str], Mapping[str, Any]] = {}

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        self.parts.update({(owner, id): json.loads(json.dumps(part)) for id, part in parts.items()})

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {id: self.parts[owner, id] for id in ids if (owner, id) in self.parts}


@pytest.fixture
def vendor() -> Iterator[ClaudeVendor]:
    with ClaudeVendor() as running:
        yield running


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def provider(vendor: ClaudeVendor, kept: Kept) -> ClaudeProvider:
    return ClaudeProvider(SECRET, vendor.url, Timeouts(2, 10, 10), keepsakes=kept, clock=lambda: 1_700_000_000.0)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def call(model: str, *messages: Any, deadline: float = math.inf, **body: Any) -> ModelCall:
    body = {"model": model, "messages": list(messages) or [user("Hello there, 世界")], **body}
    return ModelCall("job1", model, body, deadline=deadline, owner=ALICE)


def complete(provider: ClaudeProvider, wanted: ModelCall) -> dict[str, Any]:
    return provider.complete(wanted)


def stream(provider: ClaudeProvider, wanted: ModelCall) -> dict[str, Any]:
    return assemble(provider.stream(wanted))


both = pytest.mark.parametrize("run", [complete, stream])


def message(answer: Mapping[str, Any]) -> Any:
    return answer["choices"][0]["message"]


def finish(answer: Mapping[str, Any]) -> Any:
    return answer["choices"][0]["finish_reason"]


@both
def test_a_call_goes_out_in_the_vendors_words(vendor: ClaudeVendor, provider: ClaudeProvider, run: Run) -> None:
    # When a call with all that OpenAI's clients say goes out
    answer = run(provider, call(
        "echo", {"role": "system", "content": "Be kind."}, {"role": "developer", "content": "说中文"}, user("你好"),
        temperature=1.7, top_p=0.9, stop="END", seed=5, presence_penalty=0.1, user="u1", max_completion_tokens=50,
    ))
    # Then the vendor got it in its own words, with its headers, and no more than it knows
    [seen] = vendor.seen
    assert (seen.path, seen.headers["x-api-key"]) == ("/v1/messages", SECRET)
    assert seen.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in seen.headers
    assert seen.body == {
        "model": "echo", "stream": run is stream, "max_tokens": 50, "top_p": 0.9, "stop_sequences": ["END"],
        "system": "Be kind.\n\n说中文", "messages": [{"role": "user", "content": [{"type": "text", "text": "你好"}]}],
    }  # fmt: skip
    # And the answer is OpenAI's
    assert (message(answer)["content"], finish(answer)) == ("你好", "stop")
    assert (answer["id"], answer["model"], answer["created"]) == ("chatcmpl-job1", "echo-20260101", 1_700_000_000)


@pytest.mark.parametrize(("model", "body", "limit"), [
    ("claude-sonnet-4-20250514", {}, 16_384),
    ("claude-opus-5-5", {}, 32_000),
    ("claude-3-haiku-20240307", {}, 4_096),
    ("claude-3-5-haiku-latest", {}, 8_192),
    ("claude-haiku-4-5", {"max_tokens": 9}, 9),
    ("claude-haiku-4-5", {"max_tokens": 9, "max_completion_tokens": 10}, 10),
])  # fmt: skip
def test_the_limit_that_the_vendor_demands_is_always_there(
    vendor: ClaudeVendor, provider: ClaudeProvider, model: str, body: dict[str, Any], limit: int
) -> None:
    provider.complete(call(model, **body))
    assert vendor.seen[0].body["max_tokens"] == limit


@both
def test_parallel_tool_calls_come_apart(vendor: ClaudeVendor, provider: ClaudeProvider, run: Run) -> None:
    # When tools are offered
    answer = run(provider, call("parallel-tools", tools=[WEATHER], tool_choice="required", parallel_tool_calls=False))
    # Then they and the choice went out in the vendor's words
    body = vendor.seen[0].body
    assert body["tools"][0]["input_schema"]["properties"]["city"] == {"type": "string", "minLength": 1}
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    # And both calls came back, the words before them too
    assert [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"]))
            for c in message(answer)["tool_calls"]] == [
        ("toolu_0", "get_weather", {"city": "Oslo"}), ("toolu_1", "get_weather", {"city": "杭州"}),
    ]  # fmt: skip
    assert (message(answer)["content"], finish(answer)) == ("Calling.", "tool_calls")


def test_strict_tools_are_enforced_where_the_model_can(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    provider.complete(call("claude-opus-4-8", tools=[WEATHER]))
    [tool] = vendor.seen[0].body["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"] == {
        "type": "object", "additionalProperties": False,
        "properties": {"city": {"type": "string", "description": "{minLength: 1}"}},
    }  # fmt: skip


@both
def test_a_call_without_arguments_has_an_empty_object(provider: ClaudeProvider, run: Run) -> None:
    [made] = message(run(provider, call("empty-tool", tools=[WEATHER])))["tool_calls"]
    assert made["function"] == {"name": "now", "arguments": "{}"}


def results(*calls: Mapping[str, Any], content: Any = "15 °C") -> list[dict[str, Any]]:
    return [{"role": "tool", "tool_call_id": each["id"], "content": content} for each in calls]


def function(id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


@both
def test_results_of_one_turn_go_in_one_message_before_its_words(
    vendor: ClaudeVendor, provider: ClaudeProvider, run: Run
) -> None:
    # Given two calls by another vendor's model, whose ids Claude would refuse, and words of the user among the results
    calls = [function("functions.a:0"), function("toolu_1")]
    first, second = results(*calls)
    said = {"role": "assistant", "content": "", "tool_calls": calls}
    # When the results go back, without tools being described again
    answer = run(provider, call("tool-result", user("Weather?"), said, first, user("And?"), second))
    # Then they stand together, first, under ids that the vendor takes
    turns = vendor.seen[0].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block.get("tool_use_id") or block["text"] for block in turns[2]["content"]] == [
        "functions_a_0", "toolu_1", "And?"]  # fmt: skip
    assert turns[1]["content"][0]["id"] == "functions_a_0"
    # And the tools are described, not to be called
    [tool] = vendor.seen[0].body["tools"]
    assert tool == {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}
    assert vendor.seen[0].body["tool_choice"] == {"type": "none"}
    assert message(answer)["content"] == "15 °C, 15 °C"


@both
def test_thoughts_go_back_with_the_results(vendor: ClaudeVendor, provider: ClaudeProvider, run: Run) -> None:
    # Given an answer that thought before each of its calls
    asked = user("Weather?")
    answer = run(provider, call("claude-opus-4-8", asked, tools=[WEATHER], reasoning_effort="low"))
    assert message(answer)["reasoning_content"] == "Let me think."
    said = message(answer)
    # When an OpenAI client, which drops what it does not know, sends the results
    said = {"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]}
    tools = results(*said["tool_calls"])
    run(provider, call("claude-opus-4-8", asked, said, *tools, tools=[WEATHER], reasoning_effort="low"))
    # Then the vendor got its thoughts back as they were, where they were
    body = vendor.seen[1].body
    assert [block["type"] for block in body["messages"][1]["content"]] == [
        "thinking", "text", "tool_use", "redacted_thinking", "tool_use"]  # fmt: skip
    assert (body["messages"][1]["content"][0], body["messages"][1]["content"][3]) == (THOUGHT, HIDDEN)
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "low"}
    assert "anthropic-beta" not in vendor.seen[1].headers


def test_what_the_client_says_counts_before_what_was_kept(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    # Given thoughts that were kept, and a client that changed the words of that answer
    first = message(provider.complete(call("thinking-tools", tools=[WEATHER])))
    said = {"role": "assistant", "content": "Other words.", "tool_calls": first["tool_calls"]}
    messages = [user("Weather?"), said, *results(*first["tool_calls"])]
    # When it goes on
    provider.complete(call("thinking-tools", *messages, tools=[WEATHER]))
    # Then the vendor got the client's words, with the thoughts
    turn = vendor.seen[1].body["messages"][1]["content"]
    assert [block.get("text", block["type"]) for block in turn] == [
        "thinking", "Other words.", "tool_use", "redacted_thinking", "tool_use"]  # fmt: skip
    # And another model, another user or a call of nobody does not get them
    others = [
        call("tool-result", *messages),
        ModelCall("j", "thinking-tools", {"messages": messages, "tools": [WEATHER]}, owner=Owner("acme", "bob")),
        ModelCall("j", "thinking-tools", {"messages": messages, "tools": [WEATHER]}),
    ]
    for other in others:
        provider.complete(other)
        turn = vendor.seen[-1].body["messages"][1]["content"]
        assert [block["type"] for block in turn] == ["text", "tool_use", "tool_use"]


def test_a_thought_whose_prompt_may_have_changed_is_dropped_and_not_refused(
    vendor: ClaudeVendor, provider: ClaudeProvider
) -> None:
    # Given a model that ties its thoughts to what stood before them, and memories that stand there
    first = message(provider.complete(call("claude-opus-5-5", tools=[WEATHER])))
    said = {"role": "assistant", "content": first["content"], "tool_calls": first["tool_calls"]}
    # When its thoughts go back
    provider.complete(call("claude-opus-5-5", user("Weather?"), said, *results(*first["tool_calls"]), tools=[WEATHER]))
    # Then the vendor is told to go on without those that no longer hold
    again = vendor.seen[1]
    assert again.body["thinking"] == {
        "type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}  # fmt: skip
    assert again.headers["anthropic-beta"] == BINDING_BETA


def test_a_model_with_a_budget_does_not_begin_to_think_amid_its_tools(
    vendor: ClaudeVendor, provider: ClaudeProvider
) -> None:
    # Given a call whose thoughts are not known here
    said = {"role": "assistant", "content": None, "tool_calls": [function("toolu_x")]}
    messages = [user("Weather?"), said, *results(*said["tool_calls"])]
    # When thinking is asked for there, and again once the user has said something new
    provider.complete(call("claude-haiku-4-5", *messages, tools=[WEATHER], reasoning_effort="high"))
    after = [*messages, {"role": "assistant", "content": "15 °C"}, user("Thanks. 3 × 4?")]
    provider.complete(call("claude-haiku-4-5", *after, tools=[WEATHER], reasoning_effort="high"))
    # Then only the second is thought about: the vendor would refuse the first
    assert "thinking" not in vendor.seen[0].body
    assert vendor.seen[1].body["thinking"] == {"type": "enabled", "budget_tokens": 16_384}


@pytest.mark.parametrize(("model", "body", "thinking"), [
    ("claude-sonnet-4-5", {"reasoning_effort": "medium"}, {"type": "enabled", "budget_tokens": 8_192}),
    ("claude-opus-4-1", {"reasoning_effort": "high", "max_tokens": 3_000}, {"type": "enabled", "budget_tokens": 1_976}),
    ("claude-sonnet-4-5", {"reasoning_effort": "high", "max_tokens": 1_500}, None),
    ("claude-sonnet-4-5", {"reasoning_effort": "none"}, None),
    ("claude-sonnet-4-6", {"reasoning_effort": "high"}, {"type": "adaptive", "display": "summarized"}),
    ("claude-mythos-preview", {"reasoning_effort": "minimal"}, {"type": "adaptive", "display": "summarized"}),
    ("claude-opus-4-8", {"reasoning_effort": "none"}, {"type": "disabled"}),
    ("claude-opus-4-8", {}, None),
    ("claude-opus-4-8", {"thinking": {"type": "adaptive"}}, {"type": "adaptive"}),
])  # fmt: skip
def test_efforts(
    vendor: ClaudeVendor, provider: ClaudeProvider, model: str, body: dict[str, Any], thinking: Any
) -> None:
    provider.complete(call(model, **body))
    assert vendor.seen[0].body.get("thinking") == thinking


@both
def test_thoughts_come_apart_from_what_is_said(provider: ClaudeProvider, run: Run) -> None:
    said = message(run(provider, call("reasoning", reasoning_effort="low")))
    assert (said["reasoning_content"], said["content"]) == ("Let me think.", "Done.")


@both
def test_usage_adds_up(provider: ClaudeProvider, run: Run) -> None:
    # When usage is asked for, it counts the cached tokens that the vendor's input_tokens leave out
    used = run(provider, call("echo", stream_options={"include_usage": True}))["usage"]
    assert used == {
        "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3},
    }  # fmt: skip


def test_usage_is_the_last_chunk_and_only_when_asked_for(provider: ClaudeProvider) -> None:
    chunks = list(provider.stream(call("echo", stream_options={"include_usage": True})))
    assert [chunk["choices"] for chunk in chunks if chunk["usage"]] == [chunks[-1]["choices"]] == [[]]
    assert all("usage" not in chunk and chunk["choices"] for chunk in provider.stream(call("echo")))


@both
@pytest.mark.parametrize(("model", "reason"), [
    ("length", "length"), ("window", "length"), ("stop-sequence", "stop"), ("content-cut", "content_filter"),
    ("new-stop", "enlightened"),
])  # fmt: skip
def test_stop_reasons(provider: ClaudeProvider, run: Run, model: str, reason: str) -> None:
    answer = run(provider, call(model))
    assert message(answer)["content"]
    assert finish(answer) == reason


@both
@pytest.mark.parametrize("model", ["content-block", "content-policy"])
def test_a_refused_prompt_is_a_refusal(provider: ClaudeProvider, run: Run, model: str) -> None:
    with pytest.raises(UpstreamRefused) as caught:
        run(provider, call(model))
    assert (caught.value.status, caught.value.code) == (400, "content_filter")


def test_what_is_not_known_is_passed_over(provider: ClaudeProvider) -> None:
    answer = stream(provider, call("strange"))
    assert (message(answer), finish(answer)) == ({"role": "assistant", "content": "Hello 世界"}, "stop")


@both
def test_images_and_documents(vendor: ClaudeVendor, provider: ClaudeProvider, run: Run) -> None:
    # When images come as data and as a URL, and a document, marked for the cache
    data, url = "data:image/JPG;charset=utf-8;base64,aGFsbG8=", "https://example.com/a.png"
    pdf = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}
    mark = {"cache_control": {"type": "ephemeral"}}
    parts = [{"type": "image_url", "image_url": {"url": data}, **mark}, {"type": "file", "file": pdf},
             {"type": "text", "text": " "}]  # fmt: skip
    assert message(run(provider, call("image", user(parts))))["content"] == "image/jpeg 5"
    # Then the vendor got each as it takes them, and no blank text
    assert vendor.seen[0].body["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGFsbG8="}, **mark},
        {"type": "document", "title": "a.pdf",
         "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}},
    ]  # fmt: skip
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    assert message(run(provider, call("image", user(parts))))["content"] == url


def test_a_marked_system_prompt_keeps_its_mark(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    # Given a caller's prompt marked for the cache, and memories after it
    parts = [{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "M"}]
    provider.complete(call("echo", {"role": "system", "content": parts}, user("hi")))
    # Then the mark stands before what changes from call to call
    assert vendor.seen[0].body["system"] == parts


SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer", "minimum": 3}}, "required": ["answer"]}


@both
@pytest.mark.parametrize("form", [
    {"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
])  # fmt: skip
def test_json(provider: ClaudeProvider, run: Run, form: dict[str, Any]) -> None:
    assert message(run(provider, call("json", response_format=form)))["content"] == '{"answer": 42}'


def test_a_schema_is_enforced_with_what_the_vendor_cannot_enforce_told(
    vendor: ClaudeVendor, provider: ClaudeProvider
) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    provider.complete(call("claude-opus-4-8", response_format=form, reasoning_effort="high"))
    assert vendor.seen[0].body["output_config"] == {"effort": "high", "format": {"type": "json_schema", "schema": {
        "type": "object", "required": ["answer"], "additionalProperties": False,
        "properties": {"answer": {"type": "integer", "description": "{minimum: 3}"}},
    }}}  # fmt: skip


@pytest.mark.parametrize("model", ["claude-3-5-haiku-20241022", "claude-sonnet-4", "claude-opus-4-1-20250805"])
def test_an_earlier_model_is_told_the_schema(vendor: ClaudeVendor, provider: ClaudeProvider, model: str) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {**SCHEMA, "description": "答案"}}}
    provider.complete(call(model, {"role": "system", "content": "Be brief."}, user("?"), response_format=form))
    body = vendor.seen[0].body
    assert "output_config" not in body
    brief, told, schema = body["system"].replace("\n\n", "\n").split("\n")
    assert brief == "Be brief."
    assert "JSON object" in told
    assert json.loads(schema) == {**SCHEMA, "description": "答案"}


def test_system_messages_alone_are_a_turn(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    provider.complete(call("echo", {"role": "system", "content": "Greet me."}, {"role": "developer", "content": "Hm."}))
    body = vendor.seen[0].body
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Greet me."}, {"type": "text", "text": "Hm."}]}]
    assert "system" not in body


def test_the_beginning_of_the_answer_goes_last(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    provider.complete(call("echo", user("Haiku?"), {"role": "assistant", "content": "An old pond \n"}))
    assert vendor.seen[0].body["messages"][-1] == {
        "role": "assistant", "content": [{"type": "text", "text": "An old pond"}]}  # fmt: skip


@pytest.mark.parametrize(("body", "param"), [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"reasoning_effort": "huge"}, "reasoning_effort"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0]"),
    ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
     "response_format"),
    ({"messages": [user([{"type": "input_audio", "input_audio": {}}])]}, "messages[0].content[0]"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,aGk="}}])]},
     "messages[0].content[0]"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}])]},
     "messages[0].content[0]"),
    ({"messages": [{"role": "assistant", "tool_calls": [function("a", "[1")]}]}, "messages[0].tool_calls[0]"),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0]"),
])  # fmt: skip
def test_what_claude_cannot_do_is_refused(
    vendor: ClaudeVendor, provider: ClaudeProvider, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        provider.complete(call("claude-sonnet-4-5", **body))
    assert caught.value.param == param
    assert not vendor.seen


@both
@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 500, 529])
def test_errors_keep_their_status(provider: ClaudeProvider, run: Run, status: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        run(provider, call(f"status-{status}"))
    assert caught.value.upstream_status == caught.value.status == status
    assert f"refused with {status}" in caught.value.message
    assert caught.value.retry_after == (7 if status == 429 else None)


@pytest.mark.parametrize(("model", "status"), [
    ("error-mid-stream", 529), ("limited-mid-stream", 429), ("invalid-mid-stream", 400), ("early-error", 529),
])  # fmt: skip
def test_an_error_after_a_200_has_the_status_of_its_type(provider: ClaudeProvider, model: str, status: int) -> None:
    chunks: list[dict[str, Any]] = []
    with pytest.raises(UpstreamError) as caught:
        chunks.extend(provider.stream(call(model)))
    assert caught.value.status == status
    assert all(choice["finish_reason"] is None for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize(("run", "model"), [
    (complete, "truncated"), (stream, "truncated"), (stream, "unfinished"),
    (complete, "nameless"), (stream, "nameless"),
])  # fmt: skip
def test_an_answer_that_is_not_whole_is_an_error(provider: ClaudeProvider, run: Run, model: str) -> None:
    with pytest.raises(UpstreamError):
        run(provider, call(model))


@both
def test_silence_ends(vendor: ClaudeVendor, kept: Kept, run: Run) -> None:
    # Given a vendor that sends headers and pings, but no word
    hasty = ClaudeProvider(SECRET, vendor.url, Timeouts(2, 0.3, 0.3), keepsakes=kept)
    with pytest.raises(UpstreamTimeout):
        run(hasty, call("slow-first-token"))
    assert vendor.disconnected.wait(5)
    with pytest.raises(DeadlineExceeded):
        run(hasty, call("echo", deadline=0.0))


def test_closing_the_stream_hangs_up(vendor: ClaudeVendor, provider: ClaudeProvider) -> None:
    chunks = provider.stream(call("hang"))
    assert next(chunks)["choices"][0]["delta"]["content"] == "Hel"
    chunks.close()
    assert vendor.disconnected.wait(5)


def test_models_are_listed(provider: ClaudeProvider) -> None:
    assert provider.models() == ["claude-opus-5-5", "claude-haiku-5-5"]


def test_a_key_that_is_none_is_refused_at_once(vendor: ClaudeVendor) -> None:
    with pytest.raises(ConfigError):
        ClaudeProvider("schlüssel", vendor.url, Timeouts())
    ClaudeProvider("", vendor.url, Timeouts()).complete(call("echo"))
    assert "x-api-key" not in vendor.seen[0].headers
