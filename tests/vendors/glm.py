"""A stand-in for plain model servers: ``POST /generate {"prompt", "temperature", "max_tokens"}``.

It has no model names: :attr:`Glm.mode` says what it does, and may be changed while it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from vendors.base import PATIENCE, Exchange, Scenario, Vendor

PATH = "/generate"


class GlmExchange(Exchange):
    """Answers with the prompt in capitals, or with each of a list."""

    @property
    def said(self) -> Any:
        prompt = self.body["prompt"]
        return prompt.upper() if isinstance(prompt, str) else [one.upper() for one in prompt]


def text(exchange: GlmExchange) -> None:
    exchange.answer(200, {"text": exchange.said})


def response(exchange: GlmExchange) -> None:
    exchange.answer(200, {"response": exchange.said})


def output(exchange: GlmExchange) -> None:
    exchange.answer(200, {"output": exchange.said, "usage": {"prompt_tokens": 3, "completion_tokens": 2}})


def openai(exchange: GlmExchange) -> None:
    """As OpenAI answers, the last choice first."""
    said = exchange.said if isinstance(exchange.said, list) else [exchange.said]
    choices = [{"index": at, "message": {"role": "assistant", "content": one}} for at, one in enumerate(said)]
    exchange.answer(200, {"choices": choices[::-1]})


def rows(exchange: GlmExchange) -> None:
    """One object for each prompt."""
    said = exchange.said if isinstance(exchange.said, list) else [exchange.said]
    exchange.answer(200, [{"text": one} for one in said])


def healthy(exchange: GlmExchange) -> None:
    """As ``text``, after a moment."""
    time.sleep(exchange.server.seconds)
    text(exchange)


def slow(exchange: GlmExchange) -> None:
    """Answers, much later."""
    exchange.server.released.wait(min(PATIENCE, 60 * exchange.server.seconds))
    text(exchange)


def failing(exchange: GlmExchange) -> None:
    exchange.answer(500, {"error": "out of memory"})


def no_lists(exchange: GlmExchange) -> None:
    """The original's servers: a prompt is a text."""
    if isinstance(exchange.body["prompt"], str):
        text(exchange)
    else:
        exchange.answer(422, {"detail": "prompt must be a string"})


def breaks_on_lists(exchange: GlmExchange) -> None:
    if isinstance(exchange.body["prompt"], str):
        text(exchange)
    else:
        exchange.answer(500, {"error": "AttributeError"})


def joined(exchange: GlmExchange) -> None:
    """One answer to all of a list."""
    said = exchange.said
    exchange.answer(200, {"text": said if isinstance(said, str) else " ".join(said)})


def error_inside(exchange: GlmExchange) -> None:
    exchange.answer(200, {"error": {"message": "overloaded", "code": 503}})


def empty(exchange: GlmExchange) -> None:
    exchange.answer(200, {"status": "ok"})


def not_json(exchange: GlmExchange) -> None:
    exchange.answer(200, b"hello", "text/plain")


def silent(exchange: GlmExchange) -> None:
    exchange.wait_gone()


SCENARIOS: tuple[Callable[[GlmExchange], None], ...] = (
    text, response, output, openai, rows, healthy, slow, failing, no_lists, breaks_on_lists, joined, error_inside,
    empty, not_json, silent,
)


class Glm(Vendor):
    """One endpoint. ``seconds``: what a healthy answer takes; a slow one takes sixty times as long."""

    exchange: ClassVar[type[Exchange]] = GlmExchange
    scenarios: ClassVar[Mapping[str, Scenario]] = {
        "echo": text, **{scenario.__name__: scenario for scenario in SCENARIOS}}

    def __init__(self, mode: str = "text", *, seconds: float = 0.05, port: int = 0, record: bool = True) -> None:
        super().__init__(port, record=record)
        self.mode = mode
        self.seconds = seconds
        #: Prompts by now.
        self.prompts = 0

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        if path != PATH:
            return None
        self.prompts += 1 if isinstance(body["prompt"], str) else len(body["prompt"])
        return self.mode

    def listing(self, path: str) -> object | None:
        return {"status": "ok"} if path == "/health" else None

    def error(self, status: int, message: str) -> object:
        return {"error": message}

    @property
    def url(self) -> str:
        return f"{super().url}{PATH}"
