"""How many tokens a request's prompt takes.

Texts are counted; what stands around them is known only roughly: about four tokens a message (OpenAI's cookbook,
"How to count tokens"), about a thousand an image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memoryos_tasks.core.chat import Message
from memoryos_tasks.core.tokens import Count

AROUND_A_MESSAGE = 4
AN_IMAGE = 1_000
#: Before the answer.
_PRIMER = 3


def prompt_tokens(messages: Sequence[Message], tools: Any, count: Count) -> int:
    """Tokens of the messages and the tools that they may use."""
    return _PRIMER + sum(message_tokens(message, count) for message in messages) + count(_json(tools) if tools else "")


def message_tokens(message: Message, count: Count) -> int:
    """Tokens of one message."""
    images = sum(1 for part in _parts(message) if part.get("type") in ("image_url", "image"))
    return AROUND_A_MESSAGE + AN_IMAGE * images + sum(count(text) for text in _texts(message))


def at_most(messages: Sequence[Message], tools: Any) -> int:
    """A number of tokens that the prompt certainly does not exceed, found without counting: a token of text is at
    least one byte."""
    return prompt_tokens(messages, tools, _bytes)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _texts(message: Message) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in _parts(message):
        if isinstance(part.get("text"), str):
            yield part["text"]
    for name in ("tool_calls", "function_call"):
        if message.get(name):
            yield _json(message[name])


def _parts(message: Message) -> Iterator[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, list):
        yield from (part for part in content if isinstance(part, Mapping))


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""  # what JSON cannot carry is refused where it is sent
