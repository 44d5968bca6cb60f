"""Claude's stream events as OpenAI's chunks.

The events are those of Anthropic's page "Streaming messages". ``ping`` may come anywhere, and new kinds of events,
blocks and deltas may be added at any time: what is not known is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from memoryos_tasks.adapters.llm.claude_thoughts import THOUGHTS, Thoughts
from memoryos_tasks.adapters.llm.refusal import CONTENT_FILTER, failure
from memoryos_tasks.adapters.llm.reply import Reply, usage
from memoryos_tasks.adapters.llm.transport import Answer
from memoryos_tasks.core.errors import UpstreamRefused
from memoryos_tasks.ports.llm import ModelCall

Chunk = dict[str, Any]

#: Anthropic's page "Handling stop reasons". ``pause_turn`` is an answer that would go on if it were asked to.
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": CONTENT_FILTER,
}
_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


class ClaudeReply:
    """Makes the chunks of one answer, event by event. ``over`` is set once the answer is whole."""

    def __init__(
        self, call: ModelCall, answer: Answer, clock: Callable[[], float], keep: Callable[[dict[str, Any]], None]
    ) -> None:
        self._reply = Reply(call, clock)
        self._answer = answer
        self._keep = keep
        self._thoughts = Thoughts(call.model)
        self._blocks: dict[object, dict[str, Any]] = {}
        self._calls = 0
        self._spoke = False
        self._delta: Mapping[str, Any] = {}
        self._used: dict[str, int] = {}
        self.over = False

    def chunks(self, event: Mapping[str, Any], *, with_usage: bool) -> Iterator[Chunk]:
        """What an event says. Raises :class:`UpstreamError` and its children."""
        kind = event.get("type")
        if kind == "message_start":
            message = _object(event.get("message"))
            self._reply.named(message.get("model"))
            self._count(message.get("usage"))
        elif kind == "content_block_start":
            self._answer.started()
            yield from self._begin(event.get("index"), _object(event.get("content_block")))
        elif kind == "content_block_delta":
            yield from self._grow(event.get("index"), _object(event.get("delta")))
        elif kind == "content_block_stop":
            yield from self._close(event.get("index"))
        elif kind == "message_delta":
            said = _object(event.get("delta"))
            self._delta = {**self._delta, **{name: value for name, value in said.items() if value is not None}}
            self._count(event.get("usage"))
        elif kind == "message_stop":
            yield from self._end(with_usage)

    def _begin(self, index: object, block: Mapping[str, Any]) -> Iterator[Chunk]:
        held = {**block, "place": self._calls, "pieces": []}
        self._blocks[index] = held
        kind = block.get("type")
        if kind == "tool_use":
            id, name = block.get("id"), block.get("name")
            if not (isinstance(id, str) and id and isinstance(name, str) and name):
                raise self._answer.broken("called a tool without saying which")
            self._calls += 1
            self._spoke = True
            yield self._reply.tool_call(held["place"], id=id, name=name)
        elif kind in ("text", "thinking"):
            held[kind] = ""
            yield from self._say(held, str(block.get(kind) or ""))

    def _grow(self, index: object, delta: Mapping[str, Any]) -> Iterator[Chunk]:
        held = self._blocks.get(index)
        if held is None:
            raise self._answer.broken("streamed a part of a block that it had not begun")
        kind = delta.get("type")
        if kind == "text_delta" and held.get("type") == "text":
            yield from self._say(held, str(delta.get("text") or ""))
        elif kind == "thinking_delta" and held.get("type") == "thinking":
            yield from self._say(held, str(delta.get("thinking") or ""))
        elif kind == "signature_delta":
            held["signature"] = delta.get("signature")
        elif kind == "input_json_delta" and held.get("type") == "tool_use":
            piece = str(delta.get("partial_json") or "")
            if piece:
                held["pieces"].append(piece)
                yield self._reply.tool_call(held["place"], arguments=piece)

    def _say(self, held: dict[str, Any], text: str) -> Iterator[Chunk]:
        if not text:
            return
        held[held["type"]] += text
        if held["type"] == "text":
            self._spoke = True
            yield self._reply.text(text)
        else:
            yield self._reply.reasoning(text)

    def _close(self, index: object) -> Iterator[Chunk]:
        held = self._blocks.pop(index, None)
        if held is None:
            return
        kind = held.get("type")
        if kind == "tool_use":
            if not held["pieces"]:  # a tool without arguments, or a whole answer
                yield self._reply.tool_call(held["place"], arguments=held.get("input") or {})
            self._thoughts.called(held["id"])
        elif kind == "text":
            self._thoughts.add({"type": "text", "text": held["text"]})
        elif kind in THOUGHTS:
            self._thoughts.add({name: held[name] for name in held if name not in ("place", "pieces")})

    def _end(self, with_usage: bool) -> Iterator[Chunk]:
        reason = self._delta.get("stop_reason")
        if not isinstance(reason, str):
            raise self._answer.broken("ended its answer without a stop_reason")
        if reason == "refusal" and not self._spoke:
            raise self._refused()
        parts = self._thoughts.parts()
        if parts:
            self._keep(parts)  # before the client can come back with the results
        self.over = True
        yield self._reply.finish(_FINISHES.get(reason, reason))
        if with_usage and self._used:
            yield self._reply.usage(self._usage())

    def _refused(self) -> UpstreamRefused:
        details = _object(self._delta.get("stop_details"))
        why = details.get("explanation") or "it gave no reason"
        error = failure("claude", 400, {"message": why, "code": CONTENT_FILTER}, did="refused the prompt")
        assert isinstance(error, UpstreamRefused)
        return error

    def _count(self, used: object) -> None:
        """Counts are cumulative; those that are not said again stay."""
        given = _object(used)
        thought = _object(given.get("output_tokens_details")).get("thinking_tokens")
        for name, value in (*((name, given.get(name)) for name in _COUNTS), ("thinking_tokens", thought)):
            if isinstance(value, int):
                self._used[name] = value

    def _usage(self) -> dict[str, Any]:
        """The vendor's ``input_tokens`` are those beside the cache; OpenAI's prompt_tokens are all."""
        cached = self._used.get("cache_read_input_tokens", 0)
        prompt = self._used.get("input_tokens", 0) + cached + self._used.get("cache_creation_input_tokens", 0)
        said = self._used.get("output_tokens", 0)
        return usage(prompt, said, cached=cached, reasoning=self._used.get("thinking_tokens", 0))


def events_of(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The stream that a whole message would have been."""
    yield {"type": "message_start", "message": message}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": message}
    yield {"type": "message_stop"}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
