"""Anthropic's Messages API for tests: refuses what the vendor refuses, streams its events, breaks as told.

After Anthropic's pages "Messages", "Streaming messages", "Errors", "Handling stop reasons", "Tool use" and "Thinking".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from vendors.base import Exchange, Scenario, Vendor

TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error",
    500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
CITIES = ("Oslo", "杭州")
THOUGHT = {"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmF0dXJl"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}
FAULT = "fault: "
Block = dict[str, Any]


def text(said: str) -> Block:
    """A text block."""
    return {"type": "text", "text": said}


def calls() -> list[Block]:
    """Two parallel calls."""
    return [
        {"type": "tool_use", "id": f"toolu_{at}", "name": "get_weather", "input": {"city": city}}
        for at, city in enumerate(CITIES)
    ]


class ClaudeExchange(Exchange):
    """One request, answered in the vendor's events."""

    def say(self, blocks: Iterable[Block], stop: str = "end_turn", **delta: Any) -> None:
        """A whole answer of these blocks, or its stream."""
        if not self.streaming:
            message = {**self.message(list(blocks)), "stop_reason": stop, "stop_sequence": None, **delta}
            self.answer(200, {**message, "usage": USAGE})
            return
        self.begin()
        for index, block in enumerate(blocks):
            self.block(index, block)
        self.conclude(stop, **delta)

    def message(self, content: list[Block]) -> Block:
        """The frame of a message."""
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": f"{self.model}-20260101",
            "content": content, "stop_reason": None, "stop_sequence": None,
        }  # fmt: skip

    def named(self, event: Mapping[str, Any]) -> None:
        """An event, whose name is its type."""
        self.event(event, name=event["type"])

    def begin(self) -> None:
        """The head of a stream."""
        self.open_stream()
        started = {**self.message([]), "usage": {**USAGE, "output_tokens": 1}}
        self.named({"type": "message_start", "message": started})
        self.named({"type": "ping"})

    def block(self, index: int, block: Block) -> None:
        """One block: its beginning, its pieces, its end."""
        start, *deltas = _pieces(block)
        self.named({"type": "content_block_start", "index": index, "content_block": start})
        for delta in deltas:
            self.named({"type": "content_block_delta", "index": index, "delta": delta})
        self.named({"type": "content_block_stop", "index": index})

    def conclude(self, stop: str, **delta: Any) -> None:
        """The last events; the counts are those of the whole message."""
        self.named({
            "type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None, **delta},
            "usage": {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}},
        })
        self.named({"type": "message_stop"})
        self.end()

    @property
    def last(self) -> list[Block]:
        """The blocks of the last turn."""
        return _blocks(self.body["messages"][-1]["content"])


USAGE = {
    "input_tokens": 5, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4, "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 3}, "service_tier": "standard",
}  # fmt: skip


def _blocks(content: Any) -> list[Block]:
    return [text(content)] if isinstance(content, str) else list(content)


def _pieces(block: Block) -> list[Block]:
    """A block as it is streamed: empty, then grown."""
    kind = block["type"]
    if kind == "text":
        said = block["text"]
        cuts = [said[at : at + 3] for at in range(0, len(said), 3)]
        return [text(""), *({"type": "text_delta", "text": cut} for cut in cuts)]
    if kind == "thinking":
        return [
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    if kind == "tool_use":
        given = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
        pieces = [given[: len(given) // 2], given[len(given) // 2 :]]
        return [{**block, "input": {}}, *({"type": "input_json_delta", "partial_json": each} for each in ("", *pieces))]
    return [block]


def said_last(exchange: ClaudeExchange) -> str:
    """The text of the last turn."""
    return "".join(block["text"] for block in exchange.last if block["type"] == "text")


def echo(exchange: ClaudeExchange) -> None:
    """The last user text."""
    exchange.say([text(said_last(exchange))])


def system(exchange: ClaudeExchange) -> None:
    """The system prompt."""
    given = exchange.body.get("system") or "no system prompt"
    exchange.say([text("\n\n".join(block["text"] for block in _blocks(given)))])


def parallel_tools(exchange: ClaudeExchange) -> None:
    """Two calls in one turn; without tools there is nothing to call."""
    exchange.say([text("Calling."), *calls()] if exchange.body.get("tools") else [text("no tools")], "tool_use")


def thinking_tools(exchange: ClaudeExchange) -> None:
    """The same, thought about: a thought before each call, one of them withheld."""
    first, second = calls()
    exchange.say([THOUGHT, text("Calling."), first, HIDDEN, second], "tool_use")


def empty_tool(exchange: ClaudeExchange) -> None:
    """A call without arguments."""
    exchange.say([{"type": "tool_use", "id": "toolu_0", "name": "now", "input": {}}], "tool_use")


def tool_result(exchange: ClaudeExchange) -> None:
    """What the tools gave."""
    given = [block.get("content", "") for block in exchange.last if block["type"] == "tool_result"]
    told = (part["text"] for content in given for part in _blocks(content))
    exchange.say([text(", ".join(told))])


def image(exchange: ClaudeExchange) -> None:
    """The image's type and size, or its URL."""
    [source] = [block["source"] for block in exchange.last if block["type"] == "image"]
    if source["type"] == "url":
        exchange.say([text(source["url"])])
        return
    exchange.say([text(f"{source['media_type']} {len(base64.b64decode(source['data']))}")])


def json_answer(exchange: ClaudeExchange) -> None:
    """JSON where it was asked for, by schema or in the system prompt."""
    form = exchange.body.get("output_config", {}).get("format", {})
    asked = form.get("type") == "json_schema" or "JSON object" in str(exchange.body.get("system"))
    exchange.say([text('{"answer": 42}' if asked else "no JSON was asked for")])


def reasoning(exchange: ClaudeExchange) -> None:
    """A thought, where thinking is on."""
    thinks = exchange.body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    exchange.say([*([THOUGHT] if thinks else []), text("Done.")])


def blocked(exchange: ClaudeExchange) -> None:
    """The prompt was refused before a word was said."""
    details = {"type": "refusal", "category": "cyber", "explanation": "This could enable harm."}
    exchange.say([], "refusal", stop_details=details)


def policy(exchange: ClaudeExchange) -> None:
    """The filter's own error."""
    exchange.answer(400, exchange.server.error(400, "Output blocked by content filtering policy"))


def strange(exchange: ClaudeExchange) -> None:
    """All that may come between: pings, comments, events, blocks and deltas that nobody knows yet."""
    exchange.begin()
    exchange.comment("keep-alive")
    exchange.named({"type": "message_thought_of", "what": [1, 2]})
    exchange.named({"type": "content_block_start", "index": 0, "content_block": {"type": "hologram", "data": "x"}})
    exchange.named({"type": "content_block_delta", "index": 0, "delta": {"type": "hologram_delta", "data": "y"}})
    exchange.named({"type": "content_block_stop", "index": 0})
    exchange.named({"type": "content_block_start", "index": 1, "content_block": text("")})
    for piece in ("Hello", " 世界"):
        exchange.named({"type": "ping"})
        exchange.named({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": piece}})
    exchange.named({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {}}})
    exchange.named({"type": "content_block_stop", "index": 1})
    exchange.named({"type": "ping"})
    for reason in ("end_turn", None):
        exchange.named({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}})
    exchange.named({"type": "message_stop"})
    exchange.named({"type": "afterglow"})
    exchange.end()


def nameless(exchange: ClaudeExchange) -> None:
    """A call that does not say of what."""
    exchange.say([{"type": "tool_use", "id": "", "name": "", "input": {}}], "tool_use")


def half(exchange: ClaudeExchange) -> None:
    """The beginning of an answer."""
    exchange.begin()
    exchange.named({"type": "content_block_start", "index": 0, "content_block": text("")})
    exchange.named({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}})


def truncated(exchange: ClaudeExchange) -> None:
    """No message_stop comes."""
    if exchange.streaming:
        half(exchange)
        exchange.end()
    else:
        exchange.open_body()
    exchange.drop()


def unfinished(exchange: ClaudeExchange) -> None:
    """A message_stop without a stop_reason before it."""
    half(exchange)
    exchange.named({"type": "message_stop"})
    exchange.end()


def fails(kind: str, message: str, exchange: ClaudeExchange, *, after: Callable[[Any], None] = half) -> None:
    """An error event after a 200."""
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    if not exchange.streaming:
        exchange.answer(529, error)
        return
    after(exchange)
    exchange.named(error)
    exchange.end()


def slow_first_token(exchange: ClaudeExchange) -> None:
    """Headers and pings, but no word."""
    if exchange.streaming:
        exchange.begin()
    exchange.wait_gone()


def hang(exchange: ClaudeExchange) -> None:
    """One word, then silence."""
    half(exchange)
    exchange.wait_gone()


class ClaudeVendor(Vendor):
    """The vendor's host."""

    exchange = ClaudeExchange
    scenarios: ClassVar[Mapping[str, Scenario]] = {
        "echo": echo,
        "system": system,
        "parallel-tools": parallel_tools,
        "thinking-tools": thinking_tools,
        "claude-opus-4-8": thinking_tools,
        "claude-opus-5-5": thinking_tools,
        "empty-tool": empty_tool,
        "tool-result": tool_result,
        "image": image,
        "json": json_answer,
        "reasoning": reasoning,
        "length": lambda exchange: exchange.say([text("Cut")], "max_tokens"),
        "window": lambda exchange: exchange.say([text("Cut")], "model_context_window_exceeded"),
        "stop-sequence": lambda exchange: exchange.say([text("Until")], "stop_sequence"),
        "new-stop": lambda exchange: exchange.say([text("Hm")], "enlightened"),
        "content-block": blocked,
        "content-policy": policy,
        "content-cut": lambda exchange: exchange.say([text("First you")], "refusal"),
        "strange": strange,
        "nameless": nameless,
        "truncated": truncated,
        "unfinished": unfinished,
        "error-mid-stream": partial(fails, "overloaded_error", "Overloaded"),
        "limited-mid-stream": partial(fails, "rate_limit_error", "slow down"),
        "invalid-mid-stream": partial(fails, "invalid_request_error", "messages: too long"),
        "early-error": partial(fails, "overloaded_error", "Overloaded", after=ClaudeExchange.open_stream),
        "slow-first-token": slow_first_token,
        "hang": hang,
    }

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        """One path; a request that breaks the vendor's rules is refused."""
        if path != "/v1/messages":
            return None
        wrong = fault(body)
        return f"{FAULT}{wrong}" if wrong else str(body["model"])

    def scenario(self, model: str) -> Scenario:
        """The table's function, or the refusal of a request that breaks a rule."""
        if not model.startswith(FAULT):
            return super().scenario(model)
        return lambda exchange: exchange.answer(400, self.error(400, model))

    def listing(self, path: str) -> object | None:
        """Two models."""
        if not path.startswith("/v1/models"):
            return None
        rows = [{"type": "model", "id": name, "display_name": name} for name in ("claude-opus-5-5", "claude-haiku-5-5")]
        return {"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]}

    def error(self, status: int, message: str) -> object:
        """The vendor's shape."""
        kind = TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def fault(body: Mapping[str, Any]) -> str:
    """What the vendor would refuse about a body; '' for nothing."""
    turns = [(turn["role"], _blocks(turn["content"])) for turn in body["messages"]]
    for rule, wrong in {
        "max_tokens is required": not isinstance(body.get("max_tokens"), int),
        "a role is unknown": any(role not in ("user", "assistant") for role, _ in turns),
        "a turn is empty": not turns or any(not blocks for _, blocks in turns),
        "a text is blank": any(not b["text"].strip() for _, blocks in turns for b in blocks if b["type"] == "text"),
        "tools are used and not described": "tools" not in body and any(
            block["type"] in ("tool_use", "tool_result") for _, blocks in turns for block in blocks),
        "a budget does not fit": "budget_tokens" in body.get("thinking", {})
        and not 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"],
        "results do not follow their calls": _unanswered(turns),
        "the last turn ends in white space": turns[-1][0] == "assistant" and _ends_blank(turns[-1][1]),
    }.items():  # fmt: skip
        if wrong:
            return rule
    return ""


def _ends_blank(blocks: list[Block]) -> bool:
    said = str(blocks[-1].get("text", "x"))
    return said != said.rstrip()


def _unanswered(turns: list[tuple[str, list[Block]]]) -> bool:
    """Every call is answered first thing in the very next turn, and nothing else is."""
    for (_, before), (_, after) in zip([("user", []), *turns], [*turns, ("user", [])], strict=True):
        called = [block["id"] for block in before if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in after if block["type"] == "tool_result"]
        first = [block["tool_use_id"] for block in after[: len(results)] if block["type"] == "tool_result"]
        if sorted(called) != sorted(results) or first != results:
            return True
    return False
