"""The official client talks to MemoryOS and notices nothing."""

from __future__ import annotations

import openai
import pytest
from acceptance.system import System, until
from openai import OpenAI


def test_completes(client: OpenAI) -> None:
    # When a client asks the built-in model
    answer = client.chat.completions.create(
        model="offline", user="complete", messages=[{"role": "user", "content": "I live in Oslo."}]
    )
    # Then it gets a completion that says that no LLM was called
    assert "Oslo" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert "no-llm" in (answer.system_fingerprint or "")


def test_streams_the_same_words(client: OpenAI) -> None:
    # Given something to say
    client.chat.completions.create(
        model="offline", user="stream", messages=[{"role": "user", "content": "My dog is called Rex."}]
    )
    # When the answer is streamed
    stream = client.chat.completions.create(
        model="offline",
        user="stream",
        messages=[{"role": "user", "content": "What is my dog called?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    # Then the pieces make the sentence, the last choice tells its end, and usage comes last
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Rex" in text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


def test_lists_the_built_in_model_and_the_vendors(client: OpenAI) -> None:
    def listed() -> bool:
        return {"offline", "openai/echo"} <= {model.id for model in client.models.list()}

    # A worker asks the vendor when it starts, beside its work.
    until(listed, seconds=10, what="the models of both providers")


def test_passes_tools_and_unknown_fields_through(client: OpenAI, upstream: object) -> None:
    # When a request holds tools and a field that nobody here knows
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    answer = client.chat.completions.create(
        model="openai/tool-calls",
        messages=[{"role": "user", "content": "Look."}],
        tools=tools,  # type: ignore[arg-type]
        extra_body={"brand_new_field": {"deep": [1]}},
    )
    # Then the upstream saw both, and its tool call comes back
    seen = upstream.seen[-1].body  # type: ignore[attr-defined]
    assert seen["tools"] == tools
    assert seen["brand_new_field"] == {"deep": [1]}
    assert answer.choices[0].message.tool_calls


def test_an_unknown_model_is_a_not_found_error(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("html", 502),
        ("empty", 502),
        ("500", 500),
        ("401", 401),
        ("429", 429),
        ("hang", 504),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_failure_is_told_and_never_remembered(
    system: System, client: OpenAI, model: str, status: int, stream: bool
) -> None:
    user = f"failure-{model}-{stream}"
    question = "Which secret word is xylograph?"

    def ask() -> None:
        answer = client.chat.completions.create(
            model=f"openai/{model}", user=user, messages=[{"role": "user", "content": question}], stream=stream,
            timeout=40,
        )
        for _ in answer if stream else ():
            pass

    # When the upstream fails
    with pytest.raises(openai.APIStatusError) as caught:
        ask()
    # Then the client gets the matching error
    assert caught.value.status_code == status
    # And nothing of it is memory
    found = system.post("/v1/memory/retrieve", {"user_id": user, "query": "xylograph"}).json()
    assert found["results"] == []


def test_a_stream_cut_short_is_an_error_and_no_memory(system: System, client: OpenAI) -> None:
    # When the upstream stops in the middle of a stream
    with pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(
            model="openai/truncated", user="cut", messages=[{"role": "user", "content": "Tell me of quinces."}],
            stream=True,
        ):
            pass
    # Then the client heard of it, and nothing is remembered
    found = system.post("/v1/memory/retrieve", {"user_id": "cut", "query": "quinces"}).json()
    assert found["results"] == []
