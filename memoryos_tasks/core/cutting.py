"""A conversation that is too long for its model, cut at its beginning."""

from __future__ import annotations

from collections.abc import Sequence

from memoryos_tasks.core.chat import Message
from memoryos_tasks.core.prompt_size import message_tokens
from memoryos_tasks.core.tokens import Count

_KEPT = ("system", "developer")


def without_oldest(messages: Sequence[Message], excess: int, count: Count) -> list[Message]:
    """The messages without the oldest exchanges that together take ``excess`` tokens or more.

    An exchange is a user's message and all that follows it up to the next one, so that a tool call never loses its
    result. System prompts and the last exchange always stay, so less than ``excess`` may be saved.
    """
    exchanges: list[list[int]] = []
    for place, message in enumerate(messages):
        if message.get("role") in _KEPT:
            continue
        if message.get("role") == "user" or not exchanges:
            exchanges.append([])
        exchanges[-1].append(place)
    dropped: set[int] = set()
    for exchange in exchanges[:-1]:
        if excess <= 0:
            break
        dropped.update(exchange)
        excess -= sum(message_tokens(messages[place], count) for place in exchange)
    return [message for place, message in enumerate(messages) if place not in dropped]
