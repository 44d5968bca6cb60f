"""An answer in OpenAI's words, for providers whose vendor speaks otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from memoryos_tasks.ports.llm import ModelCall


class Reply:
    """Makes the ``chat.completion.chunk`` objects of one answer.

    A whole answer is :func:`memoryos_tasks.core.completion.assemble` of the same chunks, so both modes agree.
    ``clock`` gives seconds since the epoch.
    """

    def __init__(self, call: ModelCall, clock: Callable[[], float]) -> None:
        self._frame: dict[str, Any] = {
            "id": f"chatcmpl-{call.id}",
            "object": "chat.completion.chunk",
            "created": int(clock()),
            "model": call.model,
        }
        self.wants_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
        self._begun: set[int] = set()

    def named(self, model: object) -> None:
        """The vendor's own name of the model that answers."""
        if isinstance(model, str) and model:
            self._frame["model"] = model

    def text(self, text: str, index: int = 0) -> dict[str, Any]:
        """A piece of what is said."""
        return self.delta({"content": text}, index)

    def reasoning(self, text: str, index: int = 0) -> dict[str, Any]:
        """A piece of what is thought aloud, under the name that DeepSeek gave it and clients know."""
        return self.delta({"reasoning_content": text}, index)

    def tool_call(self, place: int, *, id: str = "", name: str = "", arguments: object = "", index: int = 0,
                  ) -> dict[str, Any]:
        """The beginning (``id`` and ``name``) or a piece of the arguments of tool call number ``place``."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        call: dict[str, Any] = {"index": place, "function": {"arguments": text}}
        if id:
            call |= {"id": id, "type": "function", "function": {"name": name, "arguments": text}}
        return self.delta({"tool_calls": [call]}, index)

    def finish(self, reason: str, index: int = 0) -> dict[str, Any]:
        """The end of one choice: ``stop``, ``length``, ``tool_calls`` or ``content_filter``."""
        return self._chunk([{"index": index, "delta": self._role(index), "finish_reason": reason}])

    def usage(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """The last chunk, which has no choices (``stream_options.include_usage``)."""
        return self._chunk([], usage)

    def delta(self, delta: Mapping[str, Any], index: int = 0) -> dict[str, Any]:
        """A piece of any other kind."""
        return self._chunk([{"index": index, "delta": {**self._role(index), **delta}, "finish_reason": None}])

    def _role(self, index: int) -> dict[str, Any]:
        if index in self._begun:
            return {}
        self._begun.add(index)
        return {"role": "assistant"}

    def _chunk(self, choices: list[dict[str, Any]], usage: Mapping[str, Any] | None = None) -> dict[str, Any]:
        extra = {"usage": usage} if usage is not None or self.wants_usage else {}
        return {**self._frame, "choices": choices, **extra}


def usage(prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """OpenAI's usage object. ``prompt`` holds the ``cached`` tokens, ``completion`` the ``reasoning`` ones."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
