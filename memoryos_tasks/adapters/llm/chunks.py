"""Answers of OpenAI's family, made regular: the small liberties that vendors take and clients do not expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: What every chunk of a stream has, apart from its choices.
_FRAME = ("id", "object", "created", "model")


class Chunks:
    """One stream's chunks.

    A chunk without choices is passed on only if it is the usage that the client asked for; what else it says (Azure's
    ``prompt_filter_results``) comes with the next chunk, since clients take ``choices[0]``. Usage that the vendor put
    on a chunk with choices moves to a chunk of its own, where it was asked for: some clients add up what several say.
    """

    def __init__(self, options: object) -> None:
        """``options``: the request's ``stream_options``."""
        wanted = options if isinstance(options, Mapping) else {}
        self._wants_usage = bool(wanted.get("include_usage"))
        #: vLLM: usage on every chunk, since the client asked for that.
        self._everywhere = bool(wanted.get("continuous_usage_stats"))
        self._frame: dict[str, Any] = {}
        self._held: dict[str, Any] = {}
        self._usage: Any = None
        self._open: set[str] = set()
        self._closed: set[str] = set()

    @property
    def finished(self) -> bool:
        """Whether every choice that began has its finish_reason."""
        return bool(self._closed) and not self._open - self._closed

    def regular(self, chunk: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunk as clients expect it; nothing when it has nothing for them yet."""
        for name in _FRAME:
            # Azure's annotations come with an empty id, model and time.
            if chunk.get(name):
                self._frame[name] = chunk[name]
            elif name in self._frame:
                chunk[name] = self._frame[name]
        usage = _regular_usage(chunk)
        if not chunk["choices"]:
            if usage and self._wants_usage:
                self._usage = None
                yield chunk
            else:
                self._held.update({name: value for name, value in chunk.items() if name not in _NOT_HELD})
            return
        # OpenRouter says its usage beside a choice that has ended.
        over = bool(usage) and all(self._over(choice) for choice in chunk["choices"])
        for choice in chunk["choices"]:
            self._note(choice)
        if usage and not self._everywhere:
            if self._wants_usage:
                self._usage, chunk["usage"] = usage, None
            else:
                del chunk["usage"]
            if over:
                return
        held, self._held = self._held, {}
        yield {**held, **chunk} if held else chunk

    def rest(self) -> Iterator[dict[str, Any]]:
        """What is left to say at the end of the stream."""
        if self._usage:
            yield {**self._frame, "choices": [], "usage": self._usage}

    def _over(self, choice: Mapping[str, Any]) -> bool:
        """Whether a choice that has ended says nothing more."""
        delta = choice.get("delta")
        said = isinstance(delta, Mapping) and any(value for name, value in delta.items() if name != "role")
        return str(choice.get("index")) in self._closed and not said

    def _note(self, choice: dict[str, Any]) -> None:
        index = str(choice.get("index"))
        (self._closed if choice.get("finish_reason") else self._open).add(index)
        if not isinstance(choice.get("delta"), dict):
            choice["delta"] = {}
        _regular_reasoning(choice["delta"])


_NOT_HELD = (*_FRAME, "choices", "usage")


def regular_completion(completion: dict[str, Any]) -> dict[str, Any]:
    """A whole answer, as clients expect it."""
    _regular_usage(completion)
    for choice in completion["choices"]:
        choice["message"].setdefault("content", None)
        _regular_reasoning(choice["message"])
    return completion


def _regular_reasoning(message: dict[str, Any]) -> None:
    """OpenRouter and newer servers call it ``reasoning``."""
    if isinstance(message.get("reasoning"), str) and not message.get("reasoning_content"):
        message["reasoning_content"] = message.pop("reasoning")


def _regular_usage(answer: dict[str, Any]) -> Mapping[str, Any] | None:
    """The usage, with DeepSeek's cached tokens where OpenAI has them."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    cached = usage.get("prompt_cache_hit_tokens")
    if isinstance(cached, int) and "cached_tokens" not in (usage.get("prompt_tokens_details") or {}):
        usage["prompt_tokens_details"] = {**(usage.get("prompt_tokens_details") or {}), "cached_tokens": cached}
    return usage
