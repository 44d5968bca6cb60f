"""The last resort: with both stores away, a chat goes straight to the OpenAI endpoint and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response

from memoryos_app.chat import stream
from memoryos_app.errors import public
from memoryos_tasks.core.errors import Unavailable, UpstreamError, UpstreamTimeout
from memoryos_tasks.core.models import ResolvedModel
from memoryos_tasks.core.settings import Llm

BASE_URL = "https://api.openai.com/v1"
_PIECE = 8192
#: What the client may do something about; a refused key is ours, and its error may quote it.
_PASSED = (200, 400, 404, 413, 422, 429)


def forward(llm: Llm, model: ResolvedModel, body: Mapping[str, Any]) -> Response:
    """Send the body on and relay what comes. Raises :class:`Unavailable` and :class:`UpstreamError`."""
    import requests

    if model.provider != "openai":
        raise Unavailable(
            "The stores are away, and only OpenAI models can be reached without them.", retry_after=1
        )
    headers = {"Content-Type": "application/json"}
    if llm.openai_api_key:
        headers["Authorization"] = f"Bearer {llm.openai_api_key}"
    url = f"{(llm.openai_base_url or BASE_URL).rstrip('/')}/chat/completions"
    sent = json.dumps({**body, "model": model.model}, ensure_ascii=False).encode()
    patience = llm.idle_timeout if body.get("stream") else llm.first_token_timeout
    try:
        upstream = requests.post(
            url,
            data=sent,
            headers=headers,
            stream=True,
            timeout=(llm.connect_timeout, patience),
            allow_redirects=False,
        )
    except requests.Timeout as error:
        raise UpstreamTimeout from error
    except requests.RequestException as error:
        raise UpstreamError("The model provider could not be reached.") from error
    return _relay(upstream, streaming=bool(body.get("stream")))


def _relay(upstream: Any, *, streaming: bool) -> Response:
    status, kind = upstream.status_code, upstream.headers.get("Content-Type", "application/json")
    flowing = streaming and status == 200
    expected = stream.MIMETYPE if flowing else "application/json"
    if status not in _PASSED or not kind.startswith(expected):
        upstream.close()
        raise UpstreamError(f"The model provider answered {status} ({kind}).", upstream_status=status)
    response = Response(_pieces(upstream) if flowing else _whole(upstream), status=status, content_type=kind)
    response.call_on_close(upstream.close)
    if "Retry-After" in upstream.headers:
        response.headers["Retry-After"] = upstream.headers["Retry-After"]
    if flowing:
        response.headers.update(stream.HEADERS)
    return response


def _whole(upstream: Any) -> bytes:
    import requests

    try:
        content: bytes = upstream.content
    except requests.RequestException as error:
        raise UpstreamError("The model provider broke off its answer.") from error
    finally:
        upstream.close()
    if not content.strip():
        raise UpstreamError(
            "The model provider answered with an empty body.", upstream_status=upstream.status_code
        )
    return content


def _pieces(upstream: Any) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    tail = b""
    try:
        for piece in upstream.raw.stream(_PIECE, decode_content=True):
            tail = (tail + piece)[-64:]
            yield piece
    except (HTTPError, OSError) as error:
        broken = UpstreamError(f"The model provider broke off its answer ({type(error).__name__}).")
        yield b"\n\n" + stream.event("", stream.text(public(broken.described()))).encode()
        return
    if b"[DONE]" not in tail and upstream.status_code == 200:
        broken = UpstreamError("The model provider ended its answer without its terminal event.")
        yield b"\n\n" + stream.event("", stream.text(public(broken.described()))).encode()
