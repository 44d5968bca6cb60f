"""Request bodies: bounded, drained when too large, and strictly JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Request, g
from werkzeug.exceptions import RequestTimeout, UnsupportedMediaType

from memoryos_app.schemas.faults import path_of
from memoryos_tasks.core.errors import BodyTooLarge, InvalidRequest

MIB = 1024 * 1024
#: Largest body of a chat, which may carry images, and of every other call; bytes.
CHAT_LIMIT = 20 * MIB
LIMIT = MIB
#: Largest body of an import, which is read as it arrives; bytes.
IMPORT_LIMIT = 256 * MIB
#: How much of a refused body is read away, so that its sender reads the answer; bytes and seconds.
DRAIN_BYTES = 64 * MIB
DRAIN_SECONDS = 10.0
#: Longest silence while a body arrives, in seconds.
SILENCE = 30.0
_PIECE = 64 * 1024
#: Where a parsed body waits for its second reader.
_READ = "memoryos.body"


def limit_of(path: str) -> int:
    """The largest body that this path accepts, in bytes."""
    if path == "/v1/memory/import":
        return IMPORT_LIMIT
    return CHAT_LIMIT if path.startswith("/v1/chat/") else LIMIT


def read_json(request: Request) -> Any:
    """The body as parsed JSON, kept in ``g.body`` for who reads it again. Raises InvalidRequest and BodyTooLarge."""
    if _READ in request.environ:
        return request.environ[_READ]
    raw = read(request)
    if request.mimetype and request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise UnsupportedMediaType(
            f"The body's Content-Type is {request.mimetype!r}; send 'Content-Type: application/json'."
        )
    g.body = request.environ[_READ] = parse(raw)
    return g.body


def read(request: Request) -> bytes:
    """The raw body. Raises :class:`BodyTooLarge` after reading the rest away."""
    return b"".join(pieces(request))


def pieces(request: Request) -> Iterator[bytes]:
    """The raw body as it arrives. Raises :class:`BodyTooLarge` after reading the rest away."""
    limit, size = limit_of(request.path), 0
    with _patience(request):
        if request.content_length is not None and request.content_length > limit:
            raise _too_large(request, limit)
        while piece := request.stream.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise _too_large(request, limit)
            yield piece


def _too_large(request: Request, limit: int) -> BodyTooLarge:
    drain(request)
    return BodyTooLarge(
        f"The body is larger than the {limit // MIB} MiB that this call accepts; send less at once."
    )


def drain(request: Request) -> None:
    """Read the rest of a refused body away, within bounds, so that its sender reads the answer."""
    g.close_connection = True
    left, until = DRAIN_BYTES, time.monotonic() + DRAIN_SECONDS
    while left > 0 and time.monotonic() < until:
        piece = request.stream.read(_PIECE)
        if not piece:
            g.close_connection = False
            break
        left -= len(piece)


@contextmanager
def _patience(request: Request) -> Iterator[None]:
    """A limit on silence: the server's own socket has none while a body is read."""
    sock = request.environ.get("gunicorn.socket")
    if sock is None:
        yield
        return
    before = sock.gettimeout()
    sock.settimeout(SILENCE)
    try:
        yield
    except TimeoutError as error:
        g.close_connection = True
        raise RequestTimeout("The body did not arrive; nothing came for 30 seconds.") from error
    finally:
        sock.settimeout(before)


def parse(raw: bytes) -> Any:
    """Strict JSON: no NaN or Infinity (RFC 8259), no unpaired surrogates, since those cannot be stored."""
    if not raw.strip():
        raise InvalidRequest("The body is empty; send a JSON object.")
    odd: list[str] = []

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            odd.append(text)
        return value

    try:
        parsed = json.loads(raw, parse_constant=number, parse_float=number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"The body is not valid JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except ValueError:
        raise InvalidRequest(
            "The body is not valid JSON in UTF-8, or holds a number too long to read."
        ) from None
    if odd:
        path = path_of(_find(parsed, _not_finite))
        raise InvalidRequest(
            f"{path or 'A number'} is not a finite number (NaN and Infinity are not JSON).", param=path
        )
    if b"\\ud" in raw or b"\\uD" in raw:
        found = _find(parsed, _unpaired)
        if found is not None:
            path = path_of(found)
            raise InvalidRequest(
                f"{path or 'A text'} holds half of a surrogate pair, which is not text.", param=path
            )
    return parsed


def _not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _unpaired(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def _find(parsed: Any, wrong: Any) -> tuple[str | int, ...] | None:
    """The path of the first value (or key) that is wrong; without recursion, since depth is the client's."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), parsed)]
    while stack:
        path, value = stack.pop()
        if wrong(value):
            return path
        if isinstance(value, dict):
            if any(wrong(key) for key in value):
                return path
            stack += [((*path, key), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            stack += [((*path, index), inner) for index, inner in reversed(list(enumerate(value)))]
    return None
