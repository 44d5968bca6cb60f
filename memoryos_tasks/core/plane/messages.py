"""The opcodes of ``POST /mcp/messages``, and what an inference asks."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import NAMESPACE, Owner

#: A message of a conversation: ``{"role", "content", …}``.
Said = Mapping[str, Any]

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,4}\Z")


class Opcode(IntEnum):
    """What a message wants."""

    PING = 0x01
    LIST_MODELS = 0x02
    REGISTER = 0x03
    DEREGISTER = 0x04
    ENDPOINT_REPORT = 0x05
    NODE_STATUS = 0x06
    SESSION_READ = 0x07
    SESSION_CLOSE = 0x08
    CANCEL = 0x09
    INFERENCE = 0x0A

    @property
    def word(self) -> str:
        """Its name, as answers show it."""
        return self.name.lower()

    @property
    def shown(self) -> str:
        """Its number, as answers show it: ``0x0A``."""
        return f"0x{self.value:02X}"


def opcode_of(raw: object) -> Opcode:
    """The opcode of a number or of a text such as ``"0x0A"``. Raises :class:`InvalidRequest`."""
    number = raw if isinstance(raw, int) and not isinstance(raw, bool) else None
    if isinstance(raw, str) and _HEX.match(raw):
        number = int(raw, 16)
    if number is None:
        raise InvalidRequest("opcode: must be a number, or a text such as \"0x0A\".", param="opcode")
    try:
        return Opcode(number)
    except ValueError:
        known = ", ".join(f"{each.shown} {each.word}" for each in Opcode)
        raise InvalidRequest(f"opcode: there is none 0x{number:02X}; known are: {known}.", param="opcode") from None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """An inference as its client asked for it: a prompt or messages, of one session or of none ("").

    ``request_id``: the client's own name for it, "" for none; the same again is the same inference.
    """

    owner: Owner
    prompt: str | None = None
    messages: Sequence[Said] = ()
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    session: str = ""
    request_id: str = ""

    @property
    def said(self) -> list[Said]:
        """What it adds to its session."""
        return [{"role": "user", "content": self.prompt}] if self.prompt is not None else list(self.messages)

    @property
    def job_id(self) -> str:
        """Its job: with a request_id always the same, else a new one at each look."""
        if not self.request_id:
            return f"job_{uuid.uuid4().hex}"
        return job_id_of(self.owner, self.request_id)

    @property
    def digest(self) -> str:
        """What makes two with one request_id the same; the context that the session had is no part of it."""
        said = [self.prompt, [dict(one) for one in self.messages], self.model, self.temperature, self.max_tokens,
                self.session]
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def body(self, context: Sequence[Said]) -> dict[str, Any]:
        """What the model is asked: after a context, messages; else what the client sent."""
        body: dict[str, Any] = {}
        if self.model is not None:
            body["model"] = self.model
        if context or self.prompt is None:
            body["messages"] = [*context, *self.said]
        else:
            body["prompt"] = self.prompt
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        return body


def job_id_of(owner: Owner, request_id: str) -> str:
    """The job of an inference that its client named."""
    name = json.dumps(["infer", owner.tenant, owner.user, request_id], ensure_ascii=False)
    return f"job_{uuid.uuid5(NAMESPACE, name).hex}"
