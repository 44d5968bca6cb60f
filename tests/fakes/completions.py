"""Completions as a vendor gives them."""

from __future__ import annotations

import time
from typing import Any


def completion(text: str, id: str = "chatcmpl-1") -> dict[str, Any]:
    """A ``chat.completion`` that says ``text``."""
    message = {"role": "assistant", "content": text}
    return {
        "id": id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "offline",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    """A ``chat.completion.chunk`` that says ``text``."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
