"""A chat request as the gateway understands it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request

from memoryos_app.caller import caller, header_id, header_text, owner_named
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.events import NAMESPACE, Owner

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What was asked; ``body`` is the client's JSON. The owner's user is "" when nobody was named."""

    owner: Owner
    body: Mapping[str, Any]
    session: str
    assistant: str
    memory: bool
    stream: bool
    respond_async: bool
    idempotency_key: str
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def digest(self) -> str:
        """What makes two requests with one Idempotency-Key the same."""
        said = [self.body, self.owner.user, self.session, self.assistant, self.memory]
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def job_id(self, attempt: int = 0) -> str:
        """This request's id; with an Idempotency-Key, the one that the key stands for."""
        if not self.idempotency_key:
            return f"job_{self.nonce}"
        owner = self.owner
        name = json.dumps(["chat", owner.tenant, owner.user, self.idempotency_key, attempt], ensure_ascii=False)
        return f"job_{uuid.uuid5(NAMESPACE, name).hex}"

    def row(self) -> dict[str, Any]:
        """The request as a worker takes it."""
        return {
            "body": self.body,
            "session": self.session,
            "assistant": self.assistant,
            "memory": self.memory,
            "stream": self.stream,
            "digest": self.digest,
        }


def parse(request: Request, body: Mapping[str, Any]) -> ChatRequest:
    """The chat request of a checked body and its headers. Raises InvalidRequest and Forbidden."""
    owner = owner_named(request, body.get("user"), "user")
    switch = request.headers.get("X-MemoryOS-Memory", "on").strip().lower()
    if switch not in ("on", "off"):
        raise InvalidRequest("X-MemoryOS-Memory must be 'on' or 'off'.", param="X-MemoryOS-Memory")
    prefer = {part.strip().lower() for part in request.headers.get("Prefer", "").replace(";", ",").split(",")}
    return ChatRequest(
        owner=owner or Owner(caller().tenant, ""),
        body=body,
        session=header_id(request, "X-MemoryOS-Session") or DEFAULT,
        assistant=header_id(request, "X-MemoryOS-Assistant") or DEFAULT,
        memory=owner is not None and switch == "on",
        stream=bool(body.get("stream")),
        respond_async="respond-async" in prefer,
        # Empty is refused: a client that means to be safe would be told that it is.
        idempotency_key=header_text(request, "Idempotency-Key") or "",
    )
