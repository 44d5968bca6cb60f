"""The official clients, through MemoryOS, at every provider, each served by a mock that is not ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from acceptance.system import System
from aimock.server import AiMock, missing
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

#: A model of each provider, and where the vendor's paths begin.
MODELS = {
    "openai": ("gpt-4o", "/v1"),
    "azure_openai": ("gpt-4o", ""),
    "claude": ("claude-sonnet-4-5", ""),
    "gemini": ("gemini-2.5-flash", ""),
    "ollama": ("llama3.2", ""),
    "deepseek": ("deepseek-chat", "/v1"),
    "openrouter": ("mistralai/mistral-large", "/api/v1"),
    "openai_compatible": ("my-model", "/v1"),
}
#: A model that thinks aloud. OpenAI's and Azure's keep their thoughts, and aimock's Ollama puts them where the real
#: one does not.
THINKING = {
    "claude": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "deepseek": "deepseek-reasoner",
    "openrouter": "deepseek/deepseek-r1",
}
GREETING = "Hello there, and 你好 to all of you!"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ERRORS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}

each_provider = pytest.mark.parametrize("provider", MODELS)


class Capital(BaseModel):
    """What is asked for as structured output."""

    country: str
    capital: str


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running system all of whose providers are aimock."""
    with AiMock() as mock:
        environment = {}
        for provider, (_, path) in MODELS.items():
            environment[f"MEMORYOS__LLM__{provider.upper()}_BASE_URL"] = mock.url + path
            environment[f"MEMORYOS__LLM__{provider.upper()}_API_KEY"] = "sk-of-the-tests"
        running = System(tmp_path_factory.mktemp("clients"), environment)
        running.start()
        yield f"{running.url}/v1"
        assert running.stop() == 0


@pytest.fixture(scope="module")
def official(base_url: str) -> Iterator[OpenAI]:
    """The official client."""
    with OpenAI(base_url=base_url, api_key="unused", max_retries=0, timeout=40) as client:
        yield client


def _model(provider: str) -> str:
    return f"{provider}/{MODELS[provider][0]}"


def _said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@each_provider
def test_completes(official: OpenAI, provider: str) -> None:
    answer = official.chat.completions.create(model=_model(provider), messages=_said("Greet me."))
    assert answer.choices[0].message.content == GREETING
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@each_provider
def test_streams(official: OpenAI, provider: str) -> None:
    chunks = list(
        official.chat.completions.create(
            model=_model(provider), messages=_said("Greet me."), stream=True, stream_options={"include_usage": True}
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == GREETING
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert not chunks[-1].choices
    assert chunks[-1].usage is not None


@each_provider
def test_answers_the_asynchronous_client(base_url: str, provider: str) -> None:
    async def ask() -> tuple[str | None, str]:
        async with AsyncOpenAI(base_url=base_url, api_key="unused", max_retries=0, timeout=40) as client:
            whole = await client.chat.completions.create(model=_model(provider), messages=_said("Greet me."))
            stream = await client.chat.completions.create(
                model=_model(provider), messages=_said("Greet me."), stream=True
            )
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
            return whole.choices[0].message.content, "".join(pieces)

    assert asyncio.run(ask()) == (GREETING, GREETING)


@each_provider
def test_passes_the_system_prompt(official: OpenAI, provider: str) -> None:
    messages: list[Any] = [{"role": "system", "content": "You are a pirate."}, *_said("Who are you?")]
    answer = official.chat.completions.create(model=_model(provider), messages=messages)
    assert answer.choices[0].message.content == "A pirate, arr."


@each_provider
def test_calls_tools_and_returns_their_results(official: OpenAI, provider: str) -> None:
    # Given a question that needs two calls of a tool
    messages = _said("The weather in Oslo and 杭州?")
    first = official.chat.completions.create(model=_model(provider), messages=messages, tools=[WEATHER])
    calls: Any = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "杭州"]
    # When their results go back as the client has them
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": told}
        for call, told in zip(calls, ("15 °C", "22 °C"), strict=True)
    ]
    second = official.chat.completions.create(
        model=_model(provider), messages=[*messages, first.choices[0].message, *results], tools=[WEATHER]
    )
    # Then the model had them
    assert second.choices[0].message.content == "Oslo is cool, 杭州 is warm."


@each_provider
def test_streams_tool_calls(official: OpenAI, provider: str) -> None:
    with official.chat.completions.stream(
        model=_model(provider), messages=_said("The weather in Oslo and 杭州?"), tools=[WEATHER]
    ) as stream:
        stream.until_done()
        [choice] = stream.get_final_completion().choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    assert [json.loads(call.function.arguments)["city"] for call in choice.message.tool_calls] == ["Oslo", "杭州"]


@each_provider
def test_parses_structured_output(official: OpenAI, provider: str) -> None:
    answer = official.chat.completions.parse(
        model=_model(provider), messages=_said("The capital of Norway?"), response_format=Capital
    )
    assert answer.choices[0].message.parsed == Capital(country="Norway", capital="Oslo")


@pytest.mark.parametrize("provider", THINKING)
def test_tells_reasoning_apart(official: OpenAI, provider: str) -> None:
    answer = official.chat.completions.create(
        model=f"{provider}/{THINKING[provider]}", messages=_said("Think first."), reasoning_effort="low"
    )
    message: Any = answer.choices[0].message
    assert message.content == "Done."
    assert message.reasoning_content == "Let me think about it."


@each_provider
def test_raises_the_matching_error(official: OpenAI, provider: str) -> None:
    for status, kind in ERRORS.items():
        with pytest.raises(kind) as caught:
            official.chat.completions.create(model=_model(provider), messages=_said(f"Fail with {status}."))
        if status == 429:
            assert caught.value.response.headers["retry-after"] == "7"


@each_provider
def test_raises_when_a_stream_breaks_off(official: OpenAI, provider: str) -> None:
    heard: list[Any] = []
    stream = official.chat.completions.create(model=_model(provider), messages=_said("Break off."), stream=True)
    with pytest.raises(openai.APIError):
        heard.extend(choice for chunk in stream for choice in chunk.choices)
    # Whatever came of it says no end.
    assert "".join(choice.delta.content or "" for choice in heard).startswith("This")
    assert not [choice for choice in heard if choice.finish_reason]


class TestLangChain:
    """``langchain-openai``, which many agents are written on."""

    @pytest.fixture
    def chat(self, base_url: str) -> Any:
        langchain = pytest.importorskip("langchain_openai")

        def made(provider: str) -> Any:
            return langchain.ChatOpenAI(
                base_url=base_url, api_key="unused", model=_model(provider), max_retries=0, timeout=40
            )

        return made

    @each_provider
    def test_invokes_and_streams(self, chat: Any, provider: str) -> None:
        assert chat(provider).invoke("Greet me.").content == GREETING
        assert "".join(piece.content for piece in chat(provider).stream("Greet me.")) == GREETING

    @each_provider
    def test_binds_tools(self, chat: Any, provider: str) -> None:
        from langchain_core.messages import HumanMessage, ToolMessage

        bound = chat(provider).bind_tools([WEATHER])
        asked = HumanMessage("The weather in Oslo and 杭州?")
        called = bound.invoke([asked])
        assert [call["args"]["city"] for call in called.tool_calls] == ["Oslo", "杭州"]
        told = [
            ToolMessage(content, tool_call_id=call["id"])
            for call, content in zip(called.tool_calls, ("15 °C", "22 °C"), strict=True)
        ]
        assert bound.invoke([asked, called, *told]).content == "Oslo is cool, 杭州 is warm."

    @each_provider
    def test_gives_structured_output(self, chat: Any, provider: str) -> None:
        shaped = chat(provider).with_structured_output(Capital, method="json_schema")
        assert shaped.invoke("The capital of Norway?") == Capital(country="Norway", capital="Oslo")
