"""``POST /v1/chat/completions``."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request

from memoryos_app import proxy
from memoryos_app.api import Area, gives, headers, route, takes
from memoryos_app.chat import answer
from memoryos_app.chat.ask import ask, ask_later
from memoryos_app.chat.request import parse
from memoryos_app.gone import ClientGone, detector
from memoryos_app.models import resolved
from memoryos_app.parts import parts
from memoryos_app.schemas.chat import ChatAnswerSchema, ChatSchema
from memoryos_app.schemas.errors import ErrorSchema
from memoryos_app.schemas.jobs import AcceptedSchema

area = Area("chat", __name__, description="Chat that remembers")


@route(area, "/v1/chat/completions", "POST")
@takes(area, ChatSchema)
@gives(area, 200, ChatAnswerSchema, says="The completion; with `stream: true` chunks as server-sent events.")
@gives(area, 202, AcceptedSchema, says="With `Prefer: respond-async`: the job to ask about.")
@gives(area, 404, ErrorSchema, says="The model is not known, or its provider is not configured.")
@gives(area, 503, ErrorSchema, says="The broker is away or no worker is ready; see Retry-After.")
@headers(
    area,
    "X-MemoryOS-User",
    "X-MemoryOS-Session",
    "X-MemoryOS-Assistant",
    "X-MemoryOS-Memory",
    "Prefer",
    "Idempotency-Key",
)
def complete(checked: dict[str, Any]) -> Response:
    """Answer a conversation

    OpenAI's chat completion, with the user's memories in the prompt and the new messages remembered. The user
    is `user` in the body, else the header, else the key's own; without one, memory is off for the request.
    A stream's headers wait up to 10 seconds for its first chunk, so that an early error is a status; after
    that an error is an event. A stream that ends without `[DONE]` has failed.
    """
    here = parts()
    model = resolved(here, checked["model"])
    chat = parse(request, g.body)
    state = here.watch.state
    if not state.truth and not state.traffic and not chat.respond_async:
        response = proxy.forward(here.settings(), model, chat.body)
        response.headers["X-MemoryOS-Memory"] = "off"
        return response
    if chat.respond_async:
        job_id, _ = ask_later(here, chat, g.request_id)
        return answer.promise(job_id)
    asked = ask(here, chat, g.request_id)
    gone = detector(request.environ)
    try:
        return answer.streamed(asked, chat, gone) if chat.stream else answer.whole(asked, chat, gone)
    except ClientGone:
        g.close_connection = True
        return Response(status=499)  # Nobody reads this; the log line does say it.
