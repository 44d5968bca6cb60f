"""The Gemini provider against a stand-in that speaks Google's native protocol, well, badly or not at all."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from vendors.gemini import CITIES, SIGNATURE, GeminiVendor, whole

from memoryos_tasks.adapters.llm.gemini import GeminiProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import ConfigError, InvalidRequest, UpstreamError, UpstreamRefused, UpstreamTimeout
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.llm import ModelCall

SECRET = "AIzaSyTest-secret"
ALICE, BOB = Owner("acme", "alice 爱丽丝"), Owner("acme", "bob")
TIMEOUTS = Timeouts(connect=2, first_token=10, idle=10)
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                          "additionalProperties": False, "$schema": "http://json-schema.org/draft-07/schema#"}}}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
         "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}
Run = Callable[[GeminiProvider, ModelCall], Any]


class Kept:
    """Keepsakes in memory."""

    def __init__(self) -> None:
        self.all: dict[tuple[Owner, str], Mapping[str, Any]] = {}

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        self.all |= {(owner, id): part for id, part in parts.items()}

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {id: self.all[owner, id] for id in ids if (owner, id) in self.all}


@pytest.fixture
def vendor() -> Iterator[GeminiVendor]:
    with GeminiVendor() as running:
        yield running


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def provider(vendor: GeminiVendor, kept: Kept) -> GeminiProvider:
    return GeminiProvider(SECRET, vendor.url, TIMEOUTS, keepsakes=kept, clock=lambda: 1_700_000_000.5)


def call(model: str, *messages: Mapping[str, Any], owner: Owner | None = ALICE, deadline: float = math.inf,
         **body: Any) -> ModelCall:
    """A call for the stand-in's scenario ``model``."""
    said = messages or ({"role": "user", "content": "Hello there, 世界"},)
    return ModelCall("job1", model, {"model": model, "messages": list(said), **body}, deadline=deadline, owner=owner)


def complete(provider: GeminiProvider, wanted: ModelCall) -> dict[str, Any]:
    """The answer, asked for whole."""
    return provider.complete(wanted)


def stream(provider: GeminiProvider, wanted: ModelCall) -> dict[str, Any]:
    """The answer, asked for as a stream."""
    return assemble(provider.stream(wanted))


RUNS = pytest.mark.parametrize("run", [complete, stream])


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def result(id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text}


def sent(vendor: GeminiVendor) -> dict[str, Any]:
    """The body of the last request."""
    return vendor.seen[-1].body


def test_both_modes_give_the_same_answer(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    # When the same is asked in both modes
    whole = complete(provider, call("echo"))
    chunks = list(provider.stream(call("echo", stream_options={"include_usage": True})))
    # Then both say the same, in OpenAI's words, with counts that add up
    assert whole == {
        "id": "chatcmpl-job1", "object": "chat.completion", "created": 1_700_000_000, "model": "echo", "usage": USAGE,
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "Hello there, 世界"}}],
    }
    assert assemble(chunks) == whole
    # And the stream came in pieces, the usage in a last one without choices
    assert len([chunk for chunk in chunks if chunk["choices"]]) == 4
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], USAGE)
    # And the requests were Google's, with the key in its header only
    assert [seen.path for seen in vendor.seen] == [
        "/v1beta/models/echo:generateContent", "/v1beta/models/echo:streamGenerateContent?alt=sse"]
    assert all(seen.headers["x-goog-api-key"] == SECRET and "authorization" not in seen.headers for seen in vendor.seen)
    assert sent(vendor) == {"contents": [{"role": "user", "parts": [{"text": "Hello there, 世界"}]}]}


def test_usage_is_streamed_only_when_it_was_asked_for(provider: GeminiProvider) -> None:
    assert all("usage" not in chunk and chunk["choices"] for chunk in provider.stream(call("echo")))


def test_usage_that_was_not_told_is_not_made_up(provider: GeminiProvider) -> None:
    assert "usage" not in complete(provider, call("not-streamed"))


def test_a_whole_answer_is_no_stream(provider: GeminiProvider) -> None:
    with pytest.raises(UpstreamError, match="did not stream"):
        stream(provider, call("not-streamed"))


@RUNS
def test_what_google_reads_for_its_tools_is_prompt(provider: GeminiProvider, run: Run) -> None:
    used = run(provider, call("tool-use-prompt", stream_options={"include_usage": True}))["usage"]
    assert (used["prompt_tokens"], used["completion_tokens"], used["total_tokens"]) == (16, 7, 23)


@RUNS
def test_system_prompts_are_the_instruction_and_turns_of_one_role_are_one(
    vendor: GeminiVendor, provider: GeminiProvider, run: Run
) -> None:
    # Given two kinds of instructions, empty texts, and two messages in a row
    answer = run(provider, call(
        "system", {"role": "system", "content": "Be brief. 简短"}, user("One"), user([{"type": "text", "text": "Two"}]),
        {"role": "assistant", "content": "Yes"}, {"role": "developer", "content": [{"type": "text", "text": "Rhyme"}]},
        user(""), user("Three"),
    ))
    # Then
    assert answer["choices"][0]["message"]["content"] == "Be brief. 简短\nRhyme"
    assert sent(vendor) == {
        "systemInstruction": {"parts": [{"text": "Be brief. 简短"}, {"text": "Rhyme"}]},
        "contents": [{"role": "user", "parts": [{"text": "One"}, {"text": "Two"}]},
                     {"role": "model", "parts": [{"text": "Yes"}]}, {"role": "user", "parts": [{"text": "Three"}]}],
    }


def test_an_instruction_alone_is_a_question(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    complete(provider, call("echo", {"role": "system", "content": "Say hello."}))
    assert sent(vendor) == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


@RUNS
@pytest.mark.parametrize("model", ["parallel-tools", "own-ids"])
def test_tools_are_called_and_their_results_go_back(
    vendor: GeminiVendor, provider: GeminiProvider, run: Run, model: str
) -> None:
    # When the model calls two tools at once
    answer = run(provider, call(model, tools=[WEATHER], tool_choice="auto"))
    # Then Google's STOP is tool_calls, with ids of their own
    (choice,) = answer["choices"]
    calls = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert [made["function"] for made in calls] == [
        {"name": "get_weather", "arguments": f'{{"city": "{city}"}}'} for city in CITIES]
    assert len({made["id"] for made in calls}) == 2
    # And the tool was declared with its schema as it is
    function = WEATHER["function"]
    assert sent(vendor)["tools"] == [{"functionDeclarations": [
        {"name": "get_weather", "description": "The weather.", "parametersJsonSchema": function["parameters"]}]}]  # type: ignore[index]
    assert sent(vendor)["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}
    # When a client that drops what it does not know sends the results
    plain = [{name: made[name] for name in ("id", "type", "function")} for made in calls]
    followed = run(provider, call(
        "strict", user("Weather?"), {"role": "assistant", "content": None, "tool_calls": plain},
        result(calls[0]["id"], '{"sky": "clear"}'), result(calls[1]["id"], "雨"), tools=[WEATHER],
    ))
    # Then the signature is back where it was, and the results stand together under their functions' names
    assert followed["choices"][0]["message"]["content"] == '{"sky": "clear"}, 雨'
    _, model_turn, results = sent(vendor)["contents"]
    assert [part.get("thoughtSignature") for part in model_turn["parts"]] == [SIGNATURE, None]
    own = [{"id": made["id"]} if model == "own-ids" else {} for made in calls]
    assert results == {"role": "user", "parts": [
        {"functionResponse": {**own[0], "name": "get_weather", "response": {"sky": "clear"}}},
        {"functionResponse": {**own[1], "name": "get_weather", "response": {"output": "雨"}}}]}


@RUNS
def test_text_beside_calls_is_said_too(provider: GeminiProvider, run: Run) -> None:
    message = run(provider, call("parallel-tools", tools=[WEATHER]))["choices"][0]["message"]
    assert (message["content"], len(message["tool_calls"])) == ("Calling.", 2)


@RUNS
def test_a_signature_is_shown_to_clients_that_keep_it(
    vendor: GeminiVendor, provider: GeminiProvider, kept: Kept, run: Run
) -> None:
    # Given an answer whose signature nobody here keeps
    calls = run(provider, call("parallel-tools", tools=[WEATHER], owner=None))["choices"][0]["message"]["tool_calls"]
    assert kept.all == {}
    assert [made.get("extra_content") for made in calls] == [{"google": {"thought_signature": SIGNATURE}}, None]
    # When the client sends it along
    run(provider, call("strict", user("Weather?"), {"role": "assistant", "tool_calls": calls},
                       *(result(made["id"], "fine") for made in calls), owner=None))
    # Then it is the one that Google gets
    assert sent(vendor)["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE


def test_a_signature_is_its_owners(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    # Given a call of Alice's
    calls = complete(provider, call("parallel-tools", tools=[WEATHER]))["choices"][0]["message"]["tool_calls"]
    plain = [{name: made[name] for name in ("id", "type", "function")} for made in calls]
    # When Bob knows its ids
    complete(provider, call("strict", user("Weather?"), {"role": "assistant", "tool_calls": plain},
                            *(result(made["id"], "fine") for made in calls), owner=BOB))
    # Then he does not get the signature
    assert sent(vendor)["contents"][1]["parts"][0]["thoughtSignature"] != SIGNATURE


@pytest.mark.parametrize(("model", "signature"), [
    ("gemini-3-pro-preview", "skip_thought_signature_validator"),
    ("gemini-2.5-flash", None),
    ("gemini-2.0-flash", None),
])
def test_a_lost_signature_has_a_stand_in_where_it_is_missed(
    vendor: GeminiVendor, provider: GeminiProvider, model: str, signature: str | None
) -> None:
    # Given a call that another vendor's model made
    made = {"id": "call_a", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    calls = [made, {**made, "id": "call_b"}]
    complete(provider, call(model, user("Weather?"), {"role": "assistant", "tool_calls": calls},
                            result("call_a", "1"), result("call_b", "[2]"), user("So?")))
    # Then the first of the step has Google's documented one, and the user's words stand apart from the results
    _, model_turn, results, after = sent(vendor)["contents"]
    assert [part.get("thoughtSignature") for part in model_turn["parts"]] == [signature, None]
    assert [part["functionResponse"]["response"] for part in results["parts"]] == [{"output": "1"}, {"output": "[2]"}]
    assert after == {"role": "user", "parts": [{"text": "So?"}]}


@RUNS
def test_one_call_at_a_time_when_the_client_takes_no_more(provider: GeminiProvider, run: Run) -> None:
    answer = run(provider, call("parallel-tools", tools=[WEATHER], parallel_tool_calls=False))
    assert len(answer["choices"][0]["message"]["tool_calls"]) == 1


@pytest.mark.parametrize(("choice", "config"), [
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ({"type": "function", "function": {"name": "get_weather"}},
     {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ({"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}},
     {"mode": "VALIDATED", "allowedFunctionNames": ["get_weather"]}),
])
def test_the_choice_of_tools_is_translated(
    vendor: GeminiVendor, provider: GeminiProvider, choice: Any, config: dict[str, Any]
) -> None:
    complete(provider, call("echo", tools=[WEATHER], tool_choice=choice))
    assert sent(vendor)["toolConfig"] == {"functionCallingConfig": config}


@RUNS
def test_images_and_files_are_sent_inline_or_fetched_by_google(
    vendor: GeminiVendor, provider: GeminiProvider, run: Run
) -> None:
    data = base64.b64encode(b"\x89PNG" * 17).decode()
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.JPG?size=1"}},
        {"type": "image_url", "image_url": "https://generativelanguage.googleapis.com/v1beta/files/abc"},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}},
    ]
    assert run(provider, call("image", user(parts)))["choices"][0]["message"]["content"] == "image/png 68"
    assert sent(vendor)["contents"][0]["parts"] == [
        {"text": "What is this?"},
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.JPG?size=1"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        {"inlineData": {"mimeType": "audio/wav", "data": data}},
        {"inlineData": {"mimeType": "application/pdf", "data": data}},
    ]


@RUNS
def test_json_is_asked_for(vendor: GeminiVendor, provider: GeminiProvider, run: Run) -> None:
    schema = {"type": "object", "properties": {"answer": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}}
    for form, config in (
        ({"type": "json_object"}, {"responseMimeType": "application/json"}),
        ({"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}},
         {"responseMimeType": "application/json", "responseJsonSchema": schema}),
    ):
        answer = run(provider, call("json", response_format=form))
        assert answer["choices"][0]["message"]["content"] == '{"answer": 42}'
        assert sent(vendor)["generationConfig"] == config


def test_sampling_and_limits_have_googles_names(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    complete(provider, call(
        "echo", temperature=0, top_p=0.9, top_k=40, max_tokens=9, max_completion_tokens=10, n=1, seed=2**31 + 5,
        presence_penalty=0.1, frequency_penalty=0.2, stop="END", logprobs=False, user="u", store=True, metadata={},
    ))
    assert sent(vendor)["generationConfig"] == {
        "temperature": 0, "topP": 0.9, "topK": 40, "maxOutputTokens": 10, "candidateCount": 1, "seed": 5,
        "presencePenalty": 0.1, "frequencyPenalty": 0.2, "stopSequences": ["END"]}
    complete(provider, call("echo", stop=["a", "b"]))
    assert sent(vendor)["generationConfig"] == {"stopSequences": ["a", "b"]}


@pytest.mark.parametrize(("model", "effort", "config"), [
    ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
    ("gemini-2.5-flash-lite", "minimal", {"thinkingBudget": 1024, "includeThoughts": True}),
    ("gemini-2.5-pro", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
    ("gemini-2.5-flash", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
    ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "minimal", "includeThoughts": True}),
    ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}),
    ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "low", "includeThoughts": True}),
    ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high", "includeThoughts": True}),
    ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "medium", "includeThoughts": True}),
    ("gemini-flash-latest", "high", {"thinkingLevel": "high", "includeThoughts": True}),
    ("gemini-2.0-flash", "high", None),
    ("gemma-3-27b-it", "high", None),
])
def test_effort_is_a_budget_or_a_level(
    vendor: GeminiVendor, provider: GeminiProvider, model: str, effort: str, config: Any
) -> None:
    complete(provider, call(model, reasoning_effort=effort))
    assert (sent(vendor).get("generationConfig") or {}).get("thinkingConfig") == config


@RUNS
def test_thoughts_are_told_apart_from_the_answer(provider: GeminiProvider, run: Run) -> None:
    message = run(provider, call("reasoning"))["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "Done.", "reasoning_content": "Let me think."}


@RUNS
def test_several_answers_keep_their_places(provider: GeminiProvider, run: Run) -> None:
    choices = run(provider, call("two-candidates", n=2))["choices"]
    assert [(choice["index"], choice["message"]["content"], choice["finish_reason"]) for choice in choices] == [
        (0, "One", "stop"), (1, "Two", "stop")]


@RUNS
@pytest.mark.parametrize(("model", "said", "reason"), [
    ("length", "Cut", "length"), ("content-cut", "Once upon", "content_filter")])
def test_why_an_answer_ended(provider: GeminiProvider, run: Run, model: str, said: str, reason: str) -> None:
    (choice,) = run(provider, call(model))["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (said, reason)


@RUNS
def test_a_refused_prompt_is_the_clients(provider: GeminiProvider, run: Run) -> None:
    # When Google blocks the prompt with a 200 and no candidates
    with pytest.raises(UpstreamRefused, match="PROHIBITED_CONTENT") as caught:
        run(provider, call("content-block"))
    # Then that is a 400, which no retry cures
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "content_filter", "messages")


@RUNS
@pytest.mark.parametrize(("model", "says"), [
    ("malformed-call", "MALFORMED_FUNCTION_CALL: Malformed function call"),
    ("no-candidates", "without candidates"),
    ("truncated", "broke off its answer"),
    ("unfinished", "no finishReason came"),
    ("error-mid-stream", "failed while answering: The model is overloaded"),
    ("bare-error", "failed while answering: The model is overloaded"),
    ("picture", "cannot carry"),
])
def test_an_answer_that_is_none_is_an_error(provider: GeminiProvider, run: Run, model: str, says: str) -> None:
    with pytest.raises(UpstreamError, match=says) as caught:
        run(provider, call(model))
    assert caught.value.status in (502, 503)


@pytest.mark.parametrize("model", ["truncated", "unfinished", "error-mid-stream", "bare-error"])
def test_what_came_before_an_error_is_handed_on_and_nothing_is_invented(provider: GeminiProvider, model: str) -> None:
    chunks = provider.stream(call(model))
    assert next(chunks)["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": "Half"}, "finish_reason": None}]
    with pytest.raises(UpstreamError):
        next(chunks)


@RUNS
@pytest.mark.parametrize(("status", "kind", "ours"), [
    (400, "invalid_request_error", 400), (403, "permission_error", 403), (404, "invalid_request_error", 404),
    (429, "rate_limit_error", 429), (500, "server_error", 500), (503, "server_error", 503),
])
def test_errors_keep_their_meaning(provider: GeminiProvider, run: Run, status: int, kind: str, ours: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        run(provider, call(f"status-{status}"))
    assert (caught.value.status, caught.value.type, caught.value.upstream_status) == (ours, kind, status)
    assert SECRET not in caught.value.message


@RUNS
@pytest.mark.parametrize("model", ["status-429", "quota"])
def test_the_wait_that_google_asks_for_is_passed_on(provider: GeminiProvider, run: Run, model: str) -> None:
    # Whether it stands in a header or only in the body's RetryInfo
    with pytest.raises(UpstreamError) as caught:
        run(provider, call(model))
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)


@RUNS
def test_an_unknown_key_is_no_fault_of_the_client(provider: GeminiProvider, run: Run) -> None:
    # When Google calls a bad key a bad request
    with pytest.raises(UpstreamRefused, match=r"llm\.gemini_api_key") as caught:
        run(provider, call("bad-key"))
    # Then it is told as what it is
    assert (caught.value.status, caught.value.type) == (401, "authentication_error")


@pytest.mark.parametrize(("body", "param"), [
    ({"logprobs": True}, "logprobs"),
    ({"logit_bias": {"1": 2}}, "logit_bias"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0"),
    ({"tools": [WEATHER], "tool_choice": "sometimes"}, "tool_choice"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"reasoning_effort": "much"}, "reasoning_effort"),
    ({"tools": 5}, "tools"),
    ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": 5}}}, "tool_choice"),
    ({"response_format": "json"}, "response_format"),
    ({"reasoning_effort": {}}, "reasoning_effort"),
    ({"messages": [user("")]}, "messages"),
    ({"messages": [user("Hi"), {"role": "assistant", "tool_calls": 5}]}, "messages.1.tool_calls"),
    ({"messages": [user("Hi"), {"role": "assistant", "tool_calls": ["f"]}]}, "messages.1.tool_calls.0"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "https://[a.png"}}])]}, "messages.0.content.0"),
    ({"messages": [{"role": "function", "name": "f", "content": "1"}]}, "messages.0.role"),
    ({"messages": [user("Hi"), result("call_x", "1")]}, "messages.1.tool_call_id"),
    ({"messages": [user("Hi"), {"role": "assistant", "tool_calls": [
        {"id": "a", "function": {"name": "f", "arguments": "[1]"}}]}]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [user("Hi"), {"role": "assistant", "tool_calls": [
        {"id": "a", "function": {"name": "f", "arguments": "{"}}]}]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [user("Hi"), {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
                   {**result("a", ""), "content": [{"type": "image_url"}]}]}, "messages.2.content"),
    ({"messages": [user(5)]}, "messages.0.content"),
    ({"messages": [user([{"type": "input_audio", "input_audio": {"data": "", "format": "ogg"}}])]},
     "messages.0.content.0"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "http://example.com/a.png"}}])]},
     "messages.0.content.0"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "https://example.com/a.gif"}}])]},
     "messages.0.content.0"),
    ({"messages": [user([{"type": "image_url", "image_url": {"url": "data:image/png,abc"}}])]},
     "messages.0.content.0"),
    ({"messages": [user([{"type": "file", "file": {"file_id": "file-1"}}])]}, "messages.0.content.0"),
    ({"messages": [user([{"type": "video_url", "video_url": {"url": "x"}}])]}, "messages.0.content.0"),
    ({"messages": [user([{"type": "image_url", "image_url": {}}])]}, "messages.0.content.0.image_url.url"),
])
def test_what_gemini_cannot_do_is_refused_before_it_is_asked(
    vendor: GeminiVendor, provider: GeminiProvider, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        complete(provider, call("gemini-3-flash", **{"messages": [user("Hi")], **body}))
    assert caught.value.param == param
    assert vendor.seen == []


def test_a_stream_that_stays_open_after_its_end_is_whole(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    # Given a server that does not hang up after the finishReason, which is all that tells the end
    began = time.monotonic()
    answer = stream(provider, call("stays-open"))
    # Then the answer is whole within moments, and the connection is closed
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert time.monotonic() - began < 5
    assert vendor.disconnected.wait(3)


@pytest.mark.parametrize("response", [
    {"candidates": [5, {"content": None}, {"content": {"parts": None}}, {"content": {"parts": [None, "x"]}}]},
    {"candidates": {"content": 1}, "usageMetadata": 5, "modelVersion": 3, "promptFeedback": "none"},
    {"candidates": [{"index": "0", "finishReason": 7, "content": {"parts": [{"functionCall": {"args": 1}}]}}]},
])
@RUNS
def test_an_answer_of_another_shape_is_the_vendors_fault(
    vendor: GeminiVendor, provider: GeminiProvider, run: Run, response: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GeminiVendor.scenarios, "odd", lambda exchange: whole(exchange, response))  # type: ignore[arg-type]
    with pytest.raises(UpstreamError) as caught:
        run(provider, call("odd"))
    assert caught.value.status == 502


def test_novelties_are_passed_over(provider: GeminiProvider) -> None:
    answer = stream(provider, call("unknown-parts", stream_options={"include_usage": True}))
    assert (answer["choices"][0]["message"]["content"], answer["usage"]) == ("Done.", USAGE)


@pytest.mark.parametrize("model", ["slow-first-token", "hang"])
def test_silence_ends(vendor: GeminiVendor, model: str) -> None:
    short = GeminiProvider("", vendor.url, Timeouts(connect=2, first_token=0.2, idle=0.2))
    with pytest.raises(UpstreamTimeout):
        stream(short, call(model))
    assert "x-goog-api-key" not in vendor.seen[-1].headers


def test_a_dropped_stream_hangs_up(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    chunks = provider.stream(call("hang"))
    next(chunks)
    chunks.close()
    assert vendor.disconnected.wait(3)


def test_models_are_those_that_can_chat(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    names = provider.models()
    assert "echo" in names
    assert "embedding" not in names
    with pytest.raises(UpstreamError):
        GeminiProvider("", f"{vendor.url}/elsewhere", TIMEOUTS).models()


def test_a_models_name_stays_in_its_place(vendor: GeminiVendor, provider: GeminiProvider) -> None:
    # When a name would lead elsewhere, then it is a name that Google does not know
    complete(provider, call("models/echo"))
    assert vendor.seen[-1].path == "/v1beta/models/echo:generateContent"
    complete(provider, call("../files?x=1#"))
    assert vendor.seen[-1].path == "/v1beta/models/..%2Ffiles%3Fx%3D1%23:generateContent"


def test_a_key_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(ConfigError, match="gemini_api_key"):
        GeminiProvider("ключ", "https://example.com", TIMEOUTS)
