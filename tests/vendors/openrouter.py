"""A stand-in for OpenRouter.

Protocol: https://openrouter.ai/docs/api/reference/errors-and-debugging, …/streaming and …/use-cases/reasoning-tokens:
comments while it waits for a vendor, errors in a 200 and in the middle of a stream, usage in every stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from vendors.base import Exchange, Scenario
from vendors.openai import SCENARIOS, Chat, OpenAIVendor, begin, tool_calls

PROCESSING = "OPENROUTER PROCESSING"
SIGNATURE = "c2lnbmVkIGJ5IHRoZSB2ZW5kb3I="


class RouterChat(Chat):
    """Comments before the first chunk, usage in a last one, asked for or not, beside a choice that has ended."""

    def begin(self) -> None:
        self.open_stream()
        self.comment(PROCESSING)
        self.comment(PROCESSING)
        self.event(self.chunk({"role": "assistant", "content": ""}, provider="Tests"))

    def end_with(self, reason: str) -> None:
        self.event(self.chunk({"content": ""}, reason))
        self.comment(PROCESSING)
        over = self.chunk({"role": "assistant", "content": ""})
        self.event({**over, "usage": self.usage()})
        self.done()


def detail(text: str, **more: Any) -> dict[str, Any]:
    """A piece of ``reasoning_details``."""
    return {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0, **more}


#: What two pieces and a signature are together, as they have to come back.
DETAILS = [detail("Two cities, two calls.", signature=SIGNATURE)]


def _parallel_tools(chat: Chat) -> None:
    chat.say(
        {"reasoning": "Two cities, ", "reasoning_details": [detail("Two cities, ")]},
        {"reasoning": "two calls.", "reasoning_details": [detail("two calls.")]},
        {"reasoning_details": [detail("", signature=SIGNATURE)]},
        *tool_calls("or"),
        finish="tool_calls",
    )


def _reasoning(chat: Chat) -> None:
    chat.say({"reasoning": "Let me "}, {"reasoning": "think."}, {"content": "Done."})


def _blocked(chat: Chat) -> None:
    chat.answer(403, {"error": {
        "code": 403, "message": "Input was flagged.",
        "metadata": {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI", "model_slug": "gpt-4o"},
    }})  # fmt: skip


def _error_mid_stream(chat: Chat) -> None:
    if not chat.streaming:
        chat.answer(200, chat.server.error(502, "Provider disconnected"))
        return
    begin(chat)
    failed = chat.chunk({"content": ""}, "error")
    chat.event({**failed, "provider": "Tests", "error": {"code": "server_error", "message": "Provider disconnected"}})
    chat.end()


def _limited_inside(chat: Chat) -> None:
    """A 200 whose body is an error: the answer had begun before the vendor behind it refused."""
    chat.answer(200, {"error": {"code": 429, "message": "Rate limit exceeded: limit_rpm"}, "user_id": "user_1"})


def _failed_choice(chat: Chat) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Well"}, "finish_reason": "error",
              "error": {"code": 503, "message": "Overloaded"}}  # fmt: skip
    chat.answer(200, {**chat.completion({}), "choices": [choice]})


class OpenRouterVendor(OpenAIVendor):
    """OpenRouter."""

    base_path: ClassVar[str] = "/api/v1"
    exchange: ClassVar[type[Exchange]] = RouterChat
    scenarios: ClassVar[Mapping[str, Scenario]] = {
        **SCENARIOS,
        "parallel-tools": _parallel_tools,
        "reasoning": _reasoning,
        "content-block": _blocked,
        "error-mid-stream": _error_mid_stream,
        "limited-inside": _limited_inside,
        "failed-choice": _failed_choice,
    }

    def error(self, status: int, message: str) -> object:
        return {"error": {"code": status, "message": message}}
