"""The plain protocol of the original's model servers: ``POST endpoint {"prompt", "temperature", "max_tokens"}``.

Answered ``{"text": …}``; see :mod:`memoryos_tasks.adapters.llm.glm_answer` for what else is understood.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from memoryos_tasks.adapters.llm.credential import credential
from memoryos_tasks.adapters.llm.glm_answer import texts
from memoryos_tasks.adapters.llm.refusal import error_object, failure_inside
from memoryos_tasks.adapters.llm.reply import Reply, usage
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Answer, Transport
from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.errors import InvalidRequest, UpstreamError
from memoryos_tasks.ports.keepsakes import Keepsakes, NoKeepsakes
from memoryos_tasks.ports.llm import ModelCall

_NAME = "glm"
#: The fields of a request that go along with the prompt.
PASSED = ("temperature", "max_tokens", "top_p", "top_k", "stop", "seed")
#: How the speakers of a conversation are told apart in a prompt.
_SPEAKERS = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


class GlmProvider:
    """``base_url`` is the endpoint itself, query and all: nothing is added to it. ``api_key`` is a bearer token."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        timeouts: Timeouts,
        *,
        keepsakes: Keepsakes = NoKeepsakes(),  # noqa: B008
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = credential(api_key, "The token of a glm endpoint holds characters that no token has.")
        headers = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        address, mark, query = base_url.partition("?")
        self._query = mark + query
        self._transport = Transport(_NAME, address, headers, timeouts, secret=self._secret)
        self._clock = clock

    def models(self) -> list[str]:
        """It lists none."""
        return []

    def complete(self, call: ModelCall) -> dict[str, Any]:
        """The answer as a ``chat.completion``."""
        return self.completion(call, *self.ask(prompt(call.body), passed(call.body), call))

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        """The answer as chunks. The protocol has no streams: all comes at once."""
        (text,), counts = self.ask(prompt(call.body), passed(call.body), call)
        yield from self._chunks(Reply(call, self._clock), text, counts)

    def ask(
        self, prompts: str | Sequence[str], fields: Mapping[str, Any], call: ModelCall
    ) -> tuple[list[str], Mapping[str, Any]]:
        """The answers to one prompt or to a list of them, and the usage where it is told.

        ``call`` gives the limits. Raises :class:`UpstreamError` and its children, :class:`NoLists` among them.
        """
        body = {"prompt": prompts if isinstance(prompts, str) else list(prompts), **fields}
        wanted = 1 if isinstance(prompts, str) else len(prompts)
        with self._transport.post(
            self._query, body, deadline=call.deadline, stream=False, cancelled=call.cancelled
        ) as answer:
            told = self._parsed(answer, answer.body())
            found = texts(told)
            if found is None:
                raise answer.broken("answered without a text")
            if len(found) != wanted:
                raise NoLists(f"The model provider '{_NAME}' gave {len(found)} answers to {wanted} prompts.",
                              upstream_status=answer.status)
        counts = told.get("usage") if isinstance(told, Mapping) else None
        return found, counts if isinstance(counts, Mapping) else {}

    def completion(self, call: ModelCall, answers: Sequence[str], counts: Mapping[str, Any]) -> dict[str, Any]:
        """The ``chat.completion`` of the one answer."""
        reply = Reply(call, self._clock)
        reply.wants_usage = True
        return assemble(self._chunks(reply, answers[0], counts))

    @staticmethod
    def _chunks(reply: Reply, text: str, counts: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        yield reply.text(text)
        yield reply.finish("stop")
        asked, written = counts.get("prompt_tokens"), counts.get("completion_tokens")
        if reply.wants_usage and isinstance(asked, int) and isinstance(written, int):
            yield reply.usage(usage(asked, written))

    def _parsed(self, answer: Answer, body: bytes) -> dict[str, Any] | list[Any] | str:
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise answer.broken(f"answered {answer.status} with what is not JSON") from None
        if isinstance(told, dict) and told.get("error"):
            raise failure_inside(_NAME, error_object(told["error"]), secret=self._secret)
        if not isinstance(told, dict | list | str):
            raise answer.broken(f"answered {answer.status} with JSON that holds no text")
        return told


class NoLists(UpstreamError):
    """The model provider does not answer each prompt of a list."""


def passed(body: Mapping[str, Any]) -> dict[str, Any]:
    """What goes along with the prompt."""
    fields = {name: body[name] for name in PASSED if body.get(name) is not None}
    if "max_tokens" not in fields and body.get("max_completion_tokens") is not None:
        fields["max_tokens"] = body["max_completion_tokens"]
    return fields


def prompt(body: Mapping[str, Any]) -> str:
    """The conversation as one text: a single message as it stands, several with their speakers, a line each.

    Raises :class:`InvalidRequest` for what is no text.
    """
    messages = body.get("messages") or []
    said = [(str(message.get("role")), _text(message.get("content"))) for message in messages]
    if len(said) == 1:
        return said[0][1]
    lines = [f"{_SPEAKERS.get(role, role.capitalize())}: {text}" for role, text in said if text]
    return "\n".join([*lines, "Assistant:"])


def _text(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else []
    if not parts or not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in parts):
        raise InvalidRequest("A glm endpoint takes text only; leave out what is not text.", param="messages")
    return "\n".join(str(part["text"]) for part in parts)
