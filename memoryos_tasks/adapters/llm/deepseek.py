"""DeepSeek: OpenAI's protocol with reasoning, whose return is required after tool calls and else not wanted.

Protocol: https://api-docs.deepseek.com/guides/thinking_mode. Its first reasoner refused ``reasoning_content`` in a
request; the later ones ignore it where no tool was called, and refuse a request without it where one was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memoryos_tasks.adapters.llm.json_words import by_schema, schema_of
from memoryos_tasks.adapters.llm.openai_compatible import Dialect, OpenAICompatibleProvider
from memoryos_tasks.core.errors import InvalidRequest

_REASONING = "reasoning_content"
#: The name of the mode that does not think unless asked to; all other models think unless asked not to.
_PLAIN = "deepseek-chat"

Message = Mapping[str, Any]


def request(body: dict[str, Any]) -> dict[str, Any]:
    """The request in DeepSeek's words."""
    if body.get("n") not in (None, 1):
        raise InvalidRequest("DeepSeek gives one answer: leave n at 1.", param="n")
    limit = body.pop("max_completion_tokens", None)
    if limit is not None:
        body.setdefault("max_tokens", limit)
    messages = [_renamed(message) for message in body.get("messages") or ()]
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        # "This response_format type is unavailable now": https://api-docs.deepseek.com/guides/json_mode
        messages = _instructed(messages, by_schema(schema_of(form)))
        body["response_format"] = {"type": "json_object"}
    return {**body, "messages": list(_reasoned(messages, thinks=_thinks(body)))}


class DeepSeekProvider(OpenAICompatibleProvider):
    """See :class:`OpenAICompatibleProvider`."""

    dialect = Dialect("deepseek", request=request, wanted_back=(_REASONING,))


def _thinks(body: Mapping[str, Any]) -> bool:
    thinking = body.get("thinking")
    wanted = thinking.get("type") if isinstance(thinking, Mapping) else None
    return wanted == "enabled" or (wanted != "disabled" and body.get("model") != _PLAIN)


def _renamed(message: Message) -> Message:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _instructed(messages: Sequence[Message], told: str) -> list[Message]:
    """The messages with this at the end of the first system message, or in one of its own."""
    at = next((place for place, message in enumerate(messages) if message.get("role") == "system"), None)
    if at is None:
        return [{"role": "system", "content": told}, *messages]
    said = messages[at].get("content")
    more: Any = [*said, {"type": "text", "text": told}] if isinstance(said, list) else f"{said or ''}\n\n{told}".strip()
    return [*messages[:at], {**messages[at], "content": more}, *messages[at + 1 :]]


def _reasoned(messages: Sequence[Message], *, thinks: bool) -> Iterator[Message]:
    """The messages, each assistant's with its reasoning where it has to come back, and without it elsewhere."""
    for turn in _turns(messages):
        with_tools = thinks and any(message.get("tool_calls") for message in turn)
        for message in turn:
            if message.get("role") != "assistant":
                yield message
            elif with_tools:
                # Without its words an empty text satisfies the vendor: it only asks for the field.
                yield {**message, _REASONING: message.get(_REASONING) or ""}
            else:
                yield {name: value for name, value in message.items() if name != _REASONING}


def _turns(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages from each user message to the one before the next."""
    turn: list[Message] = []
    for message in messages:
        if message.get("role") == "user" and turn:
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn
