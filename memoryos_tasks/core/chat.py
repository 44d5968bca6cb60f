"""What an OpenAI chat request says: the text of a message, what is new in it, and what it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]

#: Roles whose new messages become events. System prompts are the client's configuration, not conversation.
REMEMBERED = ("user", "tool")


def text_of(content: Any) -> str:
    """The text of a message's ``content``: a string, a list of parts (the text ones, one a line), or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = [_part(part) for part in content]
    return "\n".join(text for text in texts if text)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping):
        text = part.get("text")
        return text if isinstance(text, str) else ""
    return ""


def new_messages(messages: Sequence[Message]) -> list[Message]:
    """The user and tool messages after the last assistant message, in order.

    Clients resend the whole history, so everything up to the last reply is known already. An assistant message at
    the very end is the beginning of the reply to come (a prefill), not a reply, and does not count.
    """
    end = len(messages)
    while end and messages[end - 1].get("role") == "assistant":
        end -= 1
    start = end
    while start and messages[start - 1].get("role") != "assistant":
        start -= 1
    return [message for message in messages[start:end] if message.get("role") in REMEMBERED]


def question(messages: Sequence[Message]) -> str:
    """The text of the last user message, or ''."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return ""
