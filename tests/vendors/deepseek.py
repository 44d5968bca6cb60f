"""A stand-in for DeepSeek.

Protocol: https://api-docs.deepseek.com (thinking mode, rate limit, create chat completion): it keeps connections alive
with comments, or with empty lines before a whole answer; it says usage on the last chunk that has a choice; it thinks
unless told not to, and refuses a turn with tool calls whose messages lack ``reasoning_content``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from vendors.base import Exchange, Scenario
from vendors.openai import SCENARIOS, Chat, OpenAIVendor, tool_calls

MISSING = "Missing `reasoning_content` field in the assistant message at message index {}."
ROLES = ("system", "user", "assistant", "tool")


class DeepSeekChat(Chat):
    """Usage in its own words and place."""

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_cache_hit_tokens": 4,
            "prompt_cache_miss_tokens": 7,
            "completion_tokens_details": {"reasoning_tokens": 3},
        }

    def begin(self) -> None:
        self.open_stream()
        self.comment("keep-alive")
        self.event(self.chunk({"role": "assistant", "content": ""}))

    def end_with(self, reason: str) -> None:
        self.event(self.chunk({"content": ""}, reason, usage=self.usage()))
        self.done()


def _faulty(chat: Chat) -> str:
    """What DeepSeek would refuse in the request; '' when nothing."""
    form = (chat.body.get("response_format") or {}).get("type", "text")
    if form not in ("text", "json_object"):
        return "This response_format type is unavailable now"
    if form == "json_object" and "json" not in str(chat.texts).lower():
        return "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
    thinking = (chat.body.get("thinking") or {}).get("type", "enabled")
    with_tools = any(message.get("tool_calls") for message in chat.body["messages"])
    for at, message in enumerate(chat.body["messages"]):
        if message["role"] not in ROLES:
            return f"unknown variant `{message['role']}`"
        if message["role"] != "assistant":
            continue
        said = "reasoning_content" in message
        if with_tools and thinking == "enabled" and not said:
            return MISSING.format(at)
        if said and not with_tools:
            return f"reasoning_content is not wanted in message {at}"
    return ""


def _checked(scenario: Scenario) -> Scenario:
    def checked(chat: Chat) -> None:
        fault = _faulty(chat)
        if fault:
            chat.answer(400, chat.server.error(400, fault))
        else:
            scenario(chat)

    return checked


def _parallel_tools(chat: Chat) -> None:
    chat.say({"reasoning_content": "Two cities, "}, {"reasoning_content": "two calls."}, *tool_calls("ds"),
             finish="tool_calls")  # fmt: skip


def _answer_after_tools(chat: Chat) -> None:
    chat.say({"reasoning_content": "They told me."}, {"content": "Warm."})


def _reasoning(chat: Chat) -> None:
    chat.say({"reasoning_content": "Let me "}, {"reasoning_content": "think."}, {"content": "Done."})


def _blocked(chat: Chat) -> None:
    chat.answer(400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error", "param": None,
                                "code": "invalid_request_error"}})  # fmt: skip


def _kept_alive(chat: Chat) -> None:
    """A busy vendor: signs of life, and then the answer."""
    if chat.streaming:
        chat.open_stream()
        for _ in range(5):
            chat.comment("keep-alive")
        chat.event(chat.chunk({"content": "At last."}))
        chat.end_with("stop")
    else:
        chat.open_stream("application/json")
        for _ in range(5):
            chat.send(b"\n")
        chat.line(chat.completion({"content": "At last."}))
        chat.end()


def _kept_alive_for_ever(chat: Chat) -> None:
    """Signs of life, and nothing else."""
    chat.open_stream("text/event-stream" if chat.streaming else "application/json")
    for _ in range(500):
        if chat.server.disconnected.wait(0.02):
            return
        chat.send(b": keep-alive\n\n" if chat.streaming else b"\n")


def _out_of_machines(chat: Chat) -> None:
    chat.say({"content": "I was just "}, finish="insufficient_system_resource")


class DeepSeekVendor(OpenAIVendor):
    """DeepSeek; ``deepseek-chat`` does not think."""

    base_path: ClassVar[str] = "/v1"
    exchange: ClassVar[type[Exchange]] = DeepSeekChat
    scenarios: ClassVar[Mapping[str, Scenario]] = {
        name: _checked(scenario)
        for name, scenario in {
            **{name: scenario for name, scenario in SCENARIOS.items() if name != "image"},
            "parallel-tools": _parallel_tools,
            "after-tools": _answer_after_tools,
            "reasoning": _reasoning,
            "content-block": _blocked,
            "kept-alive": _kept_alive,
            "kept-alive-for-ever": _kept_alive_for_ever,
            "out-of-machines": _out_of_machines,
        }.items()
    }
