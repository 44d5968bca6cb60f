"""What every provider must do for an OpenAI client, one function a row; ``python`` and this file print the table.

A row asks through the official client, whole and streamed, and is the same for all providers: each vendor's stand-in
says the same words in its own dialect.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest
from openai import OpenAI
from vendors.base import RETRY_AFTER, Vendor

PROVIDERS = (
    "openai", "azure_openai", "claude", "gemini", "ollama", "deepseek", "openrouter", "openai_compatible",
)  # fmt: skip

#: The smallest PNG: one transparent pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
#: Seconds within which a client's hanging up must reach the vendor.
CANCELLED_WITHIN = 3.0


@dataclass
class Heard:
    """One answer, the same whether it came whole or in pieces."""

    text: str = ""
    reasoning: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    finish: list[str] = field(default_factory=list)
    usage: Any = None
    pieces: int = 0


@dataclass
class Case:
    """One provider behind a running system."""

    provider: str
    client: OpenAI
    vendor: Vendor

    def whole(self, model: str, messages: Any = None, **more: Any) -> Heard:
        """Ask for a whole answer."""
        answer = self.client.chat.completions.create(
            model=f"{self.provider}/{model}", messages=messages or said("Hello"), **more
        )
        [choice] = answer.choices
        message = choice.message
        assert message.role == "assistant"
        called = [
            {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
            for call in message.tool_calls or ()
            if call.type == "function"
        ]
        thought = getattr(message, "reasoning_content", None) or ""
        return Heard(message.content or "", thought, called, [choice.finish_reason], answer.usage, 1)

    def streamed(self, model: str, messages: Any = None, **more: Any) -> Heard:
        """Ask for a stream and read it to its end."""
        heard = Heard()
        for _ in self.hearing(heard, model, messages, **more):
            pass
        return heard

    def hearing(self, heard: Heard, model: str, messages: Any = None, **more: Any) -> Iterator[None]:
        """Ask for a stream, and add each piece to ``heard``."""
        stream = self.client.chat.completions.create(
            model=f"{self.provider}/{model}", messages=messages or said("Hello"), stream=True, **more
        )
        with stream:
            for chunk in stream:
                _add(heard, chunk)
                yield

    def both(self, model: str, messages: Any = None, **more: Any) -> list[Heard]:
        """Ask in both ways."""
        return [self.whole(model, messages, **more), self.streamed(model, messages, **more)]

    def refused(self, kind: type[openai.APIStatusError], model: str, **more: Any) -> list[openai.APIStatusError]:
        """Ask in both ways; the errors, which are of this kind."""
        found = []
        for ask in (self.whole, self.streamed):
            with pytest.raises(kind) as caught:
                ask(model, **more)
            assert isinstance(caught.value.body, dict)
            assert caught.value.body.get("message")
            found.append(caught.value)
        return found


def _add(heard: Heard, chunk: Any) -> None:
    heard.pieces += 1
    if not chunk.choices:
        assert heard.usage is None, "usage came twice"
        heard.usage = chunk.usage
        return
    assert heard.usage is None, "usage did not come last"
    assert chunk.usage is None, "usage came with a choice"
    assert not heard.finish, "something came after the finish reason"
    [choice] = chunk.choices
    delta = choice.delta
    heard.text += delta.content or ""
    heard.reasoning += getattr(delta, "reasoning_content", None) or ""
    for call in delta.tool_calls or ():
        while len(heard.calls) <= call.index:
            heard.calls.append({"id": "", "name": "", "arguments": ""})
        known = heard.calls[call.index]
        known["id"] = known["id"] or call.id or ""
        known["name"] += call.function.name or ""
        known["arguments"] += call.function.arguments or ""
    if choice.finish_reason:
        heard.finish.append(choice.finish_reason)


def said(text: Any, *before: Any) -> list[Any]:
    """Messages that end with this one of the user."""
    return [*before, {"role": "user", "content": text}]


def text(case: Case) -> None:
    """A whole answer."""
    heard = case.whole("echo", said("Grüß Gott, 你好!"))
    assert heard.text == "Grüß Gott, 你好!"
    assert heard.finish == ["stop"]


def stream(case: Case) -> None:
    """The same answer in pieces, with one finish reason, at its end."""
    heard = case.streamed("echo", said("Grüß Gott, 你好 and good day to you!"))
    assert heard.text == "Grüß Gott, 你好 and good day to you!"
    assert heard.finish == ["stop"]
    assert heard.pieces > 1


def system(case: Case) -> None:
    """The system prompt arrives as one."""
    for heard in case.both("system", said("Hello", {"role": "system", "content": "You are 小明, a pirate."})):
        assert "You are 小明, a pirate." in heard.text


def parallel_tools(case: Case) -> None:
    """Two calls in one answer, with ids, names and arguments in JSON."""
    for heard in case.both("parallel-tools", said("The weather in Oslo and 杭州?"), tools=[WEATHER]):
        assert [call["name"] for call in heard.calls] == ["get_weather", "get_weather"]
        assert [json.loads(call["arguments"]) for call in heard.calls] == [{"city": "Oslo"}, {"city": "杭州"}]
        ids = {call["id"] for call in heard.calls}
        assert len(ids) == 2
        assert all(ids)
        assert heard.finish == ["tool_calls"]


def tool_result(case: Case) -> None:
    """What the tools gave goes back to the model that called them."""
    asked = said("The weather in Oslo and 杭州?")
    called = case.whole("parallel-tools", asked, tools=[WEATHER]).calls
    calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in called
    ]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": content}
        for call, content in zip(called, ("15 °C", "22 °C"), strict=True)
    ]
    messages = [*asked, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    for heard in case.both("tool-result", messages, tools=[WEATHER]):
        assert "15 °C" in heard.text
        assert "22 °C" in heard.text
        assert heard.finish == ["stop"]


def image(case: Case) -> None:
    """An image in the message, as a data: URL."""
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    for heard in case.both("image", said(parts)):
        assert heard.text == f"image/png {len(PNG)}"


def json_mode(case: Case) -> None:
    """JSON, asked for by a schema; where the vendor has no schemas it is put in words."""
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    for heard in case.both("json", said("The answer?"), response_format=form):
        assert json.loads(heard.text) == {"answer": 42}
        assert heard.finish == ["stop"]


def reasoning(case: Case) -> None:
    """What the model thinks aloud comes apart from what it says."""
    for heard in case.both("reasoning", said("Think."), reasoning_effort="low"):
        assert heard.reasoning == "Let me think."
        assert heard.text == "Done."


#: What each vendor can count beside the two sums.
COUNTS = {"ollama": (11, None, 7, None)}


def usage(case: Case) -> None:
    """Tokens that add up, cached and reasoning ones included; in a stream only when asked for, and last."""
    prompt, cached, completion, thought = COUNTS.get(case.provider, (11, 4, 7, 3))
    heard = case.whole("echo"), case.streamed("echo", stream_options={"include_usage": True})
    for used in (one.usage for one in heard):
        assert (used.prompt_tokens, used.completion_tokens) == (prompt, completion)
        assert used.total_tokens == prompt + completion
        if cached is not None:
            assert used.prompt_tokens_details.cached_tokens == cached
        if thought is not None:
            assert used.completion_tokens_details.reasoning_tokens == thought
    assert case.streamed("echo").usage is None


def length(case: Case) -> None:
    """An answer that ran into its limit says so."""
    for heard in case.both("length", max_tokens=1):
        assert heard.text == "Cut"
        assert heard.finish == ["length"]


def content_block(case: Case) -> None:
    """A prompt that the vendor's filter refuses is a 400 that is never sent again."""
    for error in case.refused(openai.BadRequestError, "content-block"):
        assert error.code == "content_filter"
    assert len(case.vendor.asked("content-block")) == 2


def status_401(case: Case) -> None:
    """Wrong credentials."""
    case.refused(openai.AuthenticationError, "status-401")


def status_404(case: Case) -> None:
    """No such model."""
    case.refused(openai.NotFoundError, "status-404")


def status_429(case: Case) -> None:
    """Too many requests, and when to come again."""
    for error in case.refused(openai.RateLimitError, "status-429"):
        assert error.response.headers["retry-after"] == RETRY_AFTER


def status_500(case: Case) -> None:
    """The vendor fails."""
    for error in case.refused(openai.InternalServerError, "status-500"):
        assert error.status_code in (500, 502)


def truncated(case: Case) -> None:
    """A stream that stops without its terminal event is an error, never a finished answer."""
    _breaks(case, "truncated")


def error_mid_stream(case: Case) -> None:
    """So is one that says in the middle that it failed."""
    _breaks(case, "error-mid-stream")


def _breaks(case: Case, model: str) -> None:
    heard = Heard()
    hearing = case.hearing(heard, model)
    with pytest.raises(openai.APIError):
        list(hearing)
    assert heard.text, "the words before the break did not come"
    assert not heard.finish, f"a finish reason was made up: {heard.finish}"


def slow_first_token(case: Case) -> None:
    """A vendor that says nothing is a timeout, while the client still can be told so."""
    with pytest.raises(openai.InternalServerError) as caught:
        case.streamed("slow-first-token")
    assert caught.value.status_code == 504


def disconnect(case: Case) -> None:
    """A client that hangs up ends the vendor's work within 3 s."""
    heard = Heard()
    hearing = case.hearing(heard, "hang")
    next(hearing)
    hearing.close()
    end = time.monotonic() + CANCELLED_WITHIN
    while "hang" not in case.vendor.gone:
        assert time.monotonic() < end, f"the vendor was not let go within {CANCELLED_WITHIN:g} s"
        time.sleep(0.02)


CHECKS: dict[str, Callable[[Case], None]] = {
    "text": text,
    "stream": stream,
    "system": system,
    "parallel tools": parallel_tools,
    "tool result": tool_result,
    "image": image,
    "JSON": json_mode,
    "reasoning": reasoning,
    "usage": usage,
    "length stop": length,
    "content block": content_block,
    "401": status_401,
    "404": status_404,
    "429 with Retry-After": status_429,
    "500": status_500,
    "truncated stream": truncated,
    "error mid-stream": error_mid_stream,
    "slow first token": slow_first_token,
    "disconnect": disconnect,
}

#: Where a vendor's protocol has no such thing: (provider, check) → why.
NOT_APPLICABLE: Mapping[tuple[str, str], str] = {
    ("ollama", "content block"): "Ollama has no content filter: its protocol knows no refused prompt.",
    ("deepseek", "image"): "DeepSeek's protocol takes text alone; its refusal is passed on as a 400.",
}


def table() -> str:
    """The rows and columns as Markdown: ✓ is asserted on every run of the tests, n/a has its reason below."""
    reasons = list(dict.fromkeys(NOT_APPLICABLE.values()))
    lines = [
        "# Conformance",
        "",
        "What an OpenAI client can rely on, by provider. Every ✓ is asserted on every run of the tests "
        "(`tests/acceptance/test_conformance.py`):",
        "the official `openai` client asks a whole running MemoryOS, for a whole answer and for a stream, and MemoryOS",
        "asks a stand-in that speaks the vendor's own protocol.",
        "This page is written by `python tests/conformance_table.py > docs/conformance.md`.",
        "",
        "| | " + " | ".join(f"`{provider}`" for provider in PROVIDERS) + " |",
        "|---|" + ":-:|" * len(PROVIDERS),
    ]
    for name in CHECKS:
        cells = [
            f"n/a {reasons.index(NOT_APPLICABLE[provider, name]) + 1}" if (provider, name) in NOT_APPLICABLE else "✓"
            for provider in PROVIDERS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "What each row asserts:", ""]
    lines += [f"- **{name}**: {_first_line(check)}" for name, check in CHECKS.items()]
    if reasons:
        lines += ["", "Not applicable:", ""]
        lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join(lines) + "\n"


def _first_line(check: Callable[[Case], None]) -> str:
    return (check.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    print(table(), end="")
