"""Chat completions: the whole out of the chunks, and the text that was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def assemble(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The ``chat.completion`` that these ``chat.completion.chunk`` objects add up to.

    Nothing is added that no chunk said: ``finish_reason`` stays None and ``usage`` absent where they were.
    """
    whole: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for key in ("id", "created", "model", "system_fingerprint", "service_tier", "usage"):
            if chunk.get(key) is not None:
                whole[key] = chunk[key]
        for part in chunk.get("choices") or ():
            _add(choices.setdefault(part.get("index", 0), _choice(part.get("index", 0))), part)
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole


def said(completion: Mapping[str, Any]) -> str:
    """The text of the first choice; '' where it is none (a tool call, a refusal)."""
    for choice in completion.get("choices") or ():
        content = (choice.get("message") or {}).get("content")
        return _whole(content) if isinstance(content, str) else ""
    return ""


def _whole(text: str) -> str:
    """Halves of a surrogate pair that came in two chunks joined; a half that stays alone becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _choice(index: int) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None}


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    if part.get("finish_reason") is not None:
        choice["finish_reason"] = part["finish_reason"]
    message = choice["message"]
    for key, value in (part.get("delta") or {}).items():
        if key == "tool_calls":
            _add_tool_calls(message.setdefault("tool_calls", []), value or ())
        elif key == "role":
            message["role"] = value or message["role"]
        elif isinstance(value, str):
            message[key] = (message.get(key) or "") + value
        elif value is not None:
            message[key] = value


def _add_tool_calls(calls: list[dict[str, Any]], parts: Iterable[Mapping[str, Any]]) -> None:
    for part in parts:
        index = part.get("index", len(calls))
        while len(calls) <= index:
            calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
        call = calls[index]
        # "extra_content" is what its vendor wants back with the call (Google's thought signatures).
        for key in ("id", "type", "extra_content"):
            if part.get(key):
                call[key] = part[key]
        for key in ("name", "arguments"):
            call["function"][key] += (part.get("function") or {}).get(key) or ""
