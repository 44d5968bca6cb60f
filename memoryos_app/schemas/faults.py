"""Validation errors in the words of the API: which field, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError

from memoryos_tasks.core.errors import InvalidRequest


def path_of(keys: Sequence[str | int] | None) -> str | None:
    """``("messages", 0, "role")`` as ``messages[0].role``; None for the body itself."""
    path = ""
    for key in keys or ():
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
    return path or None


def invalid(error: ValidationError) -> InvalidRequest:
    """The first fault as :class:`InvalidRequest`; webargs puts the location (json, query) on top."""
    messages: Any = error.messages
    if isinstance(messages, dict) and len(messages) == 1 and next(iter(messages)) in ("json", "query"):
        messages = next(iter(messages.values()))
    keys, text = _first(messages, ())
    path = path_of(keys)
    return InvalidRequest(f"{path}: {text}" if path else text, param=path)


def _first(messages: Any, keys: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], str]:
    if isinstance(messages, dict) and messages:
        key, inner = next(iter(messages.items()))
        return _first(inner, keys if key == "_schema" else (*keys, key))
    if isinstance(messages, list) and messages:
        return _first(messages[0], keys)
    return keys, str(messages) or "is not valid."
