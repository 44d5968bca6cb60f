"""Azure OpenAI, DeepSeek, OpenRouter and compatible servers: what is easy to get wrong in each, in both modes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from vendors.azure_openai import PROMPT, SAFE, AzureOpenAIVendor
from vendors.deepseek import DeepSeekVendor
from vendors.openai import OpenAIVendor
from vendors.openrouter import DETAILS, OpenRouterVendor

from memoryos_tasks.adapters.llm.azure_openai import AzureOpenAIProvider
from memoryos_tasks.adapters.llm.deepseek import DeepSeekProvider
from memoryos_tasks.adapters.llm.openai import OpenAIProvider
from memoryos_tasks.adapters.llm.openai_compatible import OpenAICompatibleProvider
from memoryos_tasks.adapters.llm.openrouter import OpenRouterProvider
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import InvalidRequest, UpstreamError, UpstreamRefused, UpstreamTimeout
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.llm import ModelCall

SECRET = "key-4711"
VERSION = "2024-10-21"
ALICE = Owner("acme", "alice")
LIMITS = Timeouts(connect=2, first_token=10, idle=10)
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]

Ask = Callable[[OpenAICompatibleProvider, ModelCall], dict[str, Any]]


class Kept:
    """Keepsakes in memory."""

    def __init__(self) -> None:
        self.parts: dict[tuple[Owner, str], Mapping[str, Any]] = {}

    def keep(self, owner: Owner, parts: Mapping[str, Mapping[str, Any]]) -> None:
        self.parts.update({(owner, id): part for id, part in parts.items()})

    def kept(self, owner: Owner, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {id: self.parts[owner, id] for id in ids if (owner, id) in self.parts}


def whole(provider: OpenAICompatibleProvider, call: ModelCall) -> dict[str, Any]:
    return provider.complete(call)


def streamed(provider: OpenAICompatibleProvider, call: ModelCall) -> dict[str, Any]:
    """What the stream's chunks add up to; no client could take offence at one of them."""
    chunks = list(provider.stream(call))
    wanted = bool((call.body.get("stream_options") or {}).get("include_usage"))
    for chunk in chunks[: -1 if wanted else None]:
        assert len(chunk["choices"]) == 1
        assert isinstance(chunk["choices"][0]["delta"], dict)
        assert chunk["id"]
    if wanted:
        assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 18)
        # Some clients add up the usage of several chunks.
        assert not any(chunk.get("usage") for chunk in chunks[:-1])
    return assemble(chunks)


BOTH = pytest.mark.parametrize("ask", [whole, streamed])


def call(model: str, *messages: Mapping[str, Any], deadline: float = math.inf, **body: Any) -> ModelCall:
    said = messages or ({"role": "user", "content": "Hello 世界"},)
    return ModelCall("job1", model, {"model": model, "messages": list(said), **body}, deadline=deadline, owner=ALICE)


@pytest.fixture
def azure() -> Iterator[AzureOpenAIVendor]:
    with AzureOpenAIVendor() as vendor:
        yield vendor


@pytest.fixture
def deepseek() -> Iterator[DeepSeekVendor]:
    with DeepSeekVendor() as vendor:
        yield vendor


@pytest.fixture
def router() -> Iterator[OpenRouterVendor]:
    with OpenRouterVendor() as vendor:
        yield vendor


def azure_at(vendor: AzureOpenAIVendor, path: str = "") -> AzureOpenAIProvider:
    return AzureOpenAIProvider(SECRET, vendor.url + path, LIMITS, api_version=VERSION)


def deepseek_at(vendor: DeepSeekVendor, kept: Kept | None = None, timeouts: Timeouts = LIMITS) -> DeepSeekProvider:
    return DeepSeekProvider(SECRET, vendor.url, timeouts, keepsakes=kept)


def router_at(vendor: OpenRouterVendor, kept: Kept | None = None) -> OpenRouterProvider:
    return OpenRouterProvider(SECRET, vendor.url, LIMITS, keepsakes=kept)


# Azure OpenAI


@BOTH
@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", f"/openai/deployments/echo/chat/completions?api-version={VERSION}"),
        ("/openai", f"/openai/deployments/echo/chat/completions?api-version={VERSION}"),
        ("/openai/v1", "/openai/v1/chat/completions"),
    ],
)
def test_azure_is_asked_at_its_own_paths(azure: AzureOpenAIVendor, ask: Ask, base: str, path: str) -> None:
    answer = ask(azure_at(azure, base), call("echo"))
    assert answer["choices"][0]["message"]["content"] == "Hello 世界"
    assert azure.seen[0].path == path
    assert azure.seen[0].headers["api-key"] == SECRET
    assert "authorization" not in azure.seen[0].headers


def test_azures_first_chunk_has_no_choices_and_what_it_says_comes_with_the_next(azure: AzureOpenAIVendor) -> None:
    # When a stream begins with what the filter thinks of the prompt
    chunks = list(azure_at(azure).stream(call("echo")))
    # Then the first chunk that clients see has a choice, an id and the filter's words
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[0]["prompt_filter_results"] == PROMPT
    assert chunks[0]["id"] == "chatcmpl-7"
    assert "prompt_filter_results" not in chunks[1]


def test_azures_notes_on_a_stream_are_no_part_of_it(azure: AzureOpenAIVendor) -> None:
    # Given notes without a delta, an id and a time, one of them after the end
    answer = streamed(azure_at(azure), call("annotated"))
    # Then the answer is whole, and stands under its own id
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ]
    assert (answer["id"], answer["model"], answer["created"]) == ("chatcmpl-7", "annotated", 1700000000)
    chunks = list(azure_at(azure).stream(call("annotated")))
    assert chunks[2]["choices"][0]["content_filter_results"] == SAFE


@BOTH
def test_azures_filter_refuses_a_prompt(azure: AzureOpenAIVendor, ask: Ask) -> None:
    with pytest.raises(UpstreamRefused, match="content management policy") as caught:
        ask(azure_at(azure), call("content-block"))
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "content_filter", "prompt")


@BOTH
def test_azures_filter_cuts_an_answer(azure: AzureOpenAIVendor, ask: Ask) -> None:
    [choice] = ask(azure_at(azure), call("content-cut"))["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"].get("content", "missing") in ("I will ", None)


def test_azure_names_no_models_since_deployments_cannot_be_listed(azure: AzureOpenAIVendor) -> None:
    assert azure_at(azure).models() == []
    assert azure_at(azure, "/openai/v1").models() == []


# DeepSeek


@BOTH
def test_deepseeks_signs_of_life_are_skipped(deepseek: DeepSeekVendor, ask: Ask) -> None:
    answer = ask(deepseek_at(deepseek), call("kept-alive"))
    assert answer["choices"][0]["message"]["content"] == "At last."


@BOTH
def test_deepseeks_signs_of_life_do_not_put_off_the_deadline(deepseek: DeepSeekVendor, ask: Ask) -> None:
    # Given a vendor that says ten times a limit's while that it is alive, and nothing else
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout, match="deadline"):
        ask(deepseek_at(deepseek), call("kept-alive-for-ever", deadline=began + 0.4))
    # Then the call ends at its deadline, and the vendor is let go
    assert 0.4 <= time.monotonic() - began < 3
    assert deepseek.disconnected.wait(5)


def test_deepseeks_signs_of_life_are_no_first_token(deepseek: DeepSeekVendor) -> None:
    short = Timeouts(connect=2, first_token=0.3, idle=0.2)
    with pytest.raises(UpstreamTimeout, match=r"no token within 0\.3 s"):
        streamed(deepseek_at(deepseek, timeouts=short), call("kept-alive-for-ever"))


@BOTH
def test_deepseek_says_reasoning_and_text_apart(deepseek: DeepSeekVendor, ask: Ask) -> None:
    message = ask(deepseek_at(deepseek), call("reasoning"))["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Let me think.", "Done.")


@BOTH
def test_deepseeks_usage_is_said_as_openai_says_it(deepseek: DeepSeekVendor, ask: Ask) -> None:
    # When usage is asked for, which DeepSeek puts on its last chunk with a choice
    usage = ask(deepseek_at(deepseek), call("echo", stream_options={"include_usage": True}))["usage"]
    # Then it is there, as a chunk of its own in a stream, with cached and reasoning tokens
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


SCHEMA = {"type": "object", "title": "答"}
FORM = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}
TOLD = '{"type": "object", "title": "答"}'


@BOTH
@pytest.mark.parametrize("before", [
    (), ({"role": "system", "content": "Be brief."},), ({"role": "developer", "content": "Be brief."},),
    ({"role": "system", "content": [{"type": "text", "text": "Be brief."}]},),
])  # fmt: skip
def test_deepseek_is_told_a_schema_in_words(
    deepseek: DeepSeekVendor, ask: Ask, before: tuple[dict[str, Any], ...]
) -> None:
    answer = ask(deepseek_at(deepseek), call("json", *before, {"role": "user", "content": "?"}, response_format=FORM))
    assert answer["choices"][0]["message"]["content"] == '{"answer": 42}'
    body = deepseek.seen[0].body
    assert body["response_format"] == {"type": "json_object"}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    system = body["messages"][0]["content"]
    whole = system if isinstance(system, str) else "\n\n".join(part["text"] for part in system)
    assert whole.endswith(TOLD)
    assert whole.startswith("Be brief.\n\nAnswer" if before else "Answer")


def test_deepseeks_schema_must_be_one(deepseek: DeepSeekVendor) -> None:
    with pytest.raises(InvalidRequest, match="response_format"):
        whole(deepseek_at(deepseek), call("json", response_format={"type": "json_schema"}))


def tool_turn(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The exchange so far as an OpenAI client resends it: with nothing but what OpenAI's protocol knows."""
    message = answer["choices"][0]["message"]
    calls = message["tool_calls"]
    return [
        {"role": "user", "content": "The weather?"},
        {"role": "assistant", "content": message["content"], "tool_calls": calls},
        *({"role": "tool", "tool_call_id": one["id"], "content": "15 °C"} for one in calls),
    ]


@BOTH
def test_deepseek_gets_its_reasoning_back_with_the_results_of_its_tools(deepseek: DeepSeekVendor, ask: Ask) -> None:
    kept = Kept()
    provider = deepseek_at(deepseek, kept)
    # Given a model that thought, and called tools
    turn = tool_turn(ask(provider, call("parallel-tools", tools=TOOLS)))
    # When a client that knows no reasoning_content brings the results
    answer = ask(provider, call("after-tools", *turn, tools=TOOLS))
    # Then the vendor got its words back
    sent = deepseek.asked("after-tools")[0].body["messages"]
    assert [message.get("reasoning_content") for message in sent] == [None, "Two cities, two calls.", None, None]
    # And also those of the answer after the results, in all that follows
    turn += [{"role": "assistant", "content": answer["choices"][0]["message"]["content"]}]
    ask(provider, call("echo", *turn, {"role": "user", "content": "Thanks"}, tools=TOOLS))
    sent = deepseek.asked("echo")[0].body["messages"]
    assert [message["reasoning_content"] for message in sent if message["role"] == "assistant"] == [
        "Two cities, two calls.", "They told me.",
    ]  # fmt: skip


@BOTH
def test_deepseeks_reasoning_that_is_lost_is_empty_rather_than_missing(deepseek: DeepSeekVendor, ask: Ask) -> None:
    # Given an exchange that another owner had, or that nobody remembers
    turn = tool_turn(ask(deepseek_at(deepseek), call("parallel-tools", tools=TOOLS)))
    ask(deepseek_at(deepseek, Kept()), call("after-tools", *turn))
    sent = deepseek.asked("after-tools")[0].body["messages"]
    assert sent[1]["reasoning_content"] == ""


@BOTH
def test_reasoning_that_the_client_kept_itself_is_its_own(deepseek: DeepSeekVendor, ask: Ask) -> None:
    kept = Kept()
    turn = tool_turn(ask(deepseek_at(deepseek, kept), call("parallel-tools", tools=TOOLS)))
    turn[1]["reasoning_content"] = "In the client's own copy."
    ask(deepseek_at(deepseek, kept), call("after-tools", *turn))
    assert deepseek.asked("after-tools")[0].body["messages"][1]["reasoning_content"] == "In the client's own copy."


@BOTH
@pytest.mark.parametrize("thinking", [None, {"type": "disabled"}])
def test_reasoning_is_not_sent_where_no_tool_was_called_or_nothing_is_thought(
    deepseek: DeepSeekVendor, ask: Ask, thinking: dict[str, str] | None
) -> None:
    # Given a client that returns all that it was given
    past = {"role": "assistant", "content": "Hi.", "reasoning_content": "A greeting."}
    extra = {"thinking": thinking} if thinking else {}
    ask(deepseek_at(deepseek), call("echo", past, {"role": "user", "content": "And now?"}, **extra))
    assert deepseek.seen[0].body["messages"][0] == {"role": "assistant", "content": "Hi."}


def test_what_another_vendor_kept_for_the_same_call_stays_with_it(deepseek: DeepSeekVendor) -> None:
    kept = Kept()
    provider = deepseek_at(deepseek, kept)
    turn = tool_turn(provider.complete(call("parallel-tools", tools=TOOLS)))
    kept.parts[ALICE, "ds_0"] = {"thought_signature": "c2ln", "reasoning_content": "Mine."}
    provider.complete(call("after-tools", *turn))
    sent = deepseek.asked("after-tools")[0].body["messages"][1]
    assert (sent["reasoning_content"], "thought_signature" in sent) == ("Mine.", False)


def test_another_users_reasoning_is_never_given_out(deepseek: DeepSeekVendor) -> None:
    kept = Kept()
    provider = deepseek_at(deepseek, kept)
    turn = tool_turn(provider.complete(call("parallel-tools", tools=TOOLS)))
    # When the same tool-call ids come from somebody else, or from nobody
    for owner in (Owner("acme", "bob"), None):
        provider.complete(ModelCall("job2", "after-tools", {"messages": turn}, owner=owner))
        assert deepseek.seen[-1].body["messages"][1]["reasoning_content"] == ""


@BOTH
def test_a_broken_answer_leaves_nothing_to_give_back(deepseek: DeepSeekVendor, ask: Ask) -> None:
    kept = Kept()
    with pytest.raises(UpstreamError):
        ask(deepseek_at(deepseek, kept), call("truncated"))
    assert kept.parts == {}


@BOTH
def test_deepseeks_shortage_is_a_failure_and_no_answer(deepseek: DeepSeekVendor, ask: Ask) -> None:
    with pytest.raises(UpstreamError, match="insufficient_system_resource") as caught:
        ask(deepseek_at(deepseek), call("out-of-machines"))
    assert (type(caught.value), caught.value.status) == (UpstreamError, 503)


@BOTH
def test_deepseeks_filter_has_openais_name(deepseek: DeepSeekVendor, ask: Ask) -> None:
    with pytest.raises(UpstreamRefused) as caught:
        ask(deepseek_at(deepseek), call("content-block"))
    assert (caught.value.status, caught.value.code) == (400, "content_filter")


@BOTH
def test_deepseek_is_spoken_to_in_its_own_words(deepseek: DeepSeekVendor, ask: Ask) -> None:
    developer = {"role": "developer", "content": "Be brief."}
    user = {"role": "user", "content": "Hello"}
    ask(deepseek_at(deepseek), call("echo", developer, user, max_completion_tokens=5))
    body = deepseek.seen[0].body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["max_tokens"], "max_completion_tokens" in body) == (5, False)
    with pytest.raises(InvalidRequest) as caught:
        ask(deepseek_at(deepseek), call("echo", n=2))
    assert caught.value.param == "n"


def test_usage_on_every_chunk_is_left_there_for_who_asked_for_that(deepseek: DeepSeekVendor) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    chunks = list(deepseek_at(deepseek).stream(call("echo", stream_options=options)))
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] == 18


# OpenRouter


@BOTH
def test_openrouters_comments_and_unasked_usage_are_no_chunks(router: OpenRouterVendor, ask: Ask) -> None:
    answer = ask(router_at(router), call("echo"))
    assert answer["choices"][0]["message"]["content"] == "Hello 世界"
    assert answer["choices"][0]["finish_reason"] == "stop"


@BOTH
def test_openrouters_usage_comes_when_it_is_asked_for(router: OpenRouterVendor, ask: Ask) -> None:
    assert ask(router_at(router), call("echo", stream_options={"include_usage": True}))["usage"]["total_tokens"] == 18


@BOTH
def test_openrouters_reasoning_has_the_name_of_all_others(router: OpenRouterVendor, ask: Ask) -> None:
    message = ask(router_at(router), call("reasoning"))["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Let me think.", "Done.")
    assert "reasoning" not in message


@BOTH
def test_openrouter_gets_its_reasoning_details_back_unchanged(router: OpenRouterVendor, ask: Ask) -> None:
    provider = router_at(router, Kept())
    turn = tool_turn(ask(provider, call("parallel-tools", tools=TOOLS)))
    ask(provider, call("tool-result", *turn))
    assert router.asked("tool-result")[0].body["messages"][1]["reasoning_details"] == DETAILS


def test_openrouters_error_inside_a_200_has_its_own_status(router: OpenRouterVendor) -> None:
    with pytest.raises(UpstreamRefused, match="limit_rpm") as caught:
        whole(router_at(router), call("limited-inside"))
    assert (caught.value.status, caught.value.type) == (429, "rate_limit_error")
    # Also where a stream was asked for, and before its first token
    with pytest.raises(UpstreamRefused, match="limit_rpm"):
        next(router_at(router).stream(call("limited-inside")))


def test_openrouters_failed_choice_is_no_answer(router: OpenRouterVendor) -> None:
    with pytest.raises(UpstreamError, match="Overloaded") as caught:
        whole(router_at(router), call("failed-choice"))
    assert caught.value.status == 503


def test_openrouters_error_in_the_middle_ends_the_stream(router: OpenRouterVendor) -> None:
    said: list[dict[str, Any]] = []
    with pytest.raises(UpstreamError, match="Provider disconnected"):
        said.extend(router_at(router).stream(call("error-mid-stream")))
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None, None]


@BOTH
def test_openrouters_moderation_is_a_refused_prompt(router: OpenRouterVendor, ask: Ask) -> None:
    with pytest.raises(UpstreamRefused) as caught:
        ask(router_at(router), call("content-block"))
    assert (caught.value.status, caught.value.code, caught.value.upstream_status) == (400, "content_filter", 403)


# All of them


@BOTH
@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529])
def test_each_vendor_keeps_a_refusals_status(
    azure: AzureOpenAIVendor, deepseek: DeepSeekVendor, router: OpenRouterVendor, ask: Ask, status: int
) -> None:
    for provider in (azure_at(azure), deepseek_at(deepseek), router_at(router)):
        with pytest.raises(UpstreamError) as caught:
            ask(provider, call(f"status-{status}"))
        assert caught.value.status == status
        assert SECRET not in caught.value.message
        assert caught.value.retry_after == (7.0 if status == 429 else None)


@BOTH
@pytest.mark.parametrize("made", [OpenAIProvider, OpenAICompatibleProvider])
def test_a_compatible_server_is_asked_as_openai_is(made: type[OpenAICompatibleProvider], ask: Ask) -> None:
    with OpenAIVendor() as vendor:
        provider = made("", vendor.url, LIMITS)
        answer = ask(provider, call("reasoning", stream_options={"include_usage": True}))
        assert answer["choices"][0]["message"]["reasoning_content"] == "Let me think."
        assert answer["usage"]["total_tokens"] == 18
        assert "authorization" not in vendor.seen[0].headers
        assert "echo" in provider.models()


@pytest.mark.parametrize("scenario", ["truncated", "no-done", "error-mid-stream"])
def test_no_vendors_broken_stream_is_taken_for_whole(
    azure: AzureOpenAIVendor, deepseek: DeepSeekVendor, router: OpenRouterVendor, scenario: str
) -> None:
    for provider in (azure_at(azure), deepseek_at(deepseek), router_at(router)):
        said: list[dict[str, Any]] = []
        with pytest.raises(UpstreamError):
            said.extend(provider.stream(call(scenario)))
        assert said[1]["choices"][0]["delta"]["content"] == "Hello"


def test_models_are_listed(deepseek: DeepSeekVendor, router: OpenRouterVendor) -> None:
    for provider in (deepseek_at(deepseek), router_at(router)):
        assert "reasoning" in provider.models()
