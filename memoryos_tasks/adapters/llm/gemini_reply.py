"""Gemini's GenerateContentResponse as OpenAI's chunks.

Source: the Gemini API's reference of generateContent. A part is text, a thought, or a whole function call, in any mix.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from memoryos_tasks.adapters.llm.gemini_errors import FINISH, ended_badly
from memoryos_tasks.adapters.llm.gemini_messages import FOREIGN
from memoryos_tasks.adapters.llm.reply import Reply, usage
from memoryos_tasks.adapters.llm.transport import Answer
from memoryos_tasks.ports.llm import ModelCall

#: Keeps a signature by the id of the tool call that it came with.
Keep = Callable[[str, str], None]


@dataclass(slots=True)
class Candidate:
    """What is known of one of the answers asked for."""

    calls: int = 0
    reason: str = ""
    message: Any = None
    ids: set[str] = field(default_factory=set)


class GeminiReply:
    """Reads the responses of one call, in order, then :meth:`end`. Raises :class:`UpstreamError`."""

    def __init__(self, call: ModelCall, answer: Answer, keep: Keep, clock: Callable[[], float], secret: str) -> None:
        self._reply = Reply(call, clock)
        self._answer = answer
        self._keep = keep
        self._secret = secret
        # Gemini cannot be told to call one tool at a time; what it calls beyond the first it will call again.
        self._most_calls = 1 if call.body.get("parallel_tool_calls") is False else None
        wanted = call.body.get("n")
        self._wanted = wanted if isinstance(wanted, int) else 1
        self._candidates: dict[int, Candidate] = {}
        self._usage: Mapping[str, Any] = {}

    @property
    def whole(self) -> bool:
        """Whether every answer that was asked for has ended."""
        ended = [candidate for candidate in self._candidates.values() if candidate.reason]
        return len(ended) >= self._wanted

    @property
    def usage(self) -> dict[str, Any] | None:
        """What it took, in OpenAI's counts; None when Gemini did not say."""
        if not self._usage:
            return None
        thought = self._count("thoughtsTokenCount")
        return usage(
            self._count("promptTokenCount") + self._count("toolUsePromptTokenCount"),
            self._count("candidatesTokenCount") + thought,
            cached=self._count("cachedContentTokenCount"),
            reasoning=thought,
        )

    def chunks(self, said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of one response."""
        self._reply.named(said.get("modelVersion"))
        self._usage = _object(said.get("usageMetadata")) or self._usage
        for given in _objects(said.get("candidates")):
            index = given.get("index")
            index = index if isinstance(index, int) else 0  # Zeros are left out.
            candidate = self._candidates.setdefault(index, Candidate())
            for part in _objects(_object(given.get("content")).get("parts")):
                yield from self._part(part, candidate, index)
            candidate.reason = str(given.get("finishReason") or candidate.reason)
            candidate.message = given.get("finishMessage") or candidate.message

    def end(self) -> Iterator[dict[str, Any]]:
        """The chunks that close the answer, once there are no more responses."""
        if not self._candidates:
            raise self._answer.broken("answered without candidates")
        finishes = [(index, self._finish(candidate)) for index, candidate in sorted(self._candidates.items())]
        for index, reason in finishes:
            yield self._reply.finish(reason, index)
        if self._reply.wants_usage and self.usage:
            yield self._reply.usage(self.usage)

    def _part(self, part: Mapping[str, Any], candidate: Candidate, index: int) -> Iterator[dict[str, Any]]:
        text, call = part.get("text"), part.get("functionCall")
        if isinstance(call, Mapping):
            if self._most_calls is None or candidate.calls < self._most_calls:
                yield self._call(call, part.get("thoughtSignature"), candidate, index)
        elif isinstance(text, str) and text:
            yield self._reply.reasoning(text, index) if part.get("thought") else self._reply.text(text, index)
        elif part.get("inlineData"):
            raise self._answer.broken("answered with a picture or sound, which a chat completion cannot carry")

    def _call(
        self, call: Mapping[str, Any], signature: Any, candidate: Candidate, index: int
    ) -> dict[str, Any]:
        id = call.get("id")
        if not isinstance(id, str) or not id or id in candidate.ids:
            id = f"{FOREIGN}{uuid.uuid4().hex[:24]}"
        candidate.ids.add(id)
        chunk = self._reply.tool_call(candidate.calls, id=id, name=str(call.get("name") or ""),
                                      arguments=call.get("args") or {}, index=index)
        candidate.calls += 1
        if isinstance(signature, str) and signature:
            # Kept before the client hears of the call, which it may answer at once.
            self._keep(id, signature)
            made = chunk["choices"][0]["delta"]["tool_calls"][0]
            made["extra_content"] = {"google": {"thought_signature": signature}}
        return chunk

    def _finish(self, candidate: Candidate) -> str:
        if not candidate.reason:
            raise self._answer.broken("broke off its answer: no finishReason came")
        reason = FINISH.get(candidate.reason)
        if reason is None:
            raise ended_badly("gemini", candidate.reason, candidate.message, secret=self._secret)
        # Gemini says STOP for calls of tools as well.
        return "tool_calls" if reason == "stop" and candidate.calls else reason

    def _count(self, name: str) -> int:
        value = self._usage.get(name)
        return value if isinstance(value, int) else 0


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
