"""The last resort: with both stores away, a chat goes straight to a vendor of OpenAI's family and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from flask import Response

from memoryos_app.chat import stream
from memoryos_app.errors import public
from memoryos_tasks.core.errors import SensitiveContent, Unavailable, UpstreamError, UpstreamTimeout
from memoryos_tasks.core.models import ResolvedModel
from memoryos_tasks.core.refusal import error_object, failure_inside, refusal
from memoryos_tasks.core.routing_plan import in_house
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.vendors import OPENAI_FAMILY, Access, OpenAIDoor, access, openai_door

#: The largest answer, in bytes.
MAX_ANSWER = 64 * 1024 * 1024
#: How much of an error's body is read, in bytes, and for how long, in seconds.
MAX_ERROR = 64 * 1024
ERROR_WAIT = 5.0

_PIECE = 64 * 1024


def forward(settings: Settings, model: ResolvedModel, body: Mapping[str, Any]) -> Response:
    """Send the body on and relay what comes, until ``jobs.chat_deadline``.

    Raises :class:`Unavailable` for a vendor with a protocol of its own, :class:`SensitiveContent` for what no vendor
    may see, and :class:`UpstreamError` and its children.
    """
    llm = settings.llm
    reached = access(llm, model.provider)
    door = openai_door(model.provider, reached, llm.azure_openai_api_version) if reached else None
    if reached is None or door is None:
        raise Unavailable(
            f"The stores are away. Until they are back, only models of {', '.join(OPENAI_FAMILY)} can be asked, and "
            f"none of '{model.provider}'; try again.",
            retry_after=1,
        )
    if settings.router.sensitive and model.provider not in in_house(settings):
        _keep_in_house(settings.router.sensitive_keywords, body)
    until = time.monotonic() + settings.jobs.chat_deadline
    upstream = _sent(settings, model, reached, door, body)
    try:
        return _relay(upstream, model.provider, reached.api_key, until, streaming=bool(body.get("stream")))
    except BaseException:
        upstream.close()
        raise


def _keep_in_house(keywords: str, body: Mapping[str, Any]) -> None:
    if _guard(keywords).request(body):
        raise SensitiveContent


@lru_cache(maxsize=2)
def _guard(keywords: str) -> Sensitivity:
    return Sensitivity(keywords)


def _sent(
    settings: Settings, model: ResolvedModel, reached: Access, door: OpenAIDoor, body: Mapping[str, Any]
) -> Any:
    import requests

    llm, wanted = settings.llm, {**body, "model": model.model}
    if not body.get("stream"):
        wanted.pop("stream_options", None)  # vendors refuse them without a stream
    patience = llm.idle_timeout if body.get("stream") else settings.jobs.chat_deadline
    try:
        return requests.post(
            reached.base_url + door.chat(model.model),
            data=json.dumps(wanted, ensure_ascii=False).encode(),
            # identity: a compressing vendor would hold tokens back until it has a block of them.
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity", **door.headers},
            stream=True,
            timeout=(llm.connect_timeout, min(patience, settings.jobs.chat_deadline)),
            allow_redirects=False,
            auth=_nothing,
        )
    except requests.Timeout as error:
        raise UpstreamTimeout from error
    except requests.RequestException as error:
        raise UpstreamError(f"The model provider '{model.provider}' could not be reached.") from error


def _nothing(request: Any) -> Any:
    """Keeps a .netrc from replacing our key."""
    return request


def _relay(upstream: Any, provider: str, secret: str, until: float, *, streaming: bool) -> Response:
    status, kind = upstream.status_code, upstream.headers.get("Content-Type", "application/json")
    if status != 200:
        body = _start(upstream, provider)
        raise refusal(provider, status, upstream.headers, body, secret=secret, now=time.time())
    if not kind.startswith(stream.MIMETYPE if streaming else "application/json"):
        whole = _start(upstream, provider)
        _check(whole, provider, secret, kind)
        raise UpstreamError(f"The model provider '{provider}' did not stream, though it was asked to.")
    if streaming:
        response = Response(_flow(upstream, provider, until), content_type=kind, headers=stream.HEADERS)
    else:
        whole = b"".join(_pieces(upstream, provider, until))
        _check(whole, provider, secret, kind)
        response = Response(whole, content_type=kind)
    response.call_on_close(upstream.close)
    return response


def _start(upstream: Any, provider: str) -> bytes:
    """As much of a body as is worth waiting for."""
    read = b""
    with suppress(UpstreamError):  # the status says enough
        for piece in _pieces(upstream, provider, time.monotonic() + ERROR_WAIT):
            read += piece
            if len(read) > MAX_ERROR:
                break
    return read[:MAX_ERROR]


def _check(whole: bytes, provider: str, secret: str, kind: str) -> None:
    """Raise the error that stands in a 200, or that it is no JSON object at all."""
    try:
        parsed = json.loads(whole)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise UpstreamError(f"The model provider '{provider}' answered 200 with what is no JSON object ({kind}).")
    if parsed.get("error"):
        raise failure_inside(provider, error_object(parsed["error"]), secret=secret)


def _flow(upstream: Any, provider: str, until: float) -> Iterator[bytes]:
    """A stream's bytes; a stream that does not come to its terminal event ends with an error event."""
    tail = b""
    try:
        for piece in _pieces(upstream, provider, until):
            tail = (tail + piece)[-64:]
            yield piece
        if b"[DONE]" not in tail:
            raise UpstreamError(f"The model provider '{provider}' ended its answer without its terminal event.")
    except UpstreamError as error:
        yield b"\n\n" + stream.event("", stream.text(public(error.described()))).encode()
    finally:
        upstream.close()


def _pieces(upstream: Any, provider: str, until: float) -> Iterator[bytes]:
    """The body's bytes as they come. Raises :class:`UpstreamError` when it breaks off, or is too long or too large."""
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    size = 0
    try:
        while piece := upstream.raw.read1(_PIECE, decode_content=True):
            size += len(piece)
            if size > MAX_ANSWER:
                raise UpstreamError(f"The model provider '{provider}' sent more than {MAX_ANSWER} bytes.")
            if time.monotonic() >= until:
                raise UpstreamTimeout(f"The model provider '{provider}' did not finish before the deadline.")
            yield piece
    except (ReadTimeoutError, TimeoutError) as error:
        raise UpstreamTimeout(f"The model provider '{provider}' fell silent.") from error
    except (HTTPError, OSError) as error:
        name = type(error).__name__
        raise UpstreamError(f"The model provider '{provider}' broke off its answer ({name}).") from error
