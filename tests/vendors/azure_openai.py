"""A stand-in for Azure OpenAI.

Protocol: https://learn.microsoft.com/azure/ai-services/openai/reference and …/concepts/content-filter: a stream begins
with a chunk that has no choices; the asynchronous filter annotates in chunks that have no delta, also after the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from vendors.base import Exchange, Scenario
from vendors.openai import SCENARIOS, Chat, OpenAIVendor

SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
PROMPT = [{"prompt_index": 0, "content_filter_results": SAFE}]


class AzureChat(Chat):
    """Every answer carries what the filter found."""

    def begin(self) -> None:
        self.open_stream()
        self.event({**EMPTY, "prompt_filter_results": PROMPT})
        self.event(self.chunk({"role": "assistant", "content": ""}))

    def completion(self, message: Mapping[str, Any], finish: str = "stop", **extra: Any) -> dict[str, Any]:
        whole = super().completion(message, finish, prompt_filter_results=PROMPT, **extra)
        whole["choices"][0]["content_filter_results"] = SAFE
        return whole


EMPTY = {"id": "", "object": "", "created": 0, "model": "", "choices": []}


def _blocked(chat: Chat) -> None:
    found = {**SAFE, "violence": {"filtered": True, "severity": "medium"}}
    chat.answer(400, {"error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found},
    }})  # fmt: skip


def _cut(chat: Chat) -> None:
    """The filter takes the rest away: a whole answer has no content then."""
    if chat.streaming:
        chat.begin()
        chat.event(chat.chunk({"content": "I will "}))
        chat.end_with("content_filter")
        return
    whole = chat.completion({"content": "I will "}, "content_filter")
    del whole["choices"][0]["message"]["content"]
    chat.answer(200, whole)


def _annotated(chat: Chat) -> None:
    """The asynchronous filter: what it found comes later than what it is about."""
    note = {"index": 0, "finish_reason": None, "content_filter_results": SAFE,
            "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198}}  # fmt: skip
    chat.begin()
    chat.event(chat.chunk({"content": "Hello"}))
    chat.event({**EMPTY, "choices": [note]})
    chat.event(chat.chunk({}, "stop"))
    chat.event({**EMPTY, "choices": [note]})
    chat.done()


class AzureOpenAIVendor(OpenAIVendor):
    """Takes deployments in the path with a version, or the newer protocol below ``/openai/v1``."""

    base_path: ClassVar[str] = ""
    exchange: ClassVar[type[Exchange]] = AzureChat
    scenarios: ClassVar[Mapping[str, Scenario]] = {
        **SCENARIOS, "content-block": _blocked, "content-cut": _cut, "annotated": _annotated,
    }  # fmt: skip

    def model(self, path: str, body: Mapping[str, Any]) -> str | None:
        parts = urlsplit(path)
        if parts.path == "/openai/v1/chat/completions":
            return str(body["model"])
        found = re.fullmatch(r"/openai/deployments/([^/]+)/chat/completions", parts.path)
        return unquote(found[1]) if found and parse_qs(parts.query).get("api-version") else None

    def listing(self, path: str) -> object | None:
        return None

    def error(self, status: int, message: str) -> object:
        return {"error": {"code": _CODES.get(status, str(status)), "message": message}}


_CODES = {404: "DeploymentNotFound", 401: "401"}
